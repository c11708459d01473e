// Files of puzzles, one a line, in the two layouts that published test sets have:
//
//   JSON lines   {"input": "86,28,13,31,96", "output": "86+28=114,31-13=18,114-18=96"}
//   commas       3102200002100320,3142243142131324       behind a first line of names, or without one
//
// Blank lines are passed over.
using System.Text.Json;
using Cinnabar.Evaluation.Tasks;

namespace Cinnabar.Evaluation.Puzzles;

/// <summary>A puzzle as a file has it.</summary>
/// <param name="Place">File and line, for messages.</param>
/// <param name="Input">The question.</param>
/// <param name="Output">The answer.</param>
internal sealed record PuzzleLine(string Place, string Input, string Output)
{
    /// <summary>The lines of a file with JSON objects, read one by one.</summary>
    /// <exception cref="CinnabarException">A line has another form, or there is none.</exception>
    public static IEnumerable<PuzzleLine> OfJson(TaskSource source, string name, string origin) =>
        Read(source.Lines(name, origin), name, ParseJson);

    /// <summary>The lines of a file with "puzzle,solution", read one by one.</summary>
    /// <exception cref="CinnabarException">A line has another form, or there is none.</exception>
    public static IEnumerable<PuzzleLine> OfCommas(TaskSource source, string name, string origin) =>
        Read(source.Lines(name, origin), name, ParseCommas);

    /// <summary>The first of <paramref name="names"/> that the folder holds, packed (name.gz) or not; null if none.</summary>
    public static string? FirstPresent(string folder, params ReadOnlySpan<string> names)
    {
        foreach (string name in names)
        {
            if (TaskFile.IsHeld(folder, name))
            {
                return name;
            }
        }

        return null;
    }

    /// <summary>Says what is wrong with this line.</summary>
    /// <param name="problem">What was expected and what was found, without a full stop.</param>
    public CinnabarException Fault(string problem) => FaultAt(Place, problem);

    private static CinnabarException FaultAt(string place, string problem, Exception? inner = null) =>
        new($"{place}: {problem}.", "Mend the line, or fetch the file again.", inner);

    private static IEnumerable<PuzzleLine> Read(
        IReadOnlyList<string> lines, string name, Func<string, string, bool, PuzzleLine?> parse)
    {
        bool first = true;
        for (int i = 0; i < lines.Count; i++)
        {
            if (string.IsNullOrWhiteSpace(lines[i]))
            {
                continue;
            }

            if (parse(lines[i], $"'{name}' line {i + 1}", first) is PuzzleLine line)
            {
                yield return line;
            }

            first = false;
        }

        if (first)
        {
            throw new CinnabarException($"'{name}': expected a puzzle a line, found no line.", "Fetch the file again.");
        }
    }

    private static PuzzleLine ParseJson(string text, string place, bool isFirst)
    {
        try
        {
            using JsonDocument json = JsonDocument.Parse(text);
            return new PuzzleLine(place, Field(json.RootElement, "input", place), Field(json.RootElement, "output", place));
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw FaultAt(place, "expected a JSON object with the texts \"input\" and \"output\", found something else", e);
        }
    }

    private static string Field(JsonElement json, string name, string place) =>
        json.ValueKind == JsonValueKind.Object
            && json.TryGetProperty(name, out JsonElement field) && field.ValueKind == JsonValueKind.String
            ? field.GetString()!
            : throw FaultAt(place, $"expected a JSON object with the text \"{name}\", found none");

    private static PuzzleLine? ParseCommas(string text, string place, bool isFirst)
    {
        int comma = text.IndexOf(',');
        if (comma < 0 || text.IndexOf(',', comma + 1) >= 0)
        {
            throw FaultAt(place, $"expected puzzle and solution with one comma between them, found {text.Count(c => c == ',')} commas");
        }

        return isFirst && text.Any(char.IsAsciiLetter) ? null : new PuzzleLine(place, text[..comma].Trim(), text[(comma + 1)..].Trim());
    }
}
