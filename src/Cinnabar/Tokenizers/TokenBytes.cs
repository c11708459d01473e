using System.Text;

namespace Cinnabar.Tokenizers;

/// <summary>What every id stands for, in bytes.</summary>
internal sealed class TokenBytes
{
    private readonly byte[][] _later; // by id; empty for special tokens and for ids without a token
    private readonly byte[][] _first; // the same where the text begins; mostly the very same arrays
    private readonly Dictionary<int, (byte[] First, byte[] Later)> _specialNames = [];

    /// <summary>Decodes every token once.</summary>
    /// <param name="spellings">By id: the spelling in the vocabulary; null where there is no token, or an added one.</param>
    /// <param name="added">The added tokens.</param>
    /// <param name="decoder">What spellings mean.</param>
    public TokenBytes(IReadOnlyList<string?> spellings, IReadOnlyList<AddedToken> added, Decoder decoder)
    {
        _later = new byte[spellings.Count][];
        _first = new byte[spellings.Count][];
        for (int id = 0; id < spellings.Count; id++)
        {
            string? spelling = spellings[id];
            Set(id, spelling is null ? [] : decoder.Decode(spelling, first: true), spelling is null ? [] : decoder.Decode(spelling, false));
        }

        foreach (AddedToken token in added)
        {
            byte[] first = decoder.DecodeAdded(token.Content, first: true);
            byte[] later = decoder.DecodeAdded(token.Content, first: false);
            if (token.Special)
            {
                Set(token.Id, [], []);
                _specialNames[token.Id] = (first, later);
            }
            else
            {
                Set(token.Id, first, later);
            }
        }
    }

    /// <summary>V: one more than the highest id.</summary>
    public int Count => _later.Length;

    /// <summary>The bytes of a token.</summary>
    public ReadOnlySpan<byte> this[int id, bool first] => (first ? _first : _later)[id];

    /// <summary>The bytes of a special token's name; none for other tokens.</summary>
    public ReadOnlySpan<byte> SpecialName(int id, bool first)
    {
        return !_specialNames.TryGetValue(id, out (byte[] First, byte[] Later) name) ? [] : first ? name.First : name.Later;
    }

    /// <summary>The lowest id that stands for exactly this text; −1 where there is none.</summary>
    public int Find(string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        int later = Array.FindIndex(_later, token => token.AsSpan().SequenceEqual(bytes));
        return bytes.Length == 0 ? -1 : later >= 0 ? later : Array.FindIndex(_first, token => token.AsSpan().SequenceEqual(bytes));
    }

    private void Set(int id, byte[] first, byte[] later)
    {
        _later[id] = later;
        _first[id] = first.AsSpan().SequenceEqual(later) ? later : first;
    }
}
