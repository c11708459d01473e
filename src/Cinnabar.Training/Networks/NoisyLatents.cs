using Cinnabar.Diffusion;
using Cinnabar.Latents;

namespace Cinnabar.Training.Networks;

/// <summary>Latents of a pass with noise, and what a network should say of them.</summary>
internal sealed class NoisyLatents
{
    private readonly double[] _signals; // of each sequence
    private readonly double[] _noises;
    private readonly float[] _velocity;
    private readonly int _size;
    private readonly int _length; // latents of a sequence

    private NoisyLatents(int size, int length, double[] signals, double[] noises, float[] noisy, float[] velocity, bool[] known) =>
        (_size, _length, _signals, _noises, Noisy, _velocity, Known) = (size, length, signals, noises, noisy, velocity, known);

    /// <summary>z, and x where it is known: [M·d].</summary>
    public float[] Noisy { get; }

    /// <summary>[M].</summary>
    public bool[] Known { get; }

    /// <summary>−σ of each latent: [M].</summary>
    public float[] NegativeNoise => [.. Enumerable.Range(0, Known.Length).Select(row => (float)-_noises[row / _length])];

    /// <summary>α z: [M·d].</summary>
    public float[] ScaledNoisy => [.. Noisy.Select((z, i) => (float)(z * _signals[i / _size / _length]))];

    /// <summary>α of a latent.</summary>
    public double SignalOf(int row) => _signals[row / _length];

    /// <summary>Draws noise.</summary>
    /// <param name="clean">x: [M·d].</param>
    /// <param name="known">Which latents are known: [M].</param>
    /// <param name="times">Of each sequence.</param>
    /// <param name="schedule">The law of noise.</param>
    /// <param name="random">Draws.</param>
    public static NoisyLatents Draw(
        ReadOnlySpan<float> clean, bool[] known, ReadOnlySpan<double> times, GaussianSchedule schedule, DeterministicRandom random)
    {
        (int rows, int size) = (known.Length, clean.Length / known.Length);
        int length = rows / times.Length;
        NoisyLatents latents = new(
            size,
            length,
            [.. times.ToArray().Select(schedule.Signal)],
            [.. times.ToArray().Select(schedule.Noise)],
            clean.ToArray(),
            new float[clean.Length],
            known);
        for (int i = 0; i < clean.Length; i++)
        {
            int sequence = i / size / length;
            double noise = random.NextGaussian();
            if (!known[i / size])
            {
                (double signal, double deviation) = (latents._signals[sequence], latents._noises[sequence]);
                latents.Noisy[i] = (float)((signal * clean[i]) + (deviation * noise));
                latents._velocity[i] = (float)((signal * noise) - (deviation * clean[i]));
            }
        }

        return latents;
    }

    /// <summary>x̂ of v̂; x where it is known.</summary>
    public float[] CleanOf(ReadOnlySpan<float> velocity)
    {
        float[] clean = new float[Noisy.Length];
        for (int i = 0; i < clean.Length; i++)
        {
            int row = i / _size;
            clean[i] = Known[row]
                ? Noisy[i]
                : (float)((_signals[row / _length] * Noisy[i]) - (_noises[row / _length] * velocity[i]));
        }

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
}
