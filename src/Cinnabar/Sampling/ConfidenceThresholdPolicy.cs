// Commits every position whose score reaches the threshold, and at least the step's quota. With Steps = null the quota is 1, which is
// Fast-dLLM's rule: all that reach the threshold, at least the best. With Steps given, the quota bounds the number of passes.
// Source: NVlabs/Fast-dLLM v1, 2025 (threshold 0.9).
using Cinnabar.Diffusion;

namespace Cinnabar.Sampling;

/// <summary>All positions that are sure enough, at least the quota.</summary>
/// <param name="threshold">Least score, on the scale of <paramref name="order"/>.</param>
/// <param name="order">Gives the scores.</param>
public sealed class ConfidenceThresholdPolicy(double threshold, StepPolicy order) : StepPolicy
{
    /// <inheritdoc/>
    public override RowUse Uses => order.Uses;

    /// <inheritdoc/>
    public override double Score(TokenDistribution row, CounterRandom random) => order.Score(row, random);

    /// <inheritdoc/>
    public override int Count(ReadOnlySpan<double> scores, in StepContext context)
    {
        int count = Math.Min(context.Quota, scores.Length);
        while (count < scores.Length && scores[count] >= threshold)
        {
            count++;
        }

        return count;
    }

    /// <inheritdoc/>
    public override bool NeedsPass(in StepContext context) => true;
}
