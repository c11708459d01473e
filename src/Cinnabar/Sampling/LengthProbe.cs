// How many tokens a hole wants, asked before it is filled (CAL, arXiv 2602.00476): one pass a length tried,
//
//   Φ(L) = mean over the L masks of the hole of the largest probability          score(L) = Φ(L) / B(L)
//
// where B(L) is what Φ is on average although L is wrong (LengthBias): short holes look surer whatever stands around them. From a first
// length both directions are climbed one token at a time, each until some lengths in a row were no better.
//
// Of several holes each is climbed in turn, left to right. The others stand in the canvas as masks: those before at the length that was
// found for them, those behind at their first.
//
// Deviations: Φ leaves out the mask token, which is never written; the paper has one hole.
using Cinnabar.Models;
using Cinnabar.Numerics;

namespace Cinnabar.Sampling;

/// <summary>Finds the lengths of holes; not thread-safe.</summary>
/// <param name="denoiser">The network.</param>
public sealed class LengthProbe(IDenoiser denoiser)
{
    private const int First = 8;
    private const int Patience = 4;
    private static readonly int[] s_directions = [1, -1];

    /// <summary>Climbs to the best lengths.</summary>
    /// <param name="known">The n + 1 known texts around n holes, in tokens.</param>
    /// <param name="holes">The fewest and the most tokens of each; where both are equal nothing is asked.</param>
    /// <param name="bias">Of this network.</param>
    /// <returns>After every pass, and once before the first: the lengths found so far, and the passes it took.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The bias does not tell of the most tokens of a hole whose length is open.</exception>
    public IEnumerable<ProbedLengths> Climb(
        IReadOnlyList<int[]> known, IReadOnlyList<(int Least, int Most)> holes, LengthBias bias)
    {
        foreach ((int least, int most) in holes)
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(most, Math.Max(1, least));
            ArgumentOutOfRangeException.ThrowIfGreaterThan(least < most ? most : 0, bias.Most);
        }

        return Passes();

        IEnumerable<ProbedLengths> Passes()
        {
            int[] lengths = [.. holes.Select(hole => Math.Clamp(First, Math.Max(1, hole.Least), hole.Most))];
            ProbedLengths found = new(lengths, 0);
            yield return found;
            for (int hole = 0; hole < holes.Count; hole++)
            {
                (int least, int most) = (Math.Max(1, holes[hole].Least), holes[hole].Most);
                if (least == most)
                {
                    continue;
                }

                int start = lengths[hole];
                double best = Score(start);
                yield return found = found with { Passes = found.Passes + 1 };
                foreach (int direction in s_directions)
                {
                    int worse = 0;
                    for (int tried = start + direction; tried >= least && tried <= most && worse < Patience; tried += direction)
                    {
                        double score = Score(tried);
                        (int length, best, worse) = score > best ? (tried, score, 0) : (lengths[hole], best, worse + 1);
                        lengths[hole] = length;
                        yield return found = found with { Passes = found.Passes + 1 };
                    }
                }

                double Score(int length)
                {
                    int[] asked = [.. lengths];
                    asked[hole] = length;
                    return Sureness(known, asked, hole) / bias.Of(length);
                }
            }
        }
    }

    /// <summary>Climbs to the end.</summary>
    /// <inheritdoc cref="Climb"/>
    /// <returns>The lengths, and the passes it took to find them.</returns>
    public ProbedLengths Find(IReadOnlyList<int[]> known, IReadOnlyList<(int Least, int Most)> holes, LengthBias bias) =>
        Climb(known, holes, bias).Last();

    /// <summary>Φ(L): how sure the network is of a hole of so many tokens, from one pass.</summary>
    /// <param name="known">The n + 1 known texts around n holes, in tokens.</param>
    /// <param name="lengths">Of each hole, at least 1.</param>
    /// <param name="hole">The one that is asked about.</param>
    /// <exception cref="CinnabarException">A logit is NaN or +∞.</exception>
    public double Sureness(IReadOnlyList<int[]> known, IReadOnlyList<int> lengths, int hole)
    {
        int[] ids = [.. known.SelectMany((text, i) => i < lengths.Count ? [.. text, .. Masks(lengths[i])] : text)];
        int start = known.Take(hole + 1).Sum(text => text.Length) + lengths.Take(hole).Sum();
        int[] rows = [.. Enumerable.Range(start, lengths[hole])];
        Tensor logits = denoiser.Logits(ids, rows);
        double sum = 0;
        for (int i = 0; i < rows.Length; i++)
        {
            Span<float> row = logits.Row(i);
            row[denoiser.MaskTokenId] = float.NegativeInfinity;
            float most = float.NegativeInfinity;
            foreach (float logit in row)
            {
                most = Math.Max(most, logit);
            }

            if (!float.IsFinite(most))
            {
                throw new CinnabarException(
                    $"Expected finite logits from the network, found {most} at position {rows[i]}.",
                    "Check that the checkpoint is complete and matches its configuration.");
            }

            sum += 1 / Exponentials.Sum(row, most);
        }

        return sum / rows.Length;
    }

    private IEnumerable<int> Masks(int count) => Enumerable.Repeat(denoiser.MaskTokenId, count);
}

/// <summary>Lengths that a probe found.</summary>
/// <param name="Lengths">Of each hole; changes while the probe goes on.</param>
/// <param name="Passes">Passes through the network.</param>
public readonly record struct ProbedLengths(IReadOnlyList<int> Lengths, int Passes);
