// Puts an abbreviated snippet back into the file it was made from, without a model. A line with "... existing code ..." stands for lines
// of the original; the runs of lines between such markers are put where they belong by their edges:
//
//   a run replaces the original from the line that is its first to the line that is its last; a run at the snippet's beginning or end
//   replaces from the original's beginning, or to its end; what lies between two runs is kept, and so is the end of the last line
//
// The first line is looked for behind the run before, the last one behind the first, each at the nearest place; lines are equal if they
// are without the space at their ends. So a run must begin and end with a line that the original has. This is not what Inception's apply
// model does, which understands the edit; it is exact where snippets keep to the rule and refuses, with the line, where they do not.
using System.Globalization;

namespace Cinnabar.Server.Api;

/// <summary>Merges a snippet with markers into a file.</summary>
internal static class SnippetMerge
{
    private const string Marker = "... existing code ...";

    /// <summary>The new text of the file.</summary>
    /// <param name="original">The file.</param>
    /// <param name="snippet">Its new lines, with markers for old ones.</param>
    /// <exception cref="ApiException">400: a line of the snippet is not in the file where it would have to be.</exception>
    public static string Merge(string original, string snippet)
    {
        string lineEnd = original.Contains("\r\n", StringComparison.Ordinal) ? "\r\n" : "\n";
        string[] lines = LinesOf(original);
        List<string> merged = [];
        int kept = 0; // lines of the original that are behind us
        foreach (Run run in RunsOf(LinesOf(snippet)))
        {
            int first = run.BeginsFile ? 0 : Find(lines, run.Lines[0], kept, run.Number);
            int last = run.EndsFile ? lines.Length - 1
                : Find(lines, run.Lines[^1], run.IsFirstAlsoLast ? first : first + 1, run.Number + run.Lines.Length - 1);
            merged.AddRange(lines[kept..first]);
            merged.AddRange(run.Lines);
            kept = last + 1;
        }

        merged.AddRange(lines[kept..]);
        string text = string.Join(lineEnd, merged);
        // To the end of the file means to that of its last line: a snippet need not say that the line has an end.
        return original.EndsWith('\n') && text.Length > 0 && !text.EndsWith('\n') ? text + lineEnd : text;
    }

    private static string[] LinesOf(string text) => [.. text.Split('\n').Select(line => line.TrimEnd('\r'))];

    // Empty lines next to a marker lay out the snippet and are not looked for.
    private static List<Run> RunsOf(string[] snippet)
    {
        List<Run> runs = [];
        int begin = 0;
        for (int i = 0; i <= snippet.Length; i++)
        {
            if (i < snippet.Length && !snippet[i].Contains(Marker, StringComparison.Ordinal))
            {
                continue;
            }

            (int from, int to) = (begin, i);
            while (begin > 0 && from < to && string.IsNullOrWhiteSpace(snippet[from]))
            {
                from++;
            }

            while (i < snippet.Length && from < to && string.IsNullOrWhiteSpace(snippet[to - 1]))
            {
                to--;
            }

            bool isBesideMarker = begin > 0 || i < snippet.Length;
            bool isNothing = from == to || (isBesideMarker && snippet[from..to].All(string.IsNullOrWhiteSpace));
            if (!isNothing)
            {
                runs.Add(new Run(snippet[from..to], from + 1, BeginsFile: begin == 0, EndsFile: i == snippet.Length));
            }

            begin = i + 1;
        }

        return runs;
    }

    private static int Find(string[] lines, string line, int from, int number)
    {
        int at = Array.FindIndex(lines, from, other => other.AsSpan().TrimEnd().SequenceEqual(line.AsSpan().TrimEnd()));
        return at >= 0 ? at : throw ApiException.Invalid(
            $"Expected line {number.ToString(CultureInfo.InvariantCulture)} of the update snippet in the original code behind its line "
            + $"{from.ToString(CultureInfo.InvariantCulture)}, found it nowhere: {ShortText.Of(line.Trim())} "
            + "Begin and end each part between markers with a line of the original, or use a chat model.",
            "messages[0].content");
    }

    // Lines between two markers; number: of the first, from 1.
    private sealed record Run(string[] Lines, int Number, bool BeginsFile, bool EndsFile)
    {
        // Whether the line of the original that is its last may be the one it begins at.
        public bool IsFirstAlsoLast => BeginsFile || Lines.Length == 1;
    }
}
