// The results of line infilling, for people and for programs: rows of a table, Markdown for a model card, one JSON object.
using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;

namespace Cinnabar.Evaluation;

/// <summary>The holes of an evaluation and what every predictor reached on them.</summary>
/// <param name="Holes">The holes.</param>
/// <param name="Options">How they were chosen.</param>
/// <param name="Descriptions">One sentence for each predictor, by name.</param>
/// <param name="Results">A result for each predictor, length given and not given.</param>
public sealed record InfillReport(
    IReadOnlyList<LineHole> Holes,
    LineHoleOptions Options,
    IReadOnlyDictionary<string, string> Descriptions,
    IReadOnlyList<InfillResult> Results)
{
    /// <summary>Titles of <see cref="Rows"/>.</summary>
    public static IReadOnlyList<string> Columns { get; } =
        ["predictor", "length", "exact match", "edit similarity", "passes a hole", "seconds a hole"];

    /// <summary>The table, a row for each result.</summary>
    public IReadOnlyList<string[]> Rows => [.. Results.Select(result => new[]
    {
        result.Name,
        result.LengthGiven ? "given" : "not given",
        Percent(result.ExactMatch),
        Percent(result.EditSimilarity),
        result.ForwardPasses == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $"{result.ForwardPasses:F1}"),
        string.Create(CultureInfo.InvariantCulture, $"{result.Seconds:F3}"),
    })];

    /// <summary>What the holes are like, in one sentence.</summary>
    public string HolesText => string.Create(
        CultureInfo.InvariantCulture,
        $"{Holes.Count} single-line holes ({Options.MinTokens} to {Options.MaxTokens} tokens, mean {Holes.Average(h => h.Reference.Length):F1}; seed "
        + $"{Options.Seed}) from {Holes.Select(h => h.Document).Distinct().Count()} documents of the test split, context and canvas within "
        + $"{Options.WindowLength} tokens; {CommentShare:P0} are comments, {StandsElsewhereShare:P0} stand elsewhere in their context word for word.");

    private double CommentShare => Holes.Average(hole => hole.IsComment ? 1.0 : 0);

    private double StandsElsewhereShare => Holes.Average(hole => hole.StandsElsewhere ? 1.0 : 0);

    /// <summary>A section of a model card.</summary>
    public string ToMarkdown()
    {
        StringBuilder text = new();
        text.AppendLine(HolesText).AppendLine();
        text.AppendLine($"| {string.Join(" | ", Columns)} |").AppendLine("|---|---|---:|---:|---:|---:|");
        foreach (string[] row in Rows)
        {
            text.AppendLine($"| {string.Join(" | ", row)} |");
        }

        text.AppendLine();
        foreach ((string name, string description) in Descriptions)
        {
            text.AppendLine($"- {name}: {description}");
        }

        text.AppendLine("- Exact match ignores spaces at the end; edit similarity is 1 − Levenshtein / longer length, in characters; ± is one standard error.");
        return text.ToString();
    }

    /// <summary>One object: holes, and an array of results with shares from 0 to 1.</summary>
    public JsonObject ToJson() => new()
    {
        ["task"] = "infill",
        ["holes"] = new JsonObject
        {
            ["count"] = Holes.Count,
            ["seed"] = Options.Seed,
            ["min_tokens"] = Options.MinTokens,
            ["max_tokens"] = Options.MaxTokens,
            ["mean_tokens"] = Holes.Average(hole => hole.Reference.Length),
            ["canvas_length"] = Options.CanvasLength,
            ["window_length"] = Options.WindowLength,
            ["comment_share"] = CommentShare,
            ["stands_elsewhere_share"] = StandsElsewhereShare,
        },
        ["results"] = new JsonArray([.. Results.Select(ToJson)]),
    };

    private JsonNode ToJson(InfillResult result) => new JsonObject
    {
        ["predictor"] = result.Name,
        ["description"] = Descriptions[result.Name],
        ["length_given"] = result.LengthGiven,
        ["exact_match"] = result.ExactMatch.Mean,
        ["exact_match_error"] = result.ExactMatch.StandardError,
        ["edit_similarity"] = result.EditSimilarity.Mean,
        ["edit_similarity_error"] = result.EditSimilarity.StandardError,
        ["forward_passes"] = result.ForwardPasses,
        ["seconds"] = result.Seconds,
    };

    private static string Percent(SampleMean value) =>
        string.Create(CultureInfo.InvariantCulture, $"{100 * value.Mean:F1} ± {100 * value.StandardError:F1} %");
}
