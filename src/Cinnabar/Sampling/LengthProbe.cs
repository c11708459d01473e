// How many tokens a hole wants, asked before it is filled (CAL, arXiv 2602.00476): one pass a length tried,
//
//   Φ(L) = mean over the L masks of the hole of the largest probability          score(L) = Φ(L) / B(L)
//
// where B(L) is what Φ is on average although L is wrong (LengthBias): short holes look surer whatever stands around them. From a first
// length both directions are climbed one token at a time, each until some lengths in a row were no better.
//
// Deviation: Φ leaves out the mask token, which is never written.
using Cinnabar.Models;
using Cinnabar.Numerics;

namespace Cinnabar.Sampling;

/// <summary>Finds the lengths of holes; not thread-safe.</summary>
/// <param name="denoiser">The network.</param>
public sealed class LengthProbe(IDenoiser denoiser)
{
    private const int First = 8;
    private const int Patience = 4;

    /// <summary>Climbs to the best length.</summary>
    /// <param name="before">Known tokens before the hole.</param>
    /// <param name="after">Known tokens after it.</param>
    /// <param name="most">The longest length, at least 1.</param>
    /// <param name="bias">Of this network, for at least so many lengths.</param>
    /// <returns>The length, and the passes it took to find.</returns>
    public (int Length, int Passes) Find(ReadOnlySpan<int> before, ReadOnlySpan<int> after, int most, LengthBias bias)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(most, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(most, bias.Most);
        int start = Math.Min(First, most);
        int passes = 1;
        (int length, double score) = (start, Sureness(before, start, after) / bias.Of(start));
        foreach (int direction in (ReadOnlySpan<int>)[1, -1])
        {
            int worse = 0;
            for (int tried = start + direction; tried >= 1 && tried <= most && worse < Patience; tried += direction)
            {
                double other = Sureness(before, tried, after) / bias.Of(tried);
                passes++;
                worse++;
                if (other > score)
                {
                    (length, score, worse) = (tried, other, 0);
                }
            }
        }

        return (length, passes);
    }

    /// <summary>Φ(L): how sure the network is of a hole of so many tokens, from one pass.</summary>
    /// <param name="before">Known tokens before the hole.</param>
    /// <param name="length">L, at least 1.</param>
    /// <param name="after">Known tokens after it.</param>
    public double Sureness(ReadOnlySpan<int> before, int length, ReadOnlySpan<int> after)
    {
        int[] ids = new int[before.Length + length + after.Length];
        int[] rows = [.. Enumerable.Range(before.Length, length)];
        before.CopyTo(ids);
        Array.Fill(ids, denoiser.MaskTokenId, before.Length, length);
        after.CopyTo(ids.AsSpan(before.Length + length));
        Tensor logits = denoiser.Logits(ids, rows);
        double sum = 0;
        for (int i = 0; i < length; i++)
        {
            Span<float> row = logits.Row(i);
            row[denoiser.MaskTokenId] = float.NegativeInfinity;
            float most = float.NegativeInfinity;
            foreach (float logit in row)
            {
                most = Math.Max(most, logit);
            }

            sum += 1 / Exponentials.Sum(row, most);
        }

        return sum / length;
    }
}
