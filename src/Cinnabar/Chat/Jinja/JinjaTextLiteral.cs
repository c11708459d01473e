// Text literals with Python's escapes: \n \t \r \b \f \v \a \\ \' \" \xhh \uhhhh \Uhhhhhhhh \ooo and a backslash before a line end (both
// vanish). A backslash before any other character stays, as in Python.
using System.Globalization;
using System.Text;
using Cinnabar.Checkpoints;

namespace Cinnabar.Chat.Jinja;

/// <summary>Reads a text in quotes.</summary>
internal static class JinjaTextLiteral
{
    /// <summary>The text and where the literal ends.</summary>
    /// <param name="source">The template.</param>
    /// <param name="start">Where the opening quote is.</param>
    /// <param name="error">Makes the exception from what was found.</param>
    public static (string Value, int End) Read(string source, int start, Func<string, CinnabarException> error)
    {
        char quote = source[start];
        int at = start + 1;
        int stop = source.AsSpan(at).IndexOfAny(quote, '\\');
        if (stop >= 0 && source[at + stop] == quote)
        {
            return (source.Substring(at, stop), at + stop + 1); // no escapes
        }

        StringBuilder text = new();
        while (at < source.Length && source[at] != quote)
        {
            if (source[at] == '\\' && at + 1 < source.Length)
            {
                at = Escape(source, at + 1, text, error);
            }
            else
            {
                text.Append(source[at++]);
            }
        }

        return at < source.Length
            ? (text.ToString(), at + 1)
            : throw error($"one that is not closed: {ErrorText.Quote(source[start..])}");
    }

    // at: the character after the backslash.
    private static int Escape(string source, int at, StringBuilder text, Func<string, CinnabarException> error)
    {
        char c = source[at];
        switch (c)
        {
            case 'n': text.Append('\n'); return at + 1;
            case 't': text.Append('\t'); return at + 1;
            case 'r': text.Append('\r'); return at + 1;
            case 'b': text.Append('\b'); return at + 1;
            case 'f': text.Append('\f'); return at + 1;
            case 'v': text.Append('\v'); return at + 1;
            case 'a': text.Append('\a'); return at + 1;
            case '\\' or '\'' or '"': text.Append(c); return at + 1;
            case '\n': return at + 1;
            case 'x': return Hexadecimal(source, at, 2, text, error);
            case 'u': return Hexadecimal(source, at, 4, text, error);
            case 'U': return Hexadecimal(source, at, 8, text, error);
            case 'N': throw error("the escape \\N, which is not supported");
            case >= '0' and <= '7':
                int value = 0;
                int end = at;
                while (end < source.Length && end < at + 3 && source[end] is >= '0' and <= '7')
                {
                    value = value * 8 + source[end++] - '0';
                }

                text.Append((char)value);
                return end;
            default: text.Append('\\').Append(c); return at + 1;
        }
    }

    private static int Hexadecimal(string source, int at, int digits, StringBuilder text, Func<string, CinnabarException> error)
    {
        int end = at + 1 + digits;
        if (end > source.Length
            || !uint.TryParse(source.AsSpan(at + 1, digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out uint value)
            || value > 0x10FFFF)
        {
            throw error($"the escape {ErrorText.Quote("\\" + source[at..Math.Min(end, source.Length)])}, which needs {digits} digits");
        }

        if (value < 0x10000)
        {
            text.Append((char)value); // half a surrogate pair is a character to Python too
        }
        else
        {
            text.Append(char.ConvertFromUtf32((int)value));
        }

        return end;
    }
}
