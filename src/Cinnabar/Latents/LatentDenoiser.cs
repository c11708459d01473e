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

    /// <inheritdoc/>
    public void Denoise(ReadOnlySpan<float> noisy, double t, ReadOnlySpan<float> before, Span<float> cleaned)
    {
        _tape.Reset();
        int size = network.Size;
        bool[] flags = known.IsEmpty ? new bool[noisy.Length / size] : known.ToArray();
        _input = _input.Length == noisy.Length ? _input : new float[noisy.Length];
        noisy.CopyTo(_input);
        for (int row = 0; row < flags.Length; row++)
        {
            if (flags[row])
            {
                clean.Span.Slice(row * size, size).CopyTo(_input.AsSpan(row * size));
            }
        }

        double[] times = new double[batch];
        Array.Fill(times, t);
        Tensor velocity = network.Velocity(_tape, _input, before, flags, times).Value;
        LatentTargets.Clean(schedule, t, noisy, velocity.Floats, cleaned);
        for (int row = 0; row < flags.Length; row++)
        {
            if (flags[row])
            {
                clean.Span.Slice(row * size, size).CopyTo(cleaned[(row * size)..]);
            }
        }
    }
}
