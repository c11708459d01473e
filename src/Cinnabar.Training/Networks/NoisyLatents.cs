using Cinnabar.Diffusion;
using Cinnabar.Latents;

namespace Cinnabar.Training.Networks;

/// <summary>Latents of a pass with noise, and what a network should say of them.</summary>
internal sealed class NoisyLatents
{
    private readonly GaussianSchedule _schedule;
    private readonly double[] _times; // of each sequence
    private readonly float[] _velocity;
    private readonly int _size;
    private readonly int _numbers; // of a sequence

    private NoisyLatents(float[] clean, bool[] known, ReadOnlySpan<double> times, GaussianSchedule schedule)
    {
        (_schedule, _times, Known) = (schedule, times.ToArray(), known);
        (_size, _numbers) = (clean.Length / known.Length, clean.Length / times.Length);
        (Noisy, _velocity) = (new float[clean.Length], new float[clean.Length]);
    }

    /// <summary>z, and x where it is known: [M·d].</summary>
    public float[] Noisy { get; }

    /// <summary>[M].</summary>
    public bool[] Known { get; }

    /// <summary>−σ of each latent, 0 of a known one: [M]. With <see cref="ScaledNoisy"/>, x̂ = α z − σ v̂; x where it is known.</summary>
    public float[] NegativeNoise =>
        [.. Enumerable.Range(0, Known.Length).Select(row => Known[row] ? 0 : (float)-_schedule.Noise(TimeOf(row)))];

    /// <summary>α z, x where it is known: [M·d].</summary>
    public float[] ScaledNoisy => [.. Noisy.Select((z, i) => Known[i / _size] ? z : (float)(z * SignalOf(i / _size)))];

    /// <summary>Draws noise.</summary>
    /// <param name="clean">x: [M·d].</param>
    /// <param name="known">Which latents are known: [M].</param>
    /// <param name="times">Of each sequence.</param>
    /// <param name="schedule">The law of noise.</param>
    /// <param name="random">Draws a number for each of x.</param>
    public static NoisyLatents Draw(
        float[] clean, bool[] known, ReadOnlySpan<double> times, GaussianSchedule schedule, DeterministicRandom random)
    {
        NoisyLatents latents = new(clean, known, times, schedule);
        float[] noise = new float[clean.Length];
        foreach (ref float value in noise.AsSpan())
        {
            value = (float)random.NextGaussian();
        }

        for (int sequence = 0; sequence < times.Length; sequence++)
        {
            Range range = latents.RangeOf(sequence);
            Corruption.AddNoise(clean.AsSpan(range), noise.AsSpan(range), schedule, times[sequence], latents.Noisy.AsSpan(range));
            LatentTargets.Velocity(
                schedule, times[sequence], clean.AsSpan(range), noise.AsSpan(range), latents._velocity.AsSpan(range));
        }

        latents.Restore(clean, latents.Noisy);
        return latents;
    }

    /// <summary>α of a latent.</summary>
    public double SignalOf(int row) => _schedule.Signal(TimeOf(row));

    /// <summary>x̂ of v̂; x where it is known.</summary>
    public float[] CleanOf(ReadOnlySpan<float> velocity)
    {
        float[] clean = new float[Noisy.Length];
        for (int sequence = 0; sequence < _times.Length; sequence++)
        {
            Range range = RangeOf(sequence);
            LatentTargets.Clean(_schedule, _times[sequence], Noisy.AsSpan(range), velocity[range], clean.AsSpan(range));
        }

        Restore(Noisy, clean);
        return clean;
    }

    /// <summary>Weighted sum of (v̂ − v)² where nothing is known, and its gradient.</summary>
    public (double Loss, float[] Gradient) SquaredError(ReadOnlySpan<float> velocity, double weight)
    {
        float[] gradient = new float[velocity.Length];
        double loss = 0;
        for (int i = 0; i < gradient.Length; i++)
        {
            if (!Known[i / _size])
            {
                double error = (double)velocity[i] - _velocity[i];
                loss += weight * error * error;
                gradient[i] = (float)(2 * weight * error);
            }
        }

        return (loss, gradient);
    }

    private double TimeOf(int row) => _times[row * _size / _numbers];

    private Range RangeOf(int sequence) => (sequence * _numbers)..((sequence + 1) * _numbers);

    // Known latents from one array to the other.
    private void Restore(float[] from, float[] to)
    {
        for (int i = 0; i < to.Length; i++)
        {
            to[i] = Known[i / _size] ? from[i] : to[i];
        }
    }
}
