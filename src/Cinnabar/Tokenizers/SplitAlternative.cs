// One alternative of a split pattern, matched at a given place without backtracking.
//
//   items        character classes with ?, *, +, {m,n}, e.g. " ?\p{L}+"
//   contraction  "(?i:'s|'t|'re|'ve|'m|'ll|'d)" and its three other spellings
//   white space  the ends "\s+(?!\S)|\s+" and "\s*[\r\n]+|\s+(?!\S)|\s+" of a pattern, each taken as one alternative: a run of white
//                space up to its last line break; else all of it, without its last character when something follows
//
// Items are greedy, so only such sequences are accepted for which a regular expression would not give anything back: after an item of
// variable length every item may be empty. An optional first item is the exception: it is given back once.
using System.Globalization;
using System.Text;

namespace Cinnabar.Tokenizers;

/// <summary>One alternative of a split pattern.</summary>
internal abstract class SplitAlternative
{
    /// <summary>The end of the match that begins at <paramref name="start"/>, or −1.</summary>
    public abstract int Match(ReadOnlySpan<byte> text, int start);

    /// <summary>Whether a match may begin with an ASCII character.</summary>
    public abstract bool CanBeginWith(int character);
}

/// <summary>A sequence of character classes with quantifiers.</summary>
internal sealed class SplitItems : SplitAlternative
{
    private const int MaxRepeat = 64;
    private readonly Item[] _items;

    private SplitItems(Item[] items)
    {
        _items = items;
    }

    /// <summary>Reads an alternative; null where it is of another form.</summary>
    public static SplitItems? Parse(string pattern)
    {
        List<Item> items = [];
        bool variable = false;
        for (int at = 0; at < pattern.Length;)
        {
            if (CharacterClass.Parse(pattern, ref at) is not CharacterClass characters
                || !ReadQuantifier(pattern, ref at, out int least, out int most, out bool possessive))
            {
                return null;
            }

            bool first = items.Count == 0 && least == 0 && most == 1;
            if (variable && least > 0)
            {
                return null;
            }

            variable |= least != most && !first;
            items.Add(new Item(characters, least, most, GiveBack: first && !possessive));
        }

        return items.Any(item => item.Least > 0) ? new SplitItems([.. items]) : null;
    }

    public override bool CanBeginWith(int character)
    {
        foreach (Item item in _items)
        {
            if (item.Characters.Ascii[character])
            {
                return true;
            }

            if (item.Least > 0)
            {
                return false;
            }
        }

        return false;
    }

    public override int Match(ReadOnlySpan<byte> text, int start)
    {
        int end = Match(text, start, 0);
        return end < 0 && _items[0].GiveBack ? Match(text, start, 1) : end;
    }

    private int Match(ReadOnlySpan<byte> text, int at, int firstItem)
    {
        for (int i = firstItem; i < _items.Length; i++)
        {
            ref readonly Item item = ref _items[i];
            ReadOnlySpan<bool> ascii = item.Characters.Ascii;
            int most = item.Most;
            int count = 0;
            while (count < most && at < text.Length)
            {
                byte next = text[at];
                int length = 1;
                if (next < ascii.Length ? !ascii[next] : !item.Characters.Contains(text, at, out length))
                {
                    break;
                }

                at += length;
                count++;
            }

            if (count < item.Least)
            {
                return -1;
            }
        }

        return at;
    }

    private static bool ReadQuantifier(string pattern, ref int at, out int least, out int most, out bool possessive)
    {
        (least, most) = (1, 1);
        possessive = false;
        if (at == pattern.Length || pattern[at] is not ('?' or '*' or '+' or '{'))
        {
            return true;
        }

        char quantifier = pattern[at++];
        (least, most) = quantifier switch { '?' => (0, 1), '*' => (0, int.MaxValue), _ => (1, int.MaxValue) };
        if (quantifier == '{' && !ReadCounts(pattern, ref at, out least, out most))
        {
            return false;
        }

        possessive = at < pattern.Length && pattern[at] == '+';
        at += possessive ? 1 : 0;
        bool isRepeated = possessive && quantifier == '{'; // in Ruby's syntax, which these patterns have, {m,n}+ is ({m,n})+
        bool isLazy = at < pattern.Length && pattern[at] == '?';
        return !isRepeated && !isLazy;
    }

    // "{n}" or "{m,n}", after the brace.
    private static bool ReadCounts(string pattern, ref int at, out int least, out int most)
    {
        (least, most) = (0, 0);
        int end = pattern.IndexOf('}', at);
        if (end < 0)
        {
            return false;
        }

        string[] counts = pattern[at..end].Split(',');
        at = end + 1;
        bool understood = counts.Length <= 2
            && int.TryParse(counts[0], NumberStyles.None, CultureInfo.InvariantCulture, out least)
            && int.TryParse(counts[^1], NumberStyles.None, CultureInfo.InvariantCulture, out most);
        return understood && least >= 0 && most >= Math.Max(1, least) && most <= MaxRepeat;
    }

    private readonly record struct Item(CharacterClass Characters, int Least, int Most, bool GiveBack);
}

/// <summary>An English contraction: an apostrophe and s, t, m, d, re, ve or ll.</summary>
internal sealed class SplitContraction : SplitAlternative
{
    private readonly bool _ignoreCase;

    private SplitContraction(bool ignoreCase)
    {
        _ignoreCase = ignoreCase;
    }

    /// <summary>Recognises the spellings of published patterns; null for anything else.</summary>
    public static SplitContraction? Parse(string pattern)
    {
        return pattern switch
        {
            "(?i:'s|'t|'re|'ve|'m|'ll|'d)" or "'(?i:[sdmt]|ll|ve|re)" => new SplitContraction(ignoreCase: true),
            "(?:'s|'t|'re|'ve|'m|'ll|'d)" or "'(?:[sdmt]|ll|ve|re)" => new SplitContraction(ignoreCase: false),
            _ => null,
        };
    }

    public override bool CanBeginWith(int character) => character == '\'';

    public override int Match(ReadOnlySpan<byte> text, int start)
    {
        if (text[start] != (byte)'\'' || start + 1 == text.Length)
        {
            return -1;
        }

        ReadOnlySpan<byte> rest = text[(start + 1)..];
        char first = At(rest, 0);
        char second = At(rest, 1);
        bool long2 = (first is 'r' or 'v' && second == 'e') || (first == 'l' && second == 'l');
        bool longS = _ignoreCase && rest.StartsWith("\u017F"u8); // ſ is an s in another case
        return long2 || longS ? start + 3 : first is 's' or 't' or 'm' or 'd' ? start + 2 : -1;
    }

    private char At(ReadOnlySpan<byte> text, int index)
    {
        char c = index < text.Length ? (char)text[index] : '\0';
        return _ignoreCase ? char.ToLowerInvariant(c < 128 ? c : '\0') : c;
    }
}

/// <summary>A run of white space at the end of a pattern's alternatives.</summary>
internal sealed class SplitWhiteSpace : SplitAlternative
{
    private readonly bool _lineBreaks;

    /// <summary>Chooses between the two ends.</summary>
    /// <param name="lineBreaks">Whether the run ends at its last line break, if it has one.</param>
    public SplitWhiteSpace(bool lineBreaks)
    {
        _lineBreaks = lineBreaks;
    }

    public override bool CanBeginWith(int character) => char.IsWhiteSpace((char)character);

    public override int Match(ReadOnlySpan<byte> text, int start)
    {
        int end = start;
        int last = start;
        int afterLineBreak = -1;
        while (end < text.Length)
        {
            Rune.DecodeFromUtf8(text[end..], out Rune rune, out int length);
            if (!Rune.IsWhiteSpace(rune))
            {
                break;
            }

            last = end;
            end += length;
            afterLineBreak = rune.Value is '\r' or '\n' ? end : afterLineBreak;
        }

        if (end == start)
        {
            return -1;
        }

        return _lineBreaks && afterLineBreak > 0 ? afterLineBreak : end == text.Length || last == start ? end : last;
    }
}
