// score = softmax(l)[token], raw: temperature 1 and unfiltered at any temperature, for the token that was drawn. LLaDA calls the order
// "low-confidence remasking" (the other positions are masked again), Dream calls it maskgit_plus; Dream's score is the probability in the
// filtered distribution, which is the same at temperature 0 without filters.
// Source: ML-GSAI/LLaDA generate.py.
using Cinnabar.Diffusion;

namespace Cinnabar.Sampling;

/// <summary>Most probable token first.</summary>
public sealed class LowConfidencePolicy : StepPolicy
{
    /// <inheritdoc/>
    public override RowUse Uses => RowUse.Token;

    /// <inheritdoc/>
    public override double Score(TokenDistribution row, CounterRandom random) => row.Probability;
}
