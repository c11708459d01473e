// What several layouts of 256 values do with vectors.
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Cinnabar.Numerics.Blocks;

internal static unsafe class BlockBits
{
    /// <summary>The bits of each byte from <paramref name="shift"/> on that <paramref name="mask"/> has, at most 8 − shift.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Of(Vector256<byte> bytes, int shift, byte mask) =>
        (bytes.AsUInt16() >>> shift).AsByte() & Vector256.Create(mask); // what a byte gets from its neighbour is masked

    /// <summary>Factor · integer for each of 16 runs.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Scale(Vector128<sbyte> integers, float factor, float* to)
    {
        if (Avx512F.IsSupported)
        {
            (Vector512.ConvertToSingle(Avx512F.ConvertToVector512Int32(integers)) * Vector512.Create(factor)).Store(to);
            return;
        }

        (Vector128<short> lower, Vector128<short> upper) = Vector128.Widen(integers);
        Scale(lower, factor, to);
        Scale(upper, factor, to + Vector256<float>.Count);
    }

    /// <summary>Factor · integer for each of 8 runs.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Scale(Vector128<short> integers, float factor, float* to) =>
        (Vector256.ConvertToSingle(Vector256.WidenLower(integers.ToVector256Unsafe())) * Vector256.Create(factor)).Store(to);
}
