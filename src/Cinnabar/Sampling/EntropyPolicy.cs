// score = Σ q ln q = −H(q), q tempered and filtered: the position with the least entropy is the surest. llama.cpp's example takes +H and so
// commits the least certain first; that is not followed. Source: HKUNLP/Dream generation_utils.py, neg_entropy.
using Cinnabar.Diffusion;

namespace Cinnabar.Sampling;

/// <summary>Least entropy first.</summary>
public sealed class EntropyPolicy : StepPolicy
{
    /// <inheritdoc/>
    public override RowUse Uses => RowUse.Spread;

    /// <inheritdoc/>
    public override double Score(TokenDistribution row, CounterRandom random) => row.NegativeEntropy();
}
