// α(t): the probability that a token is still clean at time t ∈ [0, 1]; α(0) = 1, α(1) = 0.
//
//   mask probability  p(t) = 1 − α(t)
//   loss weight       w(t) = −α'(t) / (1 − α(t))
//   bound             −log p(x) ≤ E_t E_{x_t} [ w(t) Σ_{i masked} −log p(x_i | x_t) ]
//
// Where the ε is: α itself is exact, and *times* are drawn from [ε, 1), t = ε + (1 − ε) u with u ∈ [0, 1), ε = 1e-3. For the linear
// schedule this is LLaDA's p = (1 − ε) u + ε with weight 1/p, to the letter. It keeps w finite; the expectation then leaves out
// t < ε, where the integrand is bounded by the cross-entropy of one masked token, so the bound is off by a factor 1 + O(ε).
// MDLM and MD4 put ε into α instead ((1−ε)t, and (1−2ε)(1−t)+ε with ε = 1e-4): same idea, other constants.
//
// Sources: Sahoo et al., MDLM, 2024 (bound, low-discrepancy times); Shi et al., MD4, 2024; Nie et al., LLaDA, 2025 (ε).
namespace Cinnabar.Diffusion;

/// <summary>The law by which tokens turn into noise.</summary>
public abstract class NoiseSchedule
{
    /// <summary>The smallest time a training example is drawn at.</summary>
    public const double MinimumTime = 1e-3;

    /// <summary>α(t): probability that a token is clean at time <paramref name="t"/> ∈ [0, 1].</summary>
    public abstract double Alpha(double t);

    /// <summary>dα/dt at <paramref name="t"/> ∈ [0, 1]; never positive.</summary>
    public abstract double AlphaDerivative(double t);

    /// <summary>1 − α(t): probability that a token is masked at time <paramref name="t"/>.</summary>
    public virtual double MaskProbability(double t) => 1 - Alpha(t);

    /// <summary>w(t) = −α'(t) / (1 − α(t)): weight of the masked tokens' cross-entropy.</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="t"/> is not in (0, 1]; w grows without bound towards 0.</exception>
    public double Weight(double t)
    {
        if (!(t > 0 && t <= 1))
        {
            throw new ArgumentOutOfRangeException(nameof(t), t, "The loss weight is defined for 0 < t ≤ 1.");
        }

        return -AlphaDerivative(t) / MaskProbability(t);
    }

    /// <summary>
    /// Times for the <paramref name="count"/> examples of a batch: t_i = ε + (max − ε) · ((u + i)/count mod 1) with one u for the batch:
    /// one time in each of <c>count</c> equal strata, which lowers the variance of the loss. Example i always gets stratum i, so
    /// examples must come in random order.
    /// </summary>
    /// <param name="count">Examples, 0 or more.</param>
    /// <param name="random">Draws one number.</param>
    /// <param name="minimumTime">ε.</param>
    /// <param name="maximumTime">max.</param>
    public static double[] Times(int count, DeterministicRandom random, double minimumTime = MinimumTime, double maximumTime = 1)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        double offset = random.NextDouble();
        var times = new double[count];
        for (int i = 0; i < count; i++)
        {
            double u = (offset + i) / count % 1.0;
            times[i] = minimumTime + ((maximumTime - minimumTime) * u);
        }

        return times;
    }
}
