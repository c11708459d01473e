// How well a model finds and repairs planted errors, one in each piece of 30 lines, each piece a text of its own.
//
//   score of a line   the largest suspicion of a token that begins in it, white space aside
//   AUC               P(score of the wrong line > score of another line of its piece) + ½ P(equal), over the lines that are not blank, the
//                     mean over pieces; ½ is chance
//   found             share of pieces whose wrong line has the highest score of all (alone: ties are not found)
//   best token        share of pieces whose most suspicious token, replaced by the most probable one, gives back the text without the error
//   repaired          the same with the suggestion of the highest score, edits having been tried
//
// Errors are standard errors over the pieces, taken as independent.
using System.Diagnostics;
using Cinnabar.Proofreading;

namespace Cinnabar.Evaluation.Proofreading;

/// <summary>What a model reached on one piece.</summary>
/// <param name="Error">The piece.</param>
/// <param name="Auc">Share of its right lines with a lower score than the wrong one, equal ones half; 0 … 1.</param>
/// <param name="IsFound">Whether the wrong line has the highest score.</param>
/// <param name="IsRepairedByBestToken">Whether the most probable token in the most suspicious place restores the text.</param>
/// <param name="IsRepaired">Whether the suggestion of the highest score does.</param>
public sealed record ProofreadPiece(PlantedError Error, double Auc, bool IsFound, bool IsRepairedByBestToken, bool IsRepaired);

/// <summary>What a model reached.</summary>
/// <param name="Model">Its name.</param>
/// <param name="Pieces">On each piece, in their order.</param>
/// <param name="Seconds">Time it took.</param>
public sealed record ProofreadingResult(string Model, IReadOnlyList<ProofreadPiece> Pieces, double Seconds)
{
    /// <summary>The measures, in order: their names, and what they take from a piece.</summary>
    public static IReadOnlyList<(string Name, Func<ProofreadPiece, double> Of)> Measures { get; } =
    [
        ("AUC", piece => piece.Auc),
        ("found", piece => piece.IsFound ? 1 : 0),
        ("best token", piece => piece.IsRepairedByBestToken ? 1 : 0),
        ("repaired", piece => piece.IsRepaired ? 1 : 0),
    ];

    /// <summary>Lets a model proofread every piece.</summary>
    /// <param name="model">The model.</param>
    /// <param name="errors">The pieces.</param>
    /// <param name="pieceDone">Told the number of pieces done.</param>
    /// <param name="cancellation">Looked at after every pass.</param>
    public static ProofreadingResult Run(
        DiffusionModel model,
        IReadOnlyList<PlantedError> errors,
        Action<int>? pieceDone = null,
        CancellationToken cancellation = default)
    {
        ProofreadingOptions all = new() { Threshold = 0, Most = 100_000 };
        Proofreader tokens = new(model, all with { PlacesPerHundredTokens = 0 });
        Proofreader edits = new(model, all);
        Stopwatch time = Stopwatch.StartNew();
        List<ProofreadPiece> pieces = [];
        foreach (PlantedError error in errors)
        {
            ProofreadText read = edits.Read(error.Text, progress: null, cancellation);
            ProofreadText plain = tokens.Read(error.Text, progress: null, cancellation);
            (double auc, bool found) = Rank(LineScores(error.Text, read.Tokens), error.Line);
            pieces.Add(new ProofreadPiece(error, auc, found, Restores(plain, error), Restores(read, error)));
            pieceDone?.Invoke(pieces.Count);
        }

        return new ProofreadingResult(model.Name, pieces, time.Elapsed.TotalSeconds);
    }

    private static bool Restores(ProofreadText read, PlantedError error) =>
        read.Suggestions.MaxBy(suggestion => suggestion.Score)?.ApplyTo(error.Text) == error.Original;

    /// <summary>The scores of lines; null for a blank one.</summary>
    /// <param name="text">The text.</param>
    /// <param name="tokens">Its tokens.</param>
    internal static double?[] LineScores(string text, IReadOnlyList<JudgedToken> tokens)
    {
        double?[] scores = [.. text.Split('\n').Select(line => string.IsNullOrWhiteSpace(line) ? (double?)null : 0)];
        int line = 0;
        int position = 0;
        foreach (JudgedToken token in tokens)
        {
            // A token may begin with the white space before its word.
            int start = token.Start;
            while (start < token.Start + token.Length - 1 && char.IsWhiteSpace(text[start]))
            {
                start++;
            }

            line += text.AsSpan(position, start - position).Count('\n');
            position = start;
            scores[line] = scores[line] is double score ? Math.Max(score, token.Suspicion) : null;
        }

        return scores;
    }

    /// <summary>How the wrong line stands among the others.</summary>
    internal static (double Auc, bool IsFound) Rank(double?[] scores, int wrong)
    {
        double own = scores[wrong] ?? 0; // all of the line was dropped
        double[] others = [.. scores.Where((score, line) => score is not null && line != wrong).Select(score => score!.Value)];
        double lower = others.Sum(other => other < own ? 1 : other > own ? 0 : 0.5);
        return (others.Length == 0 ? 1 : lower / others.Length, others.All(other => other < own));
    }
}
