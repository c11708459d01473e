// Tokens that are found in the text before it is cut, as whole strings.
//
//   special     stands for no text (mask, end, role markers). Looked for only on request: what a user typed is text.
//   normalized  looked for in the normalized text, in its own normalized form; otherwise in the text as it is
//   single_word only between characters that are not of a word (letter, mark, digit, _)
//   lstrip      takes the white space on its left along; rstrip on its right
//
// The leftmost match wins, of those that begin together the longest. A match that single_word rules out is passed over whole.
// Source: Hugging Face tokenizers, tokenizer/added_vocabulary.rs. Deviation: there a special token that is not looked for still hides
// shorter ordinary ones inside it.
using System.Buffers;
using System.Globalization;
using System.Text;

namespace Cinnabar.Tokenizers;

/// <summary>A token that is found as a whole.</summary>
internal sealed record AddedToken(int Id, string Content, bool Special)
{
    /// <summary>Whether it is looked for after normalization.</summary>
    public bool Normalized { get; init; }

    /// <summary>Whether it must not touch other word characters.</summary>
    public bool SingleWord { get; init; }

    /// <summary>Whether it takes white space on its left along.</summary>
    public bool LStrip { get; init; }

    /// <summary>Whether it takes white space on its right along.</summary>
    public bool RStrip { get; init; }
}

/// <summary>The added tokens of a tokenizer.</summary>
internal sealed class AddedTokens
{
    private readonly Dictionary<string, AddedToken> _byContent;
    private readonly AddedTokenSearch[] _searches; // [normalized · 2 + special tokens too]

    /// <summary>Prepares the searches.</summary>
    /// <param name="tokens">The tokens, each content once.</param>
    /// <param name="normalizer">What the text is normalized with.</param>
    public AddedTokens(IReadOnlyList<AddedToken> tokens, Normalizer? normalizer)
    {
        All = tokens;
        _byContent = tokens.ToDictionary(token => token.Content);
        _searches = new AddedTokenSearch[4];
        for (int i = 0; i < _searches.Length; i++)
        {
            bool normalized = i >= 2;
            bool special = i % 2 != 0;
            Dictionary<string, AddedToken> found = [];
            foreach (AddedToken token in tokens.Where(token => token.Normalized == normalized && (special || !token.Special)))
            {
                found.TryAdd(normalized ? normalizer?.Normalize(token.Content) ?? token.Content : token.Content, token);
            }

            found.Remove("");
            _searches[i] = new AddedTokenSearch(found);
        }

        Marked = new AddedTokenSearch(tokens
            .Where(token => token.Special ? IsBreakable(token.Content) : !token.Normalized && token.Content.Length > 0)
            .ToDictionary(token => token.Content));
    }

    /// <summary>All of them, in the order of the file.</summary>
    public IReadOnlyList<AddedToken> All { get; }

    /// <summary>The token of a content.</summary>
    public AddedToken? Find(string content) => _byContent.GetValueOrDefault(content);

    /// <summary>
    /// The search in text, not yet normalized, in which a mark breaks the names of special tokens that are none: special tokens are found
    /// as they are spelled alone, and those of one character, which no mark can break, never.
    /// </summary>
    public AddedTokenSearch Marked { get; }

    /// <summary>Where a mark breaks a name: behind its first character, which may be two UTF-16 units.</summary>
    public static int BreakOf(string name) => Rune.TryGetRuneAt(name, 0, out Rune first) ? first.Utf16SequenceLength : 1;

    /// <summary>Whether a mark can break a name: it has more than one character.</summary>
    public static bool IsBreakable(string name) => name.Length > 1 && name.Length > BreakOf(name);

    /// <summary>The search in text that is not yet, or already, normalized.</summary>
    public AddedTokenSearch Search(bool normalized, bool special) => _searches[(normalized ? 2 : 0) + (special ? 1 : 0)];
}

/// <summary>Finds some of the added tokens in a text.</summary>
internal sealed class AddedTokenSearch
{
    private readonly Dictionary<string, AddedToken>.AlternateLookup<ReadOnlySpan<char>> _tokens;
    private readonly SearchValues<string> _search;
    private readonly int[] _lengths; // longest first

    /// <summary>Prepares the search.</summary>
    /// <param name="tokens">By the text that stands for each.</param>
    public AddedTokenSearch(Dictionary<string, AddedToken> tokens)
    {
        _tokens = tokens.GetAlternateLookup<ReadOnlySpan<char>>();
        _search = SearchValues.Create([.. tokens.Keys], StringComparison.Ordinal);
        _lengths = [.. tokens.Keys.Select(content => content.Length).Distinct().OrderDescending()];
    }

    /// <summary>Cuts a text into added tokens and what is between them (no token), leaving out empty parts.</summary>
    public IEnumerable<(int Start, int End, AddedToken? Token)> Split(string text)
    {
        int start = 0;
        int from = 0;
        while (_lengths.Length > 0 && text.AsSpan(from).IndexOfAny(_search) is int offset and >= 0)
        {
            int begin = from + offset;
            AddedToken token = LongestAt(text.AsSpan(begin), out int length);
            int end = begin + length;
            from = end;
            if (token.SingleWord && (EndsWithWord(text.AsSpan(0, begin)) || BeginsWithWord(text.AsSpan(end))))
            {
                continue;
            }

            while (token.LStrip && begin > start && char.IsWhiteSpace(text[begin - 1]))
            {
                begin--;
            }

            while (token.RStrip && end < text.Length && char.IsWhiteSpace(text[end]))
            {
                end++;
            }

            if (begin > start)
            {
                yield return (start, begin, null);
            }

            yield return (begin, end, token);
            start = end;
            from = end;
        }

        if (start < text.Length)
        {
            yield return (start, text.Length, null);
        }
    }

    private AddedToken LongestAt(ReadOnlySpan<char> text, out int length)
    {
        foreach (int candidate in _lengths)
        {
            if (candidate <= text.Length && _tokens.TryGetValue(text[..candidate], out AddedToken? token))
            {
                length = candidate;
                return token;
            }
        }

        throw new InvalidOperationException("The search found what the dictionary does not hold.");
    }

    private static bool EndsWithWord(ReadOnlySpan<char> text)
    {
        Rune.DecodeLastFromUtf16(text, out Rune rune, out _);
        return IsWord(rune);
    }

    private static bool BeginsWithWord(ReadOnlySpan<char> text)
    {
        Rune.DecodeFromUtf16(text, out Rune rune, out _);
        return IsWord(rune);
    }

    // \w; an empty text decodes to U+FFFD, which is none.
    private static bool IsWord(Rune rune)
    {
        return Rune.GetUnicodeCategory(rune) is <= UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber
            or UnicodeCategory.ConnectorPunctuation || rune.Value is 0x200C or 0x200D;
    }
}
