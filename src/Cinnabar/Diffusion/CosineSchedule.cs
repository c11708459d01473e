// α(t) = 1 − cos(π/2 (1 − t)) = 1 − sin(π t/2), α'(t) = −π/2 cos(π t/2), w(t) = π/2 · cot(π t/2). Spends more of its time at
// high noise than the linear schedule (MD4; dLLM's "cosine").
namespace Cinnabar.Diffusion;

/// <summary>α(t) = 1 − cos(π/2 · (1 − t)).</summary>
public sealed class CosineSchedule : NoiseSchedule
{
    /// <inheritdoc/>
    public override double Alpha(double t) => 1 - Math.Sin(Math.PI / 2 * t);

    /// <inheritdoc/>
    public override double AlphaDerivative(double t) => -Math.PI / 2 * Math.Cos(Math.PI / 2 * t);

    /// <inheritdoc/>
    public override double MaskProbability(double t) => Math.Sin(Math.PI / 2 * t);
}
