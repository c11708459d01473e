// Classes and escapes: the parts of a regular expression that stand for one character.
//
//   class    '[' '^'? (character | escape | range)* ']'
//   escapes  \d \w \s and their complements \D \W \S; \n \r \t \f \v \0; \xHH, \uHHHH (two of them may be a surrogate pair), \u{H…};
//            a backslash before any ASCII character that is no letter or digit is that character; [\b] is a backspace
//
// \d is [0-9] and \w is [0-9A-Za-z_], both ASCII; \s is all white space and line ends of ECMAScript.
using System.Globalization;
using Cinnabar.Checkpoints;

namespace Cinnabar.Constraints;

/// <content>Classes and escapes.</content>
internal sealed partial class RegexParser
{
    private static readonly CharacterSet s_notLineEnd = CharacterSet.Of("\n\r\u2028\u2029").Complement();
    private static readonly CharacterSet s_digits = CharacterSet.Of(new CharacterRange('0', '9'));
    private static readonly CharacterSet s_word = CharacterSet.Of(
        new CharacterRange('0', '9'), new CharacterRange('A', 'Z'), new CharacterRange('a', 'z'), new CharacterRange('_', '_'));

    private static readonly CharacterSet s_whiteSpace = CharacterSet.Of(
        "\t\n\v\f\r \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000\ufeff");

    private CharacterSet ReadClass()
    {
        int start = _at++;
        bool negated = Take('^');
        List<CharacterRange> ranges = [];
        while (_at < _pattern.Length && _pattern[_at] != ']')
        {
            _budget.Spend(StepsOfAtom);
            int firstAt = _at;
            CharacterSet first = ReadClassItem();
            bool isRange = _at + 1 < _pattern.Length && _pattern[_at] == '-' && _pattern[_at + 1] != ']';
            if (!isRange)
            {
                ranges.AddRange(first.Ranges);
                continue;
            }

            _at++;
            CharacterSet last = ReadClassItem();
            if (first.Single is not int low || last.Single is not int high || low > high)
            {
                throw Error(
                    firstAt,
                    "a range from one character up to another",
                    ErrorText.Quote(_pattern[firstAt.._at]),
                    "Exchange its ends, or write \\- for the character.");
            }

            ranges.Add(new CharacterRange(low, high));
        }

        if (!Take(']'))
        {
            throw Error(start, "a ']' that closes this class", Found(_at), "Add it, or write \\[ for the character.");
        }

        if (ranges.Count == 0)
        {
            throw Error(
                start,
                "at least one character in the class",
                $"'{_pattern[start.._at]}'",
                "Write \\] for a bracket, [\\s\\S] for any character.");
        }

        CharacterSet set = CharacterSet.Of([.. ranges]);
        return negated ? set.Complement() : set;
    }

    private CharacterSet ReadClassItem() => _pattern[_at] == '\\' ? ReadEscape(inClass: true) : CharacterSet.Of(ReadCharacter());

    private CharacterSet ReadEscape(bool inClass)
    {
        int start = _at++;
        if (_at == _pattern.Length)
        {
            throw Error(start, "a character after the backslash", "the end of the pattern", "Write \\\\ for the character.");
        }

        char letter = _pattern[_at++];
        switch (letter)
        {
            case 'd' or 'D':
                return letter == 'd' ? s_digits : s_digits.Complement();
            case 'w' or 'W':
                return letter == 'w' ? s_word : s_word.Complement();
            case 's' or 'S':
                return letter == 's' ? s_whiteSpace : s_whiteSpace.Complement();
            case 'n':
                return CharacterSet.Of('\n');
            case 'r':
                return CharacterSet.Of('\r');
            case 't':
                return CharacterSet.Of('\t');
            case 'f':
                return CharacterSet.Of('\f');
            case 'v':
                return CharacterSet.Of('\v');
            case 'b' when inClass:
                return CharacterSet.Of('\b');
            case '0' when _at == _pattern.Length || !char.IsAsciiDigit(_pattern[_at]):
                return CharacterSet.Of('\0');
            case 'x':
                return CharacterSet.Of(ReadHex(start, 2));
            case 'u':
                return CharacterSet.Of(ReadCodePoint(start));
            default:
                return char.IsAscii(letter) && !char.IsAsciiLetterOrDigit(letter) && !char.IsControl(letter)
                    ? CharacterSet.Of(letter)
                    : throw Unsupported(start, letter);
        }
    }

    private CinnabarException Unsupported(int start, char letter)
    {
        int length = char.IsSurrogatePair(_pattern, start + 1) ? 3 : 2;
        (string found, string remedy) = letter switch
        {
            >= '1' and <= '9' or 'k' => (
                "a backreference", "No finite automaton can compare with what was read: write out what may stand there."),
            'b' or 'B' => ("a test for the border of a word", "Write out what may stand on both sides."),
            'p' or 'P' => ("a Unicode category", "Write its ranges, as in [\\u0400-\\u04FF]."),
            _ => (ErrorText.Quote(_pattern.Substring(start, length)), "Write the character without the backslash, or as \\uHHHH."),
        };
        return Error(start, "an escape such as \\d, \\w, \\s, \\n, \\xHH, \\uHHHH or \\.", found, remedy);
    }

    // What follows \u: {H…}, HHHH, or HHHH\uHHHH if the two are a surrogate pair.
    private int ReadCodePoint(int start)
    {
        if (Take('{'))
        {
            int end = _pattern.IndexOf('}', _at);
            return end > _at
                && int.TryParse(
                    _pattern.AsSpan(_at, end - _at), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out int code)
                && code is >= 0 and <= 0x10FFFF && code is not (>= 0xD800 and <= 0xDFFF)
                ? Behind(end + 1, code)
                : throw NoCodePoint(start);
        }

        int unit = ReadHex(start, 4);
        if (!char.IsSurrogate((char)unit))
        {
            return unit;
        }

        bool escaped = string.CompareOrdinal(_pattern, _at, "\\u", 0, 2) == 0;
        _at += 2;
        int low = escaped && char.IsHighSurrogate((char)unit) ? ReadHex(start, 4) : 0;
        return char.IsLowSurrogate((char)low) ? char.ConvertToUtf32((char)unit, (char)low) : throw NoCodePoint(start);
    }

    private int Behind(int offset, int code)
    {
        _at = offset;
        return code;
    }

    private int ReadHex(int start, int digits)
    {
        if (_at + digits > _pattern.Length
            || !int.TryParse(_pattern.AsSpan(_at, digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out int value))
        {
            throw Error(
                start,
                $"{digits} hexadecimal digits after '{_pattern[start..(start + 2)]}'",
                ErrorText.Quote(_pattern[start..Math.Min(start + 2 + digits, _pattern.Length)]),
                "Write the character itself, or \\xHH, \\uHHHH or \\u{H…}.");
        }

        _at += digits;
        return value;
    }

    private CinnabarException NoCodePoint(int start) => Error(
        start,
        "a character up to U+10FFFF that is no half of a surrogate pair",
        ErrorText.Quote(_pattern[start..Math.Min(start + 12, _pattern.Length)]),
        "Write the character itself, or \\u{H…}.");
}
