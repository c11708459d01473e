// Gaussian noise, variance preserving: a clean latent x becomes at time t ∈ [0, 1]
//
//   z_t = α(t) x + σ(t) ε,   ε ~ N(0, 1),   α² + σ² = 1,   λ(t) = ln(α²/σ²) falls from +∞ to −∞
//
// Everything follows from λ, the log of the ratio of signal to noise: α² = sigmoid(λ), σ² = sigmoid(−λ).
//
//   cosine, shift s     λ(t) = −2 ln tan(π t/2) + 2 ln s       α = cos(π t/2) for s = 1 (Nichol & Dhariwal 2021, without their offset);
//                                                              s < 1 spends more of its time at high noise (Hoogeboom et al. 2023)
//   linear in λ         λ(t) = λ0 + (λ1 − λ0) t                between two ends (Kingma et al., VDM, 2021, with both ends fixed)
//
// The cosine's ends are infinite, where samplers and losses divide by nothing, so times used are MinimumTime … 1 − MinimumTime.
namespace Cinnabar.Diffusion;

/// <summary>The law by which latents turn into noise; immutable.</summary>
public abstract class GaussianSchedule
{
    /// <summary>Times used lie between this and 1 less this.</summary>
    public const double MinimumTime = 1e-4;

    /// <summary>α = cos(π t/2), shifted by <paramref name="shift"/>.</summary>
    /// <param name="shift">s, greater than 0; 1, the default: not shifted.</param>
    public static GaussianSchedule Cosine(double shift = 1)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(shift);
        return new CosineLaw(2 * Math.Log(shift));
    }

    /// <summary>λ falls evenly from <paramref name="first"/> at t = 0 to <paramref name="last"/> at t = 1.</summary>
    /// <param name="first">λ0, 13 by default: a σ of 0.0015.</param>
    /// <param name="last">λ1, less than λ0; −10 by default: an α of 0.007.</param>
    public static GaussianSchedule Linear(double first = 13, double last = -10)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(last, first);
        return new LinearLaw(first, last);
    }

    /// <summary>λ(t).</summary>
    public abstract double LogRatio(double t);

    /// <summary>α(t).</summary>
    public double Signal(double t) => Math.Sqrt(Sigmoid(LogRatio(t)));

    /// <summary>σ(t).</summary>
    public double Noise(double t) => Math.Sqrt(Sigmoid(-LogRatio(t)));

    private static double Sigmoid(double x) => 1 / (1 + Math.Exp(-x));

    private sealed class CosineLaw(double offset) : GaussianSchedule
    {
        public override double LogRatio(double t) => (-2 * Math.Log(Math.Tan(Math.PI / 2 * t))) + offset;
    }

    private sealed class LinearLaw(double first, double last) : GaussianSchedule
    {
        public override double LogRatio(double t) => first + ((last - first) * t);
    }
}
