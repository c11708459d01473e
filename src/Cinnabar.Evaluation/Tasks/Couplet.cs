// Couplets of LLaDA's reversal test (Nie et al. 2025): one JSON list of {"first", "second", "source"}.
//
//   poem_data.json, or poem_half_a.json, a half of it
namespace Cinnabar.Evaluation.Tasks;

/// <summary>A line of a poem and the line after it.</summary>
internal sealed record Couplet(string First, string Second)
{
    /// <summary>The couplets of a folder.</summary>
    public static IReadOnlyList<Couplet> Read(TaskSource source)
    {
        TaskFile file = TaskFile.Open(source, "github.com/ML-GSAI/LLaDA, data/poem_data.json", "poem_data.json", "poem_half_a.json");
        return [.. TaskRecord.OfList(file).Select(pair => new Couplet(Line(pair, "first"), Line(pair, "second")))];
    }

    private static string Line(TaskRecord pair, string key)
    {
        string line = pair.Text(key).Trim();
        return line.Length > 0 && !line.Contains('\n')
            ? line
            : throw pair.Wrong($"one line of text as \"{key}\"", line.Length > 0 ? "several lines" : "an empty text");
    }
}
