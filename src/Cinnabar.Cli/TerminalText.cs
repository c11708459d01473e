// Text from files and models, made safe to show: a terminal obeys what it is sent, so no control character but tab and line break
// reaches it.
//   C0 controls  → their pictures U+2400 …, e.g. ESC → ␛     DEL → ␡     CR LF → LF
//   C1 controls, and the characters that change the direction of text → U+FFFD
using System.Globalization;
using System.Text;

namespace Cinnabar.Cli;

internal static class TerminalText
{
    private const int LongestQuote = 200;

    /// <summary>The text with everything but printable characters, tabs and line breaks replaced.</summary>
    public static string Safe(string text)
    {
        StringBuilder safe = new(text.Length);
        for (int i = 0; i < text.Length; i++)
        {
            char c = text[i];
            _ = c switch
            {
                '\n' or '\t' => safe.Append(c),
                '\r' when i + 1 < text.Length && text[i + 1] == '\n' => safe,
                '\uFEFF' => safe,
                < ' ' => safe.Append((char)('\u2400' + c)),
                '\u007F' => safe.Append('\u2421'),
                _ when char.IsControl(c) || IsDirectional(c) || c is '\u2028' or '\u2029' => safe.Append('\uFFFD'),
                _ => safe.Append(c),
            };
        }

        return safe.ToString();
    }

    /// <summary>A name in quotes for one line of a message.</summary>
    public static string Quote(string text) => $"'{Shortened(Safe(text).Replace('\n', '\u240A'), LongestQuote)}'";

    /// <summary>The beginning of a text, or its end, with … for the rest; surrogate pairs stay whole.</summary>
    /// <param name="text">The text.</param>
    /// <param name="most">How many UTF-16 units of it are kept, at most; 1 or more.</param>
    /// <param name="keepsEnd">Whether the end is kept, not the beginning.</param>
    public static string Shortened(string text, int most, bool keepsEnd = false)
    {
        if (text.Length <= most)
        {
            return text;
        }

        int cut = keepsEnd ? text.Length - most : most;
        if (char.IsSurrogatePair(text, cut - 1)) // it is left out
        {
            cut += keepsEnd ? 1 : -1;
        }

        return keepsEnd ? "…" + text[cut..] : text[..cut] + "…";
    }

    /// <summary>
    /// Columns that a character takes: 0 for marks that combine, 2 for East Asian wide characters and emoji (Unicode TR 11), else 1.
    /// </summary>
    public static int Columns(Rune rune) => Rune.GetUnicodeCategory(rune) switch
    {
        UnicodeCategory.NonSpacingMark or UnicodeCategory.EnclosingMark or UnicodeCategory.Format => 0,
        _ => rune.Value switch
        {
            < 0x1100 => 1,
            <= 0x115F or (>= 0x2E80 and <= 0xA4CF) or (>= 0xAC00 and <= 0xD7A3) or (>= 0xF900 and <= 0xFAFF) => 2,
            (>= 0xFE30 and <= 0xFE6F) or (>= 0xFF00 and <= 0xFF60) or (>= 0xFFE0 and <= 0xFFE6) => 2,
            (>= 0x1F300 and <= 0x1FAFF) or (>= 0x20000 and <= 0x3FFFD) => 2,
            _ => 1,
        },
    };

    private static bool IsDirectional(char c) =>
        c is (>= '\u202A' and <= '\u202E') or (>= '\u2066' and <= '\u2069') or '\u200E' or '\u200F' or '\u061C';
}
