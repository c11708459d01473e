// Number literals of Jinja: 12, 1_000, 0x1f, 0b101, 0o17, 1.5, 2e3, 1.5e-3. A number right after a point (a.0.1) has no fraction.
using System.Globalization;
using Cinnabar.Checkpoints;

namespace Cinnabar.Chat.Jinja;

/// <summary>Reads a number literal.</summary>
internal static class JinjaNumber
{
    private const int MaxDigits = 400;

    /// <summary>The value (long or double) of the number that starts at an offset, and where it ends.</summary>
    /// <param name="text">The template.</param>
    /// <param name="start">Where a digit is.</param>
    /// <param name="error">Makes the exception from what was found.</param>
    public static (object Value, int End) Read(string text, int start, Func<string, CinnabarException> error)
    {
        int end = Digits(text, start);
        bool whole = true;
        if (end - start == 1 && text[start] == '0' && end < text.Length && char.ToLowerInvariant(text[end]) is 'x' or 'b' or 'o')
        {
            return ReadWithBase(text, start, error);
        }

        bool afterPoint = start > 0 && text[start - 1] == '.';
        if (!afterPoint && end + 1 < text.Length && text[end] == '.' && char.IsAsciiDigit(text[end + 1]))
        {
            whole = false;
            end = Digits(text, end + 1);
        }

        if (!afterPoint && end < text.Length && text[end] is 'e' or 'E')
        {
            int exponent = end + 1 < text.Length && text[end + 1] is '+' or '-' ? end + 2 : end + 1;
            if (exponent < text.Length && char.IsAsciiDigit(text[exponent]))
            {
                whole = false;
                end = Digits(text, exponent);
            }
        }

        string digits = text[start..Math.Min(end, start + MaxDigits)].Replace("_", string.Empty, StringComparison.Ordinal);
        if (!whole)
        {
            double value = end - start <= MaxDigits ? double.Parse(digits, CultureInfo.InvariantCulture) : double.NaN;
            return double.IsFinite(value) ? (value, end) : throw error(ErrorText.Quote(digits) + ", which is too large");
        }

        if (digits.Length > 1 && digits[0] == '0' && digits.AsSpan().ContainsAnyExcept('0'))
        {
            throw error(ErrorText.Quote(digits) + " with a leading 0");
        }

        return long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out long number)
            ? (number, end)
            : throw error(ErrorText.Quote(digits) + ", which is too large");
    }

    private static (object Value, int End) ReadWithBase(string text, int start, Func<string, CinnabarException> error)
    {
        int end = start + 2;
        while (end < text.Length && (char.IsAsciiHexDigit(text[end]) || text[end] == '_'))
        {
            end++;
        }

        string digits = text[(start + 2)..Math.Min(end, start + MaxDigits)].Replace("_", string.Empty, StringComparison.Ordinal);
        int radix = char.ToLowerInvariant(text[start + 1]) switch { 'x' => 16, 'b' => 2, _ => 8 };
        long value = 0;
        foreach (char c in digits)
        {
            int digit = c <= '9' ? c - '0' : char.ToLowerInvariant(c) - 'a' + 10;
            if (digit >= radix || value > (long.MaxValue - digit) / radix)
            {
                throw error(ErrorText.Quote(text[start..Math.Min(end, start + MaxDigits)]));
            }

            value = value * radix + digit;
        }

        return digits.Length > 0 ? (value, end) : throw error(ErrorText.Quote(text[start..end]));
    }

    // Digits with single underscores between them.
    private static int Digits(string text, int at)
    {
        while (at < text.Length
            && (char.IsAsciiDigit(text[at]) || (text[at] == '_' && at + 1 < text.Length && char.IsAsciiDigit(text[at + 1]))))
        {
            at++;
        }

        return at;
    }
}
