// Each noisy position on its own is committed with probability 1 − s/t, in the last step 1: the reverse process of masked diffusion with
// α(t) = 1 − t, where a mask stays a mask with probability s/t. The score is u ~ U(0, 1) and a position is committed if u > s/t; the times
// are those of Transfer.Timestep, whatever Transfer says. A step may commit nothing.
// Sources: HKUNLP/Dream generation_utils.py, alg = "origin"; Sahoo et al., MDLM, 2024, equation 6.
using Cinnabar.Diffusion;

namespace Cinnabar.Sampling;

/// <summary>Each position on its own with the probability that the diffusion process gives.</summary>
public sealed class OriginPolicy : StepPolicy
{
    /// <inheritdoc/>
    public override RowUse Uses => RowUse.Token;

    /// <inheritdoc/>
    public override double Score(TokenDistribution row, CounterRandom random) => random.Unit(OrderNumber);

    /// <inheritdoc/>
    internal override double? ScoreUnseen(CounterRandom random) => random.Unit(OrderNumber);

    /// <inheritdoc/>
    public override int Count(ReadOnlySpan<double> scores, in StepContext context)
    {
        double stay = TransferQuota.StayProbability(context.Steps, context.Index);
        int count = 0;
        while (count < scores.Length && scores[count] > stay)
        {
            count++;
        }

        return count;
    }

    /// <inheritdoc/>
    public override bool NeedsPass(in StepContext context) => true;
}
