// The comment at the top of a source file that says who may use it.
//
// The header is the run of blocks at the beginning of a file: // lines, /* … */, or a #region that holds only those, with blank
// lines between. A block that speaks of a licence, a copyright or an author is removed; a block of ornaments is removed too, one
// about the code stays. Code behind a comment on the same line always stays, and ends the header. The licence is named from the removed
// text by its best-known phrases.
using System.Text.RegularExpressions;

namespace Cinnabar.Training.Corpora;

/// <summary>Finds, names and removes licence headers in languages with C's comments.</summary>
internal static partial class LicenceHeader
{
    private static readonly string[] s_signs = ["licen", "copyright", "(c)", "all rights reserved"];

    // The first phrase that occurs decides; general ones last.
    private static readonly (string Phrase, string Licence)[] s_phrases =
    [
        ("lesser general public", "LGPL"),
        ("general public license", "GPL"),
        ("mozilla public license", "MPL-2.0"),
        ("microsoft public license", "MS-PL"),
        ("ms-pl", "MS-PL"),
        ("apache license", "Apache-2.0"),
        ("permission is hereby granted, free of charge", "MIT"),
        ("mit license", "MIT"),
        ("mit/x11", "MIT"),
        ("redistribution and use in source and binary", "BSD"),
    ];

    /// <summary>The text without its licence header, and the licence that the header names (SPDX), or null.</summary>
    public static (string Text, string? Licence) Strip(string text)
    {
        string? licence = null;
        List<string> kept = [];
        int start = 0;
        while (BlockEnd(text, start) is int end and > 0)
        {
            string block = text[start..end];
            if (s_signs.Any(sign => block.Contains(sign, StringComparison.OrdinalIgnoreCase)) || Author().IsMatch(block))
            {
                licence ??= Name(block);
            }
            else if (end < text.Length && text[end - 1] != '\n')
            {
                break; // about the code behind it
            }
            else if (block.Any(char.IsLetter))
            {
                kept.Add(block.Trim('\n'));
            }

            start = end;
        }

        string rest = text[start..].TrimStart('\n');
        return (kept.Count == 0 ? rest : $"{string.Join('\n', kept)}\n{rest}", licence);
    }

    private static string? Name(string block)
    {
        // A phrase may be broken over comment lines.
        string flat = string.Join(' ', block.Split([' ', '\n', '\t', '/', '*'], StringSplitOptions.RemoveEmptyEntries)).ToLowerInvariant();
        return s_phrases.FirstOrDefault(entry => flat.Contains(entry.Phrase.Replace('/', ' '))).Licence;
    }

    // As a whole word: "authorization" is a matter of the code.
    [GeneratedRegex(@"\bauthors?\b", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Author();

    // The end of the comment block at start, with the blank lines before it; 0 where there is none.
    private static int BlockEnd(string text, int start)
    {
        int begin = start;
        while (begin < text.Length && char.IsWhiteSpace(text[begin]))
        {
            begin++;
        }

        ReadOnlySpan<char> rest = text.AsSpan(begin);
        if (rest.StartsWith("/*"))
        {
            int close = text.IndexOf("*/", begin + 2, StringComparison.Ordinal);
            return close < 0 ? 0 : CodeStart(text, close + 2);
        }

        if (rest.StartsWith("#region"))
        {
            return RegionEnd(text, begin);
        }

        int end = begin;
        while (text.AsSpan(end).StartsWith("//") && !text.AsSpan(end).StartsWith("///"))
        {
            end = LineEnd(text, end);
        }

        return end == begin ? RunOfSlashes(text, begin) : end;
    }

    // A block may be framed by lines of slashes, which look like documentation comments.
    private static int RunOfSlashes(string text, int begin)
    {
        ReadOnlySpan<char> line = text.AsSpan(begin, LineEnd(text, begin) - begin).Trim();
        return line.Length >= 4 && !line.ContainsAnyExcept('/') ? LineEnd(text, begin) : 0;
    }

    private static int RegionEnd(string text, int begin)
    {
        int end = LineEnd(text, begin);
        while (end < text.Length)
        {
            ReadOnlySpan<char> line = text.AsSpan(end, LineEnd(text, end) - end).Trim();
            end = LineEnd(text, end);
            if (line.StartsWith("#endregion"))
            {
                return end;
            }

            if (!line.IsEmpty && !line.StartsWith("//"))
            {
                return 0;
            }
        }

        return 0;
    }

    // What is visible first behind a comment on its last line; the end of the line where nothing is.
    private static int CodeStart(string text, int close)
    {
        int end = LineEnd(text, close);
        return end - text.AsSpan(close, end - close).TrimStart().Length;
    }

    private static int LineEnd(string text, int start)
    {
        int end = text.IndexOf('\n', start);
        return end < 0 ? text.Length : end + 1;
    }
}
