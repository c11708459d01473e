// WordPiece: from the left, always the longest token that fits; tokens inside a word are written with a prefix ("##"). A word in which
// some place fits no token, or which has too many characters, is one unknown token.
// Source: Devlin et al. 2018, google-research/bert tokenization.py, WordpieceTokenizer; "WordPiece" of Hugging Face tokenizers.
using System.Text;

namespace Cinnabar.Tokenizers;

/// <summary>Encodes words by the longest match. Thread-safe.</summary>
internal sealed class WordPiece : Model
{
    private readonly Dictionary<byte[], int>.AlternateLookup<ReadOnlySpan<byte>> _firsts;
    private readonly Dictionary<byte[], int>.AlternateLookup<ReadOnlySpan<byte>> _continuations;
    private readonly int _longest;
    private readonly int _unknownId;
    private readonly int _maxCharacters;

    /// <summary>Sorts the tokens into those that begin a word and those that continue one.</summary>
    /// <param name="tokens">The ordinary tokens, by spelling.</param>
    /// <param name="prefix">How a token that continues a word begins, "##" as a rule; it may be empty.</param>
    /// <param name="unknownId">The unknown token.</param>
    /// <param name="maxCharacters">More code points in a word make it unknown.</param>
    public WordPiece(IReadOnlyDictionary<string, int> tokens, string prefix, int unknownId, int maxCharacters)
    {
        Dictionary<byte[], int> firsts = new(ByteSequenceComparer.Instance);
        Dictionary<byte[], int> continuations = new(ByteSequenceComparer.Instance);
        foreach ((string token, int id) in tokens)
        {
            byte[] bytes = Encoding.UTF8.GetBytes(token);
            firsts[bytes] = id; // a word may begin with "##"
            if (token.StartsWith(prefix, StringComparison.Ordinal))
            {
                continuations[bytes[Encoding.UTF8.GetByteCount(prefix)..]] = id;
            }

            _longest = Math.Max(_longest, bytes.Length);
        }

        _firsts = firsts.GetAlternateLookup<ReadOnlySpan<byte>>();
        _continuations = continuations.GetAlternateLookup<ReadOnlySpan<byte>>();
        _unknownId = unknownId;
        _maxCharacters = maxCharacters;
    }

    /// <inheritdoc/>
    public override Model Fork() => this;

    /// <inheritdoc/>
    public override void Encode(ReadOnlySpan<byte> piece, List<int> output)
    {
        int before = output.Count;
        bool known = CountCharacters(piece) <= _maxCharacters;
        for (int start = 0; known && start < piece.Length;)
        {
            int length = LongestMatch(piece[start..], start == 0 ? _firsts : _continuations, out int id);
            known = length > 0;
            output.Add(id);
            start += length;
        }

        if (!known)
        {
            output.RemoveRange(before, output.Count - before);
            output.Add(_unknownId);
        }
    }

    private int LongestMatch(
        ReadOnlySpan<byte> text, Dictionary<byte[], int>.AlternateLookup<ReadOnlySpan<byte>> tokens, out int id)
    {
        for (int length = Math.Min(text.Length, _longest); length > 0; length--)
        {
            bool cutsACharacter = length < text.Length && (text[length] & 0xC0) == 0x80;
            if (!cutsACharacter && tokens.TryGetValue(text[..length], out id))
            {
                return length;
            }
        }

        id = _unknownId;
        return 0;
    }

    private static int CountCharacters(ReadOnlySpan<byte> text)
    {
        int count = 0;
        foreach (byte b in text)
        {
            count += (b & 0xC0) == 0x80 ? 0 : 1;
        }

        return count;
    }
}
