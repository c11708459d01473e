// The strings of JSON (RFC 8259, section 7) as syntax trees. A string is what stands between two quotation marks:
//
//   character  any but '"', '\' and U+0000 … U+001F, as it is
//            | \" \\ \/ \b \f \n \r \t
//            | \uHHHH that is no surrogate | \uD8–DB.. \uDC–DF..: a surrogate pair, one character
//
// Where a value is given (const, enum, names of properties) or its characters are (pattern, format), each has one form only: as it is where
// that is allowed, else the two-character escape, else \u00HH. That keeps automata of patterns small, at the price of forms nobody writes.
using System.Text;

namespace Cinnabar.Constraints;

/// <summary>JSON strings as syntax trees.</summary>
internal static class JsonStrings
{
    private const string EscapedCharacters = "\"\\\b\f\n\r\t";
    private const string EscapeLetters = "\"\\bfnrt";

    private static readonly CharacterSet s_plain =
        CharacterSet.Of(new CharacterRange(0, 0x1F), new CharacterRange('"', '"'), new CharacterRange('\\', '\\')).Complement();

    /// <summary>The quotation mark.</summary>
    public static RegexNode Quote { get; } = RegexNode.Text("\"");

    /// <summary>Any character in any of its forms.</summary>
    public static RegexNode Character { get; } = RegexNode.Either(
        RegexNode.OneOf(s_plain),
        RegexParser.Known(
            """
            \\(["\\\/bfnrt]|u([0-9A-CE-Fa-ce-f][0-9A-Fa-f]{3}|[Dd]([0-7]|[89ABab][0-9A-Fa-f]{2}\\u[Dd][C-Fc-f])[0-9A-Fa-f]{2}))
            """));

    /// <summary>Any string.</summary>
    public static RegexNode Any { get; } = Quoted(RegexNode.Repeat(Character, 0, RegexNode.Unbounded));

    /// <summary>What stands between quotation marks.</summary>
    public static RegexNode Quoted(RegexNode content) => RegexNode.Concatenate(Quote, content, Quote);

    /// <summary>Exactly this string.</summary>
    /// <param name="value">The value, without halves of surrogate pairs.</param>
    public static RegexNode Literal(string value)
    {
        List<RegexNode> parts = [];
        StringBuilder text = new("\"");
        foreach (char c in value)
        {
            int escape = EscapedCharacters.IndexOf(c, StringComparison.Ordinal);
            if (escape >= 0)
            {
                text.Append('\\').Append(EscapeLetters[escape]);
            }
            else if (c >= ' ')
            {
                text.Append(c);
            }
            else
            {
                parts.Add(RegexNode.Text(text.ToString()));
                parts.Add(OneOf(CharacterSet.Of(c))); // its hexadecimal digits may be of either case
                text.Clear();
            }
        }

        parts.Add(RegexNode.Text(text.Append('"').ToString()));
        return RegexNode.Concatenate(parts);
    }

    /// <summary>Whether some characters of a set are written as escapes.</summary>
    public static bool HasEscapes(CharacterSet set) =>
        set.Ranges is [{ First: < 0x20 }, ..] || set.Contains('"') || set.Contains('\\');

    /// <summary>A character of a set, in one form.</summary>
    public static RegexNode OneOf(CharacterSet set)
    {
        List<RegexNode> forms = [RegexNode.OneOf(set.Intersect(s_plain))];
        if (HasEscapes(set))
        {
            string letters = string.Concat(
                EscapedCharacters.Zip(EscapeLetters).Where(pair => set.Contains(pair.First)).Select(pair => pair.Second));
            forms.Add(RegexNode.Concatenate(RegexNode.Text("\\"), RegexNode.OneOf(CharacterSet.Of(letters))));
            for (int high = 0; high < 2; high++)
            {
                int[] lows = [.. Enumerable.Range(0, 16).Where(low => IsHexEscaped(set, (high * 16) + low))];
                string digits = string.Concat(lows.Select(low => $"{low:x}{low:X}"));
                forms.Add(RegexNode.Concatenate(RegexNode.Text($"\\u00{high}"), RegexNode.OneOf(CharacterSet.Of(digits))));
            }
        }

        return RegexNode.Either(forms);
    }

    private static bool IsHexEscaped(CharacterSet set, int control) =>
        set.Contains(control) && !EscapedCharacters.Contains((char)control, StringComparison.Ordinal);
}
