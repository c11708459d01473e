// From noise to clean latents: z at time t becomes z at an earlier time s, with x̂ = E[x | z_t] and ε̂ = (z_t − α_t x̂)/σ_t,
//
//   DDPM      z_s = α_s x̂ + √(σ_s² − σ_q²) ε̂ + σ_q ξ        σ_q² = σ_s² (1 − e^{λ_t − λ_s}),  ξ ~ N(0, 1): the exact posterior
//                                                           of z_s given z_t and x̂ (Ho et al. 2020)
//   DDIM      the same with σ_q = 0: nothing is drawn after the start (Song et al. 2021)
//   DPM++ 2M  z_s = (σ_s/σ_t) z_t − α_s (e^{−h} − 1) D       h = (λ_s − λ_t)/2,  D = x̂ + (x̂ − x̂')/(2r),  r = h'/h, where
//                                                           x̂' and h' are those of the step before: second order in h
//                                                           (Lu et al. 2022, DPM-Solver++, multistep)
//
// The first step of DPM++ 2M has no step before it and takes D = x̂, which is DDIM. Times fall evenly from 1 − MinimumTime, as if one more
// step followed the last one and ended at MinimumTime. There no noise is left, so z would be x̂ of the last time that was looked at, and a
// pass of its own would change nothing: x̂ = α z − σ v̂ with a σ of 0.0002. So x̂ of the last time is what comes out.
using Cinnabar.Diffusion;

namespace Cinnabar.Latents;

/// <summary>How <see cref="LatentSteps"/> goes from one time to the next.</summary>
public enum LatentMethod
{
    /// <summary>Without noise after the start, first order.</summary>
    Ddim,

    /// <summary>With fresh noise in every step.</summary>
    Ddpm,

    /// <summary>Without noise after the start, second order: fewest steps.</summary>
    DpmSolver,
}

/// <summary>Latents on their way from noise, step by step. Not thread-safe.</summary>
public sealed class LatentSteps
{
    private readonly ILatentDenoiser _denoiser;
    private readonly GaussianSchedule _schedule;
    private readonly LatentMethod _method;
    private readonly int _steps;
    private readonly DeterministicRandom _random;
    private readonly float[] _latents; // z
    private readonly float[] _guess; // x̂, and D in its place while a step is taken
    private readonly float[] _before; // x̂ of the step before
    private double _lastHalf;

    /// <summary>Starts with noise.</summary>
    /// <param name="denoiser">The network.</param>
    /// <param name="schedule">The law of noise that it was trained with.</param>
    /// <param name="method">How a step is taken.</param>
    /// <param name="steps">Passes through the network, at least 1.</param>
    /// <param name="count">Numbers of all latents; any that the network takes.</param>
    /// <param name="random">Draws the noise, in the same order for any number of threads.</param>
    public LatentSteps(
        ILatentDenoiser denoiser, GaussianSchedule schedule, LatentMethod method, int steps, int count, DeterministicRandom random)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(steps, 1);
        (_denoiser, _schedule, _method, _steps, _random) = (denoiser, schedule, method, steps, random);
        (_latents, _guess, _before) = (new float[count], new float[count], new float[count]);
        foreach (ref float value in _latents.AsSpan())
        {
            value = (float)random.NextGaussian();
        }
    }

    /// <summary>Steps taken.</summary>
    public int Taken { get; private set; }

    /// <summary>x̂ of the last step: what the network takes the clean latents for.</summary>
    public ReadOnlySpan<float> Guess => IsFinished ? _guess : _before;

    /// <summary>Whether no step is left to take; then <see cref="Guess"/> is the result.</summary>
    public bool IsFinished => Taken == _steps;

    /// <summary>Takes all steps that are left.</summary>
    /// <returns>Clean latents.</returns>
    public ReadOnlySpan<float> Finish()
    {
        while (!IsFinished)
        {
            Take();
        }

        return Guess;
    }

    /// <summary>Takes a step.</summary>
    public void Take()
    {
        double t = TimeOf(Taken);
        _denoiser.Denoise(_latents, t, _before, _guess);
        Taken++;
        if (IsFinished)
        {
            return;
        }

        double s = TimeOf(Taken);
        double half = (_schedule.LogRatio(s) - _schedule.LogRatio(t)) / 2;
        if (_method == LatentMethod.DpmSolver && Taken > 1)
        {
            Extrapolate(half / (2 * _lastHalf));
        }
        else
        {
            _guess.CopyTo(_before, 0);
        }

        Step(t, s);
        _lastHalf = half;
    }

    /// <summary>The time of a step, from 0.</summary>
    private double TimeOf(int step) =>
        1 - GaussianSchedule.MinimumTime - (step * (1 - (2 * GaussianSchedule.MinimumTime)) / _steps);

    // Leaves D in _guess and x̂ in _before.
    private void Extrapolate(double weight)
    {
        for (int i = 0; i < _guess.Length; i++)
        {
            float clean = _guess[i];
            _guess[i] += (float)weight * (clean - _before[i]);
            _before[i] = clean;
        }
    }

    // With D in the place of x̂ the step of DDIM is that of DPM++: −α_s (e^{−h} − 1) = α_s − σ_s α_t / σ_t.
    private void Step(double t, double s)
    {
        double noise = _schedule.Noise(s);
        double drawn = _method == LatentMethod.Ddpm
            ? noise * Math.Sqrt(-double.ExpM1(_schedule.LogRatio(t) - _schedule.LogRatio(s)))
            : 0;
        double kept = Math.Sqrt((noise * noise) - (drawn * drawn)) / _schedule.Noise(t);
        float ofNoisy = (float)kept;
        float ofClean = (float)(_schedule.Signal(s) - (kept * _schedule.Signal(t)));
        for (int i = 0; i < _latents.Length; i++)
        {
            _latents[i] = (ofNoisy * _latents[i]) + (ofClean * _guess[i]);
            if (drawn > 0)
            {
                _latents[i] += (float)(drawn * _random.NextGaussian());
            }
        }
    }
}
