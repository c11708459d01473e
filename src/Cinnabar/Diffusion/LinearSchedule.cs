// α(t) = 1 − t, α'(t) = −1, w(t) = 1/t. Masks a fraction t of the text (LLaDA, Dream; MDLM calls it log-linear).
namespace Cinnabar.Diffusion;

/// <summary>α(t) = 1 − t.</summary>
public sealed class LinearSchedule : NoiseSchedule
{
    /// <inheritdoc/>
    public override double Alpha(double t) => 1 - t;

    /// <inheritdoc/>
    public override double AlphaDerivative(double t) => -1;

    /// <inheritdoc/>
    public override double MaskProbability(double t) => t;
}
