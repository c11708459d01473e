// The formats of JSON Schema strings that have a regular form.
//
//   date       RFC 3339 full-date, every month with its days, 29 February in leap years of the Gregorian calendar
//   time       RFC 3339 full-time: with an offset, seconds 00 … 59, a fraction of at most 9 digits
//   uuid       RFC 9562, digits of either case
//   email      the dot-atom form of RFC 5321 with ASCII letters, a domain of at least two labels
//   ipv4       four numbers 0 … 255 without leading zeros
//   uri        scheme://host, then port, path, query and fragment as RFC 3986 spells them; no user, no IPv6 host
namespace Cinnabar.Constraints;

/// <summary>Syntax trees of the formats.</summary>
internal static class StringFormats
{
    private const string Leap = "([02468][48]|[2468]0|[13579][26])"; // two digits divisible by 4, but not 00
    private const string Date =
        "(\\d{4}-((0[13578]|1[02])-(0[1-9]|[12]\\d|3[01])|(0[469]|11)-(0[1-9]|[12]\\d|30)|02-(0[1-9]|1\\d|2[0-8]))"
        + $"|(\\d\\d{Leap}|({Leap}|00)00)-02-29)";

    private const string Time = "([01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(\\.\\d{1,9})?(Z|[+-]([01]\\d|2[0-3]):[0-5]\\d)";
    private const string Atom = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+";
    private const string Label = "[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?";
    private const string Byte = "(25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)";
    private const string PathCharacter = "([A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})";

    // Read once: a schema may ask for a format many times.
    private static readonly Dictionary<string, RegexNode> s_formats = new Dictionary<string, string>
    {
        ["date"] = Date,
        ["time"] = Time,
        ["date-time"] = $"{Date}T{Time}",
        ["uuid"] = "[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}",
        ["email"] = $"{Atom}(\\.{Atom})*@({Label}\\.)+[A-Za-z]{{2,}}",
        ["ipv4"] = $"{Byte}(\\.{Byte}){{3}}",
        ["uri"] = $"[A-Za-z][A-Za-z0-9+.-]*://{Label}(\\.{Label})*(:\\d{{1,5}})?(/{PathCharacter}*)*"
            + $"(\\?({PathCharacter}|[/?])*)?(#({PathCharacter}|[/?])*)?",
    }.ToDictionary(format => format.Key, format => RegexParser.Known(format.Value, JsonStrings.OneOf));

    /// <summary>The formats, for messages.</summary>
    public static string Names => string.Join(", ", s_formats.Keys);

    /// <summary>What stands between the quotation marks in a format, or null.</summary>
    public static RegexNode? TreeOf(string format) => s_formats.GetValueOrDefault(format);
}
