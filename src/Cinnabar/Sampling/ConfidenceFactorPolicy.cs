// Commits the longest run c₁ ≥ c₂ ≥ … ≥ c_n of surest positions with c_k ≥ 1 − f/(k + 1) for every k = 2 … n, and at least the step's
// quota (1 with Steps = null). The more tokens are taken at once, the surer each must be: if (n + 1)(1 − c_n) ≤ 1, the most probable
// tokens of the positions one by one are also the most probable ones jointly (Fast-dLLM, theorem 1).
// Source: NVlabs/Fast-dLLM v1, 2025, factor mode; unlike its code, the first position that fails is never committed.
using Cinnabar.Diffusion;

namespace Cinnabar.Sampling;

/// <summary>As many of the surest positions as may be committed together, at least the quota.</summary>
/// <param name="factor">f; 1 is the theorem's bound, larger is bolder.</param>
/// <param name="order">Gives the scores, probabilities.</param>
public sealed class ConfidenceFactorPolicy(double factor, StepPolicy order) : StepPolicy
{
    /// <inheritdoc/>
    public override RowUse Uses => order.Uses;

    /// <inheritdoc/>
    public override double Score(TokenDistribution row, CounterRandom random) => order.Score(row, random);

    /// <inheritdoc/>
    public override int Count(ReadOnlySpan<double> scores, in StepContext context)
    {
        // The surest one needs no bound.
        int count = Math.Min(1, scores.Length);
        while (count < scores.Length && scores[count] >= 1 - (factor / (count + 2)))
        {
            count++;
        }

        return Math.Max(count, Math.Min(context.Quota, scores.Length));
    }

    /// <inheritdoc/>
    public override bool NeedsPass(in StepContext context) => true;
}
