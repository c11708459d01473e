// What fits into one tensor in memory: its elements lie in one array, the first of them aligned to 64 bytes.
using Cinnabar.Numerics;

namespace Cinnabar.Checkpoints;

/// <summary>How large a tensor in memory may be.</summary>
internal static class TensorRoom
{
    private const int Alignment = 64;

    /// <summary>The most bytes of one tensor.</summary>
    public static long MostBytes => Array.MaxLength - Alignment;

    /// <summary>Whether a tensor of a type and shape fits.</summary>
    public static bool Holds(DType type, IReadOnlyList<long> shape)
    {
        // The product is checked size by size: [2^29, 2^28, 0] holds nothing, yet its first two sizes are too much for a Tensor.
        long count = 1;
        foreach (long size in shape)
        {
            count = size > MostBytes ? long.MaxValue : count * size;
            if (count > MostBytes)
            {
                return false;
            }
        }

        return Tensor.BytesOf(type, count) <= MostBytes;
    }

    /// <summary>What to do about a tensor that does not fit.</summary>
    public static string Remedy(DType type, IReadOnlyList<long> shape) => type == DType.F32 && Holds(DType.BF16, shape)
        ? "In two bytes a weight it fits: hold the model so with --weights bf16."
        : "Models with tensors of this size are not supported.";
}
