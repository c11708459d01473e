// Single-line infilling: every predictor fills the same holes, with the same context.
//   exact match      share of predictions equal to the line, spaces at the end aside
//   edit similarity  mean of 1 − Levenshtein / longer length, in characters
// Errors are standard errors over the holes, taken as independent.
using System.Diagnostics;

namespace Cinnabar.Evaluation;

/// <summary>What one predictor reached.</summary>
/// <param name="Name">The predictor.</param>
/// <param name="LengthGiven">Whether it was told the number of tokens.</param>
/// <param name="ExactMatch">Share of exact lines, 0 … 1.</param>
/// <param name="EditSimilarity">Mean edit similarity, 0 … 1.</param>
/// <param name="EndsHole">Share of holes ended with the line; null: <see cref="InfillPrediction.EndsHole"/> is.</param>
/// <param name="ForwardPasses">Mean passes through a network per hole.</param>
/// <param name="Seconds">Mean time per hole.</param>
/// <param name="Work">All that a network did.</param>
/// <param name="Predictions">The predicted lines, in the order of the holes.</param>
public sealed record InfillResult(
    string Name,
    bool LengthGiven,
    SampleMean ExactMatch,
    SampleMean EditSimilarity,
    SampleMean? EndsHole,
    double ForwardPasses,
    double Seconds,
    DecodingWork Work,
    IReadOnlyList<string> Predictions);

/// <summary>Runs and scores predictors on line holes.</summary>
public static class InfillTask
{
    /// <summary>Lets a predictor fill every hole.</summary>
    /// <param name="infiller">The predictor.</param>
    /// <param name="holes">At least one hole.</param>
    /// <param name="lengthGiven">Whether it is told the number of tokens.</param>
    /// <param name="holeDone">Told the number of holes done.</param>
    /// <param name="cancellation">Looked at before every hole.</param>
    public static InfillResult Run(
        IInfiller infiller,
        IReadOnlyList<LineHole> holes,
        bool lengthGiven,
        Action<int>? holeDone = null,
        CancellationToken cancellation = default)
    {
        List<string> predictions = [];
        List<double> ends = [];
        DecodingWork work = default;
        Stopwatch time = Stopwatch.StartNew();
        foreach (LineHole hole in holes)
        {
            cancellation.ThrowIfCancellationRequested();
            InfillPrediction prediction = infiller.Fill(hole, lengthGiven);
            predictions.Add(prediction.Text);
            work += prediction.Work;
            if (prediction.EndsHole is bool endsHole)
            {
                ends.Add(endsHole ? 1 : 0);
            }

            holeDone?.Invoke(predictions.Count);
        }

        double seconds = time.Elapsed.TotalSeconds / holes.Count;
        double[] exact = [.. predictions.Select((text, i) => IsExact(text, holes[i].Text) ? 1.0 : 0.0)];
        double[] similar = [.. predictions.Select((text, i) => EditSimilarity.Of(text.TrimEnd(), holes[i].Text.TrimEnd()))];
        return new InfillResult(
            infiller.Name,
            lengthGiven,
            SampleMean.Of(exact),
            SampleMean.Of(similar),
            ends.Count == 0 ? null : SampleMean.Of([.. ends]),
            (double)work.ForwardPasses / holes.Count,
            seconds,
            work,
            predictions);
    }

    /// <summary>Whether a prediction counts as exact.</summary>
    public static bool IsExact(string prediction, string reference) =>
        prediction.AsSpan().TrimEnd().SequenceEqual(reference.AsSpan().TrimEnd());
}
