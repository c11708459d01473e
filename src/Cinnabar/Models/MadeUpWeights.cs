using Cinnabar.Checkpoints;
using Cinnabar.Diffusion;
using Cinnabar.Numerics;

namespace Cinnabar.Models;

/// <summary>Weights for measuring speed, which does not depend on which they are; made faster than random ones.</summary>
public static class MadeUpWeights
{
    private const int PatternBytes = 65_521; // a prime, so that rows differ

    /// <summary>A tensor of such weights: ones if it has one dimension, else a repeated pattern of deviation 0.02.</summary>
    /// <param name="shape">Its sizes.</param>
    /// <param name="type">F32, BF16, Int8 or Int4.</param>
    /// <param name="quantization">Groups of integers.</param>
    public static Tensor Of(int[] shape, DType type, WeightQuantization? quantization = null)
    {
        if (shape.Length == 1)
        {
            Tensor ones = Tensor.Zeros(shape);
            ones.Floats.Fill(1);
            return ones;
        }

        // Integers of any value; floating-point numbers must not be infinite, so they are drawn as such.
        DeterministicRandom random = new(1);
        Tensor pattern = Tensor.Zeros(PatternBytes);
        foreach (ref float value in pattern.Floats)
        {
            value = (float)(0.02 * random.NextGaussian());
        }

        Tensor tensor = Tensor.Zeros(type, quantization?.GroupOf(shape[1]) ?? 0, shape);
        tensor.Scales?.Floats.Fill(type == DType.Int8 ? 0.02f / 50 : 0.02f / 4);
        Span<byte> bytes = pattern.To(type.IsInteger() ? DType.Int8 : type).Bytes;
        for (int i = 0; i < tensor.Bytes.Length; i += bytes.Length)
        {
            bytes[..Math.Min(bytes.Length, tensor.Bytes.Length - i)].CopyTo(tensor.Bytes[i..]);
        }

        return tensor;
    }
}
