// From noise to clean latents: z at time t becomes z at an earlier time s, with x̂ = E[x | z_t] and ε̂ = (z_t − α_t x̂)/σ_t,
//
//   DDPM      z_s = α_s x̂ + √(σ_s² − σ_q²) ε̂ + σ_q ξ        σ_q² = σ_s² (1 − e^{λ_t − λ_s}),  ξ ~ N(0, 1): the exact posterior
//                                                           of z_s given z_t and x̂ (Ho et al. 2020)
//   DDIM      the same with σ_q = 0: nothing is drawn after the start (Song et al. 2021)
//   DPM++ 2M  z_s = (σ_s/σ_t) z_t − α_s (e^{−h} − 1) D       h = (λ_s − λ_t)/2,  D = x̂ + (x̂ − x̂')/(2r),  r = h'/h, where
//                                                           x̂' and h' are those of the step before: second order in h
//                                                           (Lu et al. 2022, DPM-Solver++, multistep)
//
// The first step of DPM++ 2M has no step before it and the last one would extrapolate x̂ to where it does not move any more: both take
// D = x̂, which is DDIM. Times fall evenly from 1 − MinimumTime to MinimumTime; what is returned is x̂ of the last one.
using Cinnabar.Diffusion;

namespace Cinnabar.Latents;

/// <summary>How <see cref="LatentSampler"/> goes from one time to the next.</summary>
public enum LatentMethod
{
    /// <summary>Without noise after the start, first order.</summary>
    Ddim,

    /// <summary>With fresh noise in every step.</summary>
    Ddpm,

    /// <summary>Without noise after the start, second order: fewest steps.</summary>
    DpmSolver,
}

/// <summary>Draws latents. Not thread-safe.</summary>
/// <param name="schedule">The law of noise that the network was trained with.</param>
/// <param name="method">How a step is taken.</param>
/// <param name="steps">Passes through the network, at least 1.</param>
public sealed class LatentSampler(GaussianSchedule schedule, LatentMethod method, int steps)
{
    private readonly int _steps = steps >= 1 ? steps : throw new ArgumentOutOfRangeException(nameof(steps), steps, "At least one step.");

    private float[] _clean = [];
    private float[] _before = [];

    /// <summary>Draws latents from noise.</summary>
    /// <param name="denoiser">The network.</param>
    /// <param name="latents">Receives clean latents; may have any length that the network takes.</param>
    /// <param name="random">Draws the noise, in the same order for any number of threads.</param>
    public void Draw(ILatentDenoiser denoiser, Span<float> latents, DeterministicRandom random)
    {
        foreach (ref float value in latents)
        {
            value = (float)random.NextGaussian();
        }

        Denoise(denoiser, latents, random);
    }

    /// <summary>Denoises latents that are all noise.</summary>
    /// <param name="denoiser">The network.</param>
    /// <param name="latents">z at the first time; becomes x̂.</param>
    /// <param name="random">Draws the noise of <see cref="LatentMethod.Ddpm"/>.</param>
    public void Denoise(ILatentDenoiser denoiser, Span<float> latents, DeterministicRandom random)
    {
        if (_clean.Length != latents.Length)
        {
            (_clean, _before) = (new float[latents.Length], new float[latents.Length]);
        }

        Array.Clear(_before);
        double lastHalf = 0;
        for (int step = 0; step < _steps; step++)
        {
            double t = TimeOf(step);
            denoiser.Denoise(latents, t, _before, _clean);
            if (step == _steps - 1)
            {
                _clean.CopyTo(latents);
                break;
            }

            double s = TimeOf(step + 1);
            double half = (schedule.LogRatio(s) - schedule.LogRatio(t)) / 2;
            if (method == LatentMethod.DpmSolver && step > 0 && step < _steps - 2)
            {
                Extrapolate(half / (2 * lastHalf));
            }
            else
            {
                _clean.CopyTo(_before, 0);
            }

            Step(latents, t, s, random);
            lastHalf = half;
        }
    }

    /// <summary>The time of a step, from 0.</summary>
    private double TimeOf(int step) => _steps == 1
        ? 1 - GaussianSchedule.MinimumTime
        : 1 - GaussianSchedule.MinimumTime - (step * (1 - (2 * GaussianSchedule.MinimumTime)) / (_steps - 1));

    // Leaves D in _clean and x̂ in _before.
    private void Extrapolate(double weight)
    {
        for (int i = 0; i < _clean.Length; i++)
        {
            float clean = _clean[i];
            _clean[i] += (float)weight * (clean - _before[i]);
            _before[i] = clean;
        }
    }

    // With D in the place of x̂ the step of DDIM is that of DPM++: −α_s (e^{−h} − 1) = α_s − σ_s α_t / σ_t.
    private void Step(Span<float> latents, double t, double s, DeterministicRandom random)
    {
        double noise = schedule.Noise(s);
        double drawn = method == LatentMethod.Ddpm
            ? noise * Math.Sqrt(-double.ExpM1(schedule.LogRatio(t) - schedule.LogRatio(s)))
            : 0;
        double kept = Math.Sqrt((noise * noise) - (drawn * drawn)) / schedule.Noise(t);
        float ofNoisy = (float)kept;
        float ofClean = (float)(schedule.Signal(s) - (kept * schedule.Signal(t)));
        for (int i = 0; i < latents.Length; i++)
        {
            latents[i] = (ofNoisy * latents[i]) + (ofClean * _clean[i]);
            if (drawn > 0)
            {
                latents[i] += (float)(drawn * random.NextGaussian());
            }
        }
    }
}
