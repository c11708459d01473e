// A set of code points, as regular expressions write it: a single character, an escape, or a class in brackets.
//
//   supported: a, \n \r \t \f \v, \s, \p{X} for the general categories L M N P S and their parts, […], [^…], ranges a-z,
//   a backslash before punctuation
//
// White space is the Unicode property White_Space. Categories follow the Unicode version of the runtime. Everything is by code
// point: the regular expressions of .NET see the two halves of a character beyond U+FFFF and would cut it.
using System.Globalization;
using System.Text;

namespace Cinnabar.Tokenizers;

/// <summary>A set of code points.</summary>
internal sealed class CharacterClass
{
    private const string Metacharacters = @".^$*+?()[]{}|\";
    private readonly List<(int First, int Last)> _ranges = [];
    private readonly bool[] _ascii = new bool[128];
    private int _categories; // one bit for each UnicodeCategory
    private bool _whiteSpace;
    private bool _negated;

    private CharacterClass()
    {
    }

    /// <summary>Reads a class of a pattern.</summary>
    /// <param name="pattern">The pattern.</param>
    /// <param name="at">Where the class begins, then where it ends.</param>
    /// <returns>Null where the pattern uses something else.</returns>
    public static CharacterClass? Parse(string pattern, ref int at)
    {
        CharacterClass found = new();
        bool understood = pattern[at] == '[' ? found.AddBrackets(pattern, ref at) : found.AddItem(pattern, ref at, inBrackets: false);
        if (!understood)
        {
            return null;
        }

        for (int c = 0; c < found._ascii.Length; c++)
        {
            found._ascii[c] = found.Contains(new Rune(c));
        }

        return found;
    }

    /// <summary>[128]: whether an ASCII character is in the set.</summary>
    public ReadOnlySpan<bool> Ascii => _ascii;

    /// <summary>Whether the code point at <paramref name="index"/> is in the set, and its length in bytes.</summary>
    public bool Contains(ReadOnlySpan<byte> text, int index, out int length)
    {
        Rune.DecodeFromUtf8(text[index..], out Rune rune, out length);
        return Contains(rune);
    }

    private bool Contains(Rune rune)
    {
        bool found = ((_categories >> (int)Rune.GetUnicodeCategory(rune)) & 1) != 0 || (_whiteSpace && Rune.IsWhiteSpace(rune));
        foreach ((int first, int last) in _ranges)
        {
            found |= rune.Value >= first && rune.Value <= last;
        }

        return found != _negated;
    }

    private bool AddBrackets(string pattern, ref int at)
    {
        at++;
        if (at < pattern.Length && pattern[at] == '^')
        {
            _negated = true;
            at++;
        }

        int start = at;
        while (at < pattern.Length && pattern[at] != ']')
        {
            if (!AddItem(pattern, ref at, inBrackets: true))
            {
                return false;
            }
        }

        at++;
        return at <= pattern.Length && at - 1 > start;
    }

    private bool AddItem(string pattern, ref int at, bool inBrackets)
    {
        if (pattern[at] == '\\' && at + 1 < pattern.Length && pattern[at + 1] is 's' or 'p')
        {
            return AddProperty(pattern, ref at);
        }

        if (!ReadCharacter(pattern, ref at, inBrackets, out int first))
        {
            return false;
        }

        int last = first;
        if (inBrackets && at + 1 < pattern.Length && pattern[at] == '-' && pattern[at + 1] != ']')
        {
            at++;
            if (!ReadCharacter(pattern, ref at, inBrackets, out last) || last < first)
            {
                return false;
            }
        }

        _ranges.Add((first, last));
        return true;
    }

    private bool AddProperty(string pattern, ref int at)
    {
        if (pattern[at + 1] == 's')
        {
            _whiteSpace = true;
            at += 2;
            return true;
        }

        int end = pattern.IndexOf('}', at);
        int categories = end < 0 || pattern[at + 2] != '{' ? 0 : CategoriesOf(pattern[(at + 3)..end]);
        _categories |= categories;
        at = end + 1;
        return categories != 0;
    }

    private static bool ReadCharacter(string pattern, ref int at, bool inBrackets, out int character)
    {
        character = 0;
        bool escaped = pattern[at] == '\\';
        at += escaped ? 1 : 0;
        if (at >= pattern.Length || !Rune.TryGetRuneAt(pattern, at, out Rune rune))
        {
            return false;
        }

        at += rune.Utf16SequenceLength;
        character = rune.Value;
        if (!escaped)
        {
            return inBrackets ? rune.Value is not ('[' or '&') : !rune.IsAscii || !Metacharacters.Contains((char)rune.Value);
        }

        character = rune.Value switch { 'r' => '\r', 'n' => '\n', 't' => '\t', 'f' => '\f', 'v' => '\v', _ => rune.Value };
        return character < ' ' || (rune.IsAscii && !Rune.IsLetterOrDigit(rune));
    }

    private static int CategoriesOf(string name)
    {
        return name switch
        {
            "L" => Bits(UnicodeCategory.UppercaseLetter, UnicodeCategory.OtherLetter),
            "Lu" => Bits(UnicodeCategory.UppercaseLetter, UnicodeCategory.UppercaseLetter),
            "Ll" => Bits(UnicodeCategory.LowercaseLetter, UnicodeCategory.LowercaseLetter),
            "Lt" => Bits(UnicodeCategory.TitlecaseLetter, UnicodeCategory.TitlecaseLetter),
            "Lm" => Bits(UnicodeCategory.ModifierLetter, UnicodeCategory.ModifierLetter),
            "Lo" => Bits(UnicodeCategory.OtherLetter, UnicodeCategory.OtherLetter),
            "M" => Bits(UnicodeCategory.NonSpacingMark, UnicodeCategory.EnclosingMark),
            "N" => Bits(UnicodeCategory.DecimalDigitNumber, UnicodeCategory.OtherNumber),
            "P" => Bits(UnicodeCategory.ConnectorPunctuation, UnicodeCategory.OtherPunctuation),
            "S" => Bits(UnicodeCategory.MathSymbol, UnicodeCategory.OtherSymbol),
            _ => 0,
        };
    }

    private static int Bits(UnicodeCategory first, UnicodeCategory last) => ((1 << (last - first + 1)) - 1) << (int)first;
}
