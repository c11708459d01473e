// The baseline that only copies: of the complete lines in the context that hold a letter, the one whose surroundings look most like
// the hole's.
//
//   score(line) = s(line before it, line before the hole) + s(line after it, line after the hole) + ½·[same indentation]
//
// s is the edit similarity of the nearest lines that are not blank, indentation removed; 0 where a neighbour is the hole itself or
// missing. Of equal scores the line nearest to the hole wins. If the length is given, lines of that many tokens go before all others.
using Cinnabar.Tokenizers;

namespace Cinnabar.Evaluation;

/// <summary>Fills a line hole with the line of the context that has the most similar neighbours.</summary>
public sealed class NearestLineCopy : IInfiller
{
    private readonly Tokenizer _tokenizer;

    /// <summary>Makes the baseline.</summary>
    /// <param name="tokenizer">Counts the tokens of a line.</param>
    public NearestLineCopy(Tokenizer tokenizer)
    {
        _tokenizer = tokenizer;
    }

    /// <inheritdoc/>
    public string Name => "nearest-line copy";

    /// <inheritdoc/>
    public string Description =>
        "copies the line of the same context whose previous line, next line and indentation are most like the hole's; "
        + "with the length given it prefers lines of that many tokens.";

    /// <inheritdoc/>
    public InfillPrediction Fill(LineHole hole, bool lengthGiven)
    {
        // Lines of the window: those before the hole, the hole (its indentation is known), those after it.
        string[] before = hole.TextBefore.Split('\n');
        string[] after = hole.TextAfter.Split('\n');
        string[] lines = [.. before, .. after[1..]];
        int target = before.Length - 1;
        string indentation = IndentationOf(lines[target]);
        string? previous = Neighbour(lines, target, -1, target);
        string? next = Neighbour(lines, target, 1, target);
        string best = "";
        (bool FitsLength, double Score, int Nearness) bestRank = (false, double.NegativeInfinity, 0);
        // The first and the last line of the window may be cut.
        for (int i = 1; i < lines.Length - 1; i++)
        {
            if (i == target || !lines[i].Any(char.IsLetter))
            {
                continue;
            }

            string line = lines[i].Trim();
            bool fits = lengthGiven && _tokenizer.Encode(line).Length == hole.Reference.Length;
            double score = Similarity(previous, Neighbour(lines, i, -1, target)) + Similarity(next, Neighbour(lines, i, 1, target));
            score += IndentationOf(lines[i]) == indentation ? 0.5 : 0;
            (bool, double, int) rank = (fits, score, -Math.Abs(i - target));
            if (rank.CompareTo(bestRank) > 0)
            {
                (best, bestRank) = (line, rank);
            }
        }

        return new InfillPrediction(best, default);
    }

    // The nearest line that is not blank in one direction; null if that is the hole or there is none.
    private static string? Neighbour(string[] lines, int from, int direction, int hole)
    {
        for (int i = from + direction; i >= 0 && i < lines.Length && i != hole; i += direction)
        {
            if (!string.IsNullOrWhiteSpace(lines[i]))
            {
                return lines[i].Trim();
            }
        }

        return null;
    }

    private static double Similarity(string? a, string? b) => a is null || b is null ? 0 : EditSimilarity.Of(a, b);

    private static string IndentationOf(string line) => line[..^line.AsSpan().TrimStart([' ', '\t']).Length];
}
