using Cinnabar.Diffusion;
using Cinnabar.Numerics;
using Cinnabar.Numerics.Autograd;
using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Latents;

/// <summary>A <see cref="LatentUNet"/> as what samplers ask for, one sequence or several at the same time. Not thread-safe.</summary>
/// <param name="network">Guesses v.</param>
/// <param name="schedule">The law of noise it was trained with.</param>
/// <param name="kernels">Where it runs.</param>
/// <param name="batch">B: sequences that are denoised together.</param>
/// <param name="known">B·n: which latents are known; empty: none.</param>
/// <param name="clean">B·n·d: the known ones, anything elsewhere; empty where none is known.</param>
/// <param name="precision">What products round their operands to.</param>
public sealed class LatentDenoiser(
    LatentUNet network,
    GaussianSchedule schedule,
    KernelTable kernels,
    int batch,
    ReadOnlyMemory<bool> known = default,
    ReadOnlyMemory<float> clean = default,
    MatMulPrecision precision = MatMulPrecision.BF16) : ILatentDenoiser
{
    private readonly Tape _tape = new(kernels, recording: false, precision);
    private float[] _input = [];
    private float[] _before = [];

    /// <inheritdoc/>
    public void Denoise(ReadOnlySpan<float> noisy, double t, ReadOnlySpan<float> before, Span<float> cleaned)
    {
        _tape.Reset();
        bool[] flags = known.IsEmpty ? new bool[noisy.Length / network.Size] : known.ToArray();
        if (_input.Length != noisy.Length)
        {
            (_input, _before) = (new float[noisy.Length], new float[noisy.Length]);
        }

        noisy.CopyTo(_input);
        before.CopyTo(_before);
        WriteKnown(flags, _input);
        if (before.ContainsAnyExcept(0f))
        {
            // As in training, where x̂ of a known latent is that latent; in the first step all are zeros.
            WriteKnown(flags, _before);
        }

        double[] times = new double[batch];
        Array.Fill(times, t);
        Tensor velocity = network.Velocity(_tape, _input, _before, flags, times).Value;
        LatentTargets.Clean(schedule, t, noisy, velocity.Floats, cleaned);
        WriteKnown(flags, cleaned);
    }

    private void WriteKnown(bool[] flags, Span<float> latents)
    {
        int size = network.Size;
        for (int row = 0; row < flags.Length; row++)
        {
            if (flags[row])
            {
                clean.Span.Slice(row * size, size).CopyTo(latents[(row * size)..]);
            }
        }
    }
}
