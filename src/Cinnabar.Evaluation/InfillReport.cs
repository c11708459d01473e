// The results of line infilling, for people and for programs: rows of a table, Markdown for a model card, one JSON object.
using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Cinnabar.Evaluation;

/// <summary>The holes of an evaluation and what every predictor reached on them.</summary>
/// <param name="Holes">The holes.</param>
/// <param name="Options">How they were chosen.</param>
/// <param name="Descriptions">One sentence for each predictor, by name.</param>
/// <param name="Results">A result for each predictor, length given and not given where that makes a difference.</param>
public sealed record InfillReport(
    IReadOnlyList<LineHole> Holes,
    LineHoleOptions Options,
    IReadOnlyDictionary<string, string> Descriptions,
    IReadOnlyList<InfillResult> Results)
{
    /// <summary>Titles of <see cref="Rows"/>.</summary>
    public static IReadOnlyList<string> Columns { get; } =
        ["predictor", "length", "exact match", "edit similarity", "ends the hole", "passes per hole", "seconds per hole"];

    /// <summary>What the numbers mean, in one sentence.</summary>
    public static string MeasuresText =>
        "Exact match ignores spaces at the end; edit similarity is 1 − Levenshtein / longer length, in characters; "
        + "a predictor that fills holes ends them with the line, or goes on, which does not count; ± is one standard error.";

    /// <summary>The table, a row for each result.</summary>
    public IReadOnlyList<string[]> Rows => [.. Results.Select(result => new[]
    {
        result.Name,
        result.LengthGiven ? "given" : "not given",
        Percent(result.ExactMatch),
        Percent(result.EditSimilarity),
        result.EndsHole is SampleMean ends ? Percent(ends) : "",
        result.ForwardPasses == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $"{result.ForwardPasses:F1}"),
        string.Create(CultureInfo.InvariantCulture, $"{result.Seconds:F3}"),
    })];

    /// <summary>What the holes are like, in one sentence.</summary>
    public string HolesText => string.Create(
        CultureInfo.InvariantCulture,
        $"{Holes.Count} single-line holes ({Options.MinTokens} to {Options.MaxTokens} tokens, mean {MeanTokens:F1}; seed {Options.Seed}) "
        + $"from {Holes.Select(hole => hole.Document).Distinct().Count()} documents of the test split, context and canvas within "
        + $"{Options.WindowLength} tokens; {CommentShare:P0} are comments, {StandsElsewhereShare:P0} stand elsewhere in their "
        + $"context word for word.");

    private double MeanTokens => Holes.Average(hole => hole.Reference.Length);

    private double CommentShare => Holes.Average(hole => hole.IsComment ? 1.0 : 0);

    private double StandsElsewhereShare => Holes.Average(hole => hole.StandsElsewhere ? 1.0 : 0);

    /// <summary>A section of a model card.</summary>
    public string ToMarkdown()
    {
        StringBuilder text = new();
        text.AppendLine(HolesText).AppendLine();
        text.AppendLine($"| {string.Join(" | ", Columns)} |").AppendLine("|---|---|---:|---:|---:|---:|---:|");
        foreach (string[] row in Rows)
        {
            text.AppendLine($"| {string.Join(" | ", row)} |");
        }

        text.AppendLine();
        foreach ((string name, string description) in Descriptions)
        {
            text.AppendLine($"- {name}: {description}");
        }

        return text.AppendLine().AppendLine(MeasuresText).ToString();
    }

    /// <summary>Members of a JSON object: "holes", and "results" with shares from 0 to 1.</summary>
    public void WriteMembers(Utf8JsonWriter json)
    {
        json.WriteStartObject("holes");
        json.WriteNumber("count", Holes.Count);
        json.WriteNumber("seed", Options.Seed);
        json.WriteNumber("min_tokens", Options.MinTokens);
        json.WriteNumber("max_tokens", Options.MaxTokens);
        json.WriteNumber("mean_tokens", MeanTokens);
        json.WriteNumber("canvas_length", Options.CanvasLength);
        json.WriteNumber("window_length", Options.WindowLength);
        json.WriteNumber("comment_share", CommentShare);
        json.WriteNumber("stands_elsewhere_share", StandsElsewhereShare);
        json.WriteEndObject();
        json.WriteStartArray("results");
        foreach (InfillResult result in Results)
        {
            json.WriteStartObject();
            json.WriteString("predictor", result.Name);
            json.WriteString("description", Descriptions[result.Name]);
            json.WriteBoolean("length_given", result.LengthGiven);
            json.WriteNumber("exact_match", result.ExactMatch.Mean);
            json.WriteNumber("exact_match_error", result.ExactMatch.StandardError);
            json.WriteNumber("edit_similarity", result.EditSimilarity.Mean);
            json.WriteNumber("edit_similarity_error", result.EditSimilarity.StandardError);
            if (result.EndsHole is SampleMean ends)
            {
                json.WriteNumber("ends_hole", ends.Mean);
                json.WriteNumber("ends_hole_error", ends.StandardError);
            }

            json.WriteNumber("forward_passes", result.ForwardPasses);
            json.WriteNumber("seconds", result.Seconds);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static string Percent(SampleMean value) =>
        string.Create(CultureInfo.InvariantCulture, $"{100 * value.Mean:F1} ± {100 * value.StandardError:F1} %");
}
