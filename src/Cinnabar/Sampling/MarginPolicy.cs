// score = q₁ − q₂, the two largest probabilities of the tempered and filtered distribution, whichever token was drawn; 1 if the
// filters leave one token. Source: HKUNLP/Dream generation_utils.py, margin_confidence.
using Cinnabar.Diffusion;

namespace Cinnabar.Sampling;

/// <summary>Largest lead of the best token over the second first.</summary>
public sealed class MarginPolicy : StepPolicy
{
    /// <inheritdoc/>
    public override RowUse Uses => RowUse.Spread;

    /// <inheritdoc/>
    public override double Score(TokenDistribution row, CounterRandom random) => row.Margin();
}
