// The work behind the methods and filters of texts: Python's str.split, strip, replace, join, splitlines and the changes of case.
// Everything that makes a text or list asks the context for its size first.
using System.Text;

namespace Cinnabar.Chat.Jinja;

/// <summary>Operations of Python's str.</summary>
internal static class PythonString
{
    /// <summary>str.split: at a separator, or (null) at runs of white space without empty parts; at most so often, −1 for all.</summary>
    public static JinjaList Split(JinjaContext context, string text, string? separator, int most)
    {
        context.Reserve(text.Length);
        if (separator is null)
        {
            return SplitAtSpace(text, most);
        }

        if (separator.Length == 0)
        {
            throw context.Fault("a separator of 'split'", "an empty text");
        }

        context.ReserveSearch(text.Length, separator.Length);
        List<object?> parts = [];
        int start = 0;
        for (int at = Next(0); at >= 0 && (most < 0 || parts.Count < most); at = Next(start))
        {
            parts.Add(text[start..at]);
            start = at + separator.Length;
        }

        parts.Add(text[start..]);
        return new JinjaList(parts);

        int Next(int from) => text.IndexOf(separator, from, StringComparison.Ordinal);
    }

    /// <summary>str.splitlines: at \n, \r, \r\n and the other line ends of Unicode; no empty last line.</summary>
    public static JinjaList SplitLines(JinjaContext context, string text)
    {
        context.Reserve(text.Length);
        List<object?> lines = [];
        int start = 0;
        for (int i = 0; i < text.Length; i++)
        {
            if (text[i] is '\n' or '\r' or '\v' or '\f' or (>= '\u001C' and <= '\u001E') or '\u0085' or '\u2028' or '\u2029')
            {
                lines.Add(text[start..i]);
                i += text[i] == '\r' && i + 1 < text.Length && text[i + 1] == '\n' ? 1 : 0;
                start = i + 1;
            }
        }

        if (start < text.Length)
        {
            lines.Add(text[start..]);
        }

        return new JinjaList(lines);
    }

    /// <summary>str.strip, lstrip, rstrip: takes white space (null) or any of some characters from the edges.</summary>
    public static string Strip(JinjaContext context, string text, string? characters, bool start, bool end)
    {
        context.Reserve((long)text.Length + (characters?.Length ?? 0));
        HashSet<Rune>? set = characters is null ? null : [.. characters.EnumerateRunes()];
        int from = 0;
        while (start && from < text.Length && IsStripped(text.AsSpan(from), fromEnd: false, out int length))
        {
            from += length;
        }

        int to = text.Length;
        while (end && to > from && IsStripped(text.AsSpan(from, to - from), fromEnd: true, out int length))
        {
            to -= length;
        }

        return text[from..to];

        bool IsStripped(ReadOnlySpan<char> rest, bool fromEnd, out int length)
        {
            Rune character;
            _ = fromEnd ? Rune.DecodeLastFromUtf16(rest, out character, out length) : Rune.DecodeFromUtf16(rest, out character, out length);
            return set is null ? PythonText.IsSpace(fromEnd ? rest[^1] : rest[0]) : set.Contains(character);
        }
    }

    /// <summary>str.replace: at most so many times, −1 for all; an empty text is found between all characters.</summary>
    public static string Replace(JinjaContext context, string text, string old, string replacement, int most)
    {
        int limit = most < 0 ? int.MaxValue : most;
        context.ReserveSearch(text.Length, old.Length);
        List<int> found = [];
        if (old.Length == 0)
        {
            context.Reserve(text.Length);
            for (int at = 0; at <= text.Length && found.Count < limit; at += IsPair(at) ? 2 : 1)
            {
                found.Add(at);
            }
        }
        else
        {
            int at = text.IndexOf(old, StringComparison.Ordinal);
            while (at >= 0 && found.Count < limit)
            {
                found.Add(at);
                at = text.IndexOf(old, at + old.Length, StringComparison.Ordinal);
            }
        }

        long length = text.Length + ((long)found.Count * (replacement.Length - old.Length));
        context.Reserve(length);
        StringBuilder result = new((int)length);
        int copied = 0;
        foreach (int at in found)
        {
            result.Append(text, copied, at - copied).Append(replacement);
            copied = at + old.Length;
        }

        return result.Append(text, copied, text.Length - copied).ToString();

        bool IsPair(int at) => at < text.Length && char.IsSurrogatePair(text, at);
    }

    /// <summary>separator.join(items): all must be texts.</summary>
    public static string Join(JinjaContext context, string separator, object? items)
    {
        IReadOnlyList<object?> all = JinjaValue.Iterate(context, items);
        string[] texts = [.. all.Select(item => JinjaValue.Text(context, item, "an element to join"))];
        context.Reserve(texts.Sum(text => (long)text.Length) + ((long)separator.Length * Math.Max(0, texts.Length - 1)));
        return string.Join(separator, texts);
    }

    /// <summary>str.upper, lower, title (every word) and capitalize (the first character).</summary>
    public static string ChangeCase(JinjaContext context, string text, string method)
    {
        context.Reserve(text.Length);
        if (method == "upper")
        {
            return text.ToUpperInvariant();
        }

        string lower = text.ToLowerInvariant();
        if (method == "lower" || text.Length == 0)
        {
            return lower;
        }

        StringBuilder result = new(text.Length);
        bool inWord = false;
        foreach (Rune rune in lower.EnumerateRunes())
        {
            result.Append((inWord ? rune : Rune.ToUpperInvariant(rune)).ToString());
            inWord = method == "capitalize" || Rune.IsLetter(rune);
        }

        return result.ToString();
    }

    private static JinjaList SplitAtSpace(string text, int most)
    {
        List<object?> parts = [];
        int at = 0;
        while (true)
        {
            while (at < text.Length && PythonText.IsSpace(text[at]))
            {
                at++;
            }

            if (at >= text.Length)
            {
                return new JinjaList(parts);
            }

            int start = at;
            if (parts.Count == most)
            {
                parts.Add(text[start..]);
                return new JinjaList(parts);
            }

            while (at < text.Length && !PythonText.IsSpace(text[at]))
            {
                at++;
            }

            parts.Add(text[start..at]);
        }
    }
}
