using System.Text;

namespace Cinnabar.Training.Corpora;

/// <summary>Cuts plain text at lines (<see cref="DocumentCut"/>).</summary>
internal static class PlainTextCut
{
    /// <summary>The documents of a text, in their order; those without visible characters are left out.</summary>
    /// <param name="text">The text of a file.</param>
    /// <param name="cut">Has separators, headings or volumes.</param>
    public static IEnumerable<CutDocument> Documents(string text, DocumentCut cut)
    {
        StringBuilder document = new();
        string? volume = null;
        int volumes = 0;
        foreach (string line in Lines(text))
        {
            bool isVolume = Fits(cut.Volumes, line);
            bool isDropped = isVolume || Fits(cut.Separators, line);
            if ((isDropped || Fits(cut.Headings, line)) && Take(document) is { } taken)
            {
                yield return new CutDocument(taken, volume);
            }

            volume = isVolume ? $"{++volumes} {line}" : volume; // two may have the same name
            if (!isDropped)
            {
                document.Append(line).Append('\n');
            }
        }

        if (Take(document) is { } last)
        {
            yield return new CutDocument(last, volume);
        }
    }

    /// <summary>Joins the lines of paragraphs, and makes blank lines in a row one.</summary>
    /// <param name="text">Lines that start with a blank, such as verse, stay lines.</param>
    public static string Unwrap(string text)
    {
        StringBuilder joined = new(text.Length);
        bool isOpen = false; // the line before may go on
        bool isBlank = true;
        foreach (string line in Lines(text))
        {
            bool flows = line.Length > 0 && !char.IsWhiteSpace(line[0]);
            bool repeatsBlank = isBlank && line.Length == 0;
            isBlank = line.Length == 0;
            if (repeatsBlank)
            {
                continue;
            }

            if (joined.Length > 0)
            {
                joined.Append(isOpen && flows ? ' ' : '\n');
            }

            joined.Append(line);
            isOpen = flows;
        }

        return joined.ToString();
    }

    private static string? Take(StringBuilder document)
    {
        string text = document.ToString();
        document.Clear();
        return string.IsNullOrWhiteSpace(text) ? null : text;
    }

    private static bool Fits(IReadOnlyList<string>? patterns, string line) =>
        patterns is not null && PathPattern.MatchesAny(patterns, line);

    private static IEnumerable<string> Lines(string text)
    {
        using StringReader reader = new(text);
        while (reader.ReadLine() is { } line)
        {
            yield return line.TrimEnd();
        }
    }
}
