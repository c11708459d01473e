// Entropy-bounded unmasking: positions in order of their entropy H, least first; commits the longest run 1 … n with
//
//   Σ_{i ≤ n} H_i − max_{i ≤ n} H_i ≤ γ          (in ascending order the maximum is the last, so the sum of those before it)
//
// and at least the step's quota (1 with Steps = null). The left side bounds how far the joint distribution of the committed tokens can be
// from the product of their own distributions. Entropies in nats, of the tempered and filtered distribution.
// Source: Ben-Hamu et al. 2025, arXiv 2505.24857 (EB-Sampler); γ about 0.1 in RND1 and DiffusionGemma.
using Cinnabar.Diffusion;

namespace Cinnabar.Sampling;

/// <summary>As many positions as keep the sum of their entropies within a bound, at least the quota.</summary>
/// <param name="bound">γ in nats.</param>
/// <param name="order">Gives the scores, negative entropies.</param>
public sealed class EntropyBoundPolicy(double bound, StepPolicy order) : StepPolicy
{
    /// <inheritdoc/>
    public override RowUse Uses => order.Uses;

    /// <inheritdoc/>
    public override double Score(TokenDistribution row, CounterRandom random) => order.Score(row, random);

    /// <inheritdoc/>
    public override int Count(ReadOnlySpan<double> scores, in StepContext context)
    {
        double before = 0;
        int count = 0;
        while (count < scores.Length && before <= bound && double.IsFinite(scores[count]))
        {
            before -= scores[count++];
        }

        return Math.Max(count, Math.Min(context.Quota, scores.Length));
    }

    /// <inheritdoc/>
    public override bool NeedsPass(in StepContext context) => true;
}
