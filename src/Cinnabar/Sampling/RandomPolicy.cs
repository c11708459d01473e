// score ~ U(0, 1): every subset of the noisy positions is equally likely. Source: ML-GSAI/LLaDA generate.py, remasking = "random".
using Cinnabar.Diffusion;

namespace Cinnabar.Sampling;

/// <summary>Positions in random order.</summary>
public sealed class RandomPolicy : StepPolicy
{
    /// <inheritdoc/>
    public override RowUse Uses => RowUse.Token;

    /// <inheritdoc/>
    public override double Score(TokenDistribution row, CounterRandom random) => random.Unit(OrderNumber);

    /// <inheritdoc/>
    internal override double? ScoreUnseen(CounterRandom random) => random.Unit(OrderNumber);
}
