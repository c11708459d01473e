// The scales of integers: for each position (row of A, column of B) of a panel the largest magnitude in its block of K.
//
//   x ≈ q · scale,  q = round(x · inverse),  scale = max / limit,  inverse = limit / max,  limit 2047 for 16 bits, 127 for 8
//
// Block floating point after Das et al. 2018, "Mixed Precision Training of Convolutional Neural Networks using Integer Operations"
// (arXiv 1802.00930, §3), with one scale per position and block of K instead of one per tensor, so that tokens of small gradient keep
// their bits. 2047 is the largest magnitude for which 512 products cannot overflow an int32: 512 · 2047² < 2³¹.
// Infinity and NaN make the scale infinite or NaN and so reach every element of C that they would reach.
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Cinnabar.Numerics.Kernels;

internal static unsafe class PanelScales
{
    private const uint Magnitude = 0x7FFF_FFFF;

    // Below, limit / max would overflow: such a block is zero.
    private const float Smallest = 1e-30f;

    /// <summary>The scale of a block whose largest magnitude is <paramref name="max"/>, and what to multiply its elements with.</summary>
    internal static (float Scale, float Inverse) Of(float max, float limit) =>
        (max / limit, max >= Smallest && float.IsFinite(max) ? limit / max : 0);

    /// <summary>The largest magnitude, NaN if any value is.</summary>
    internal static float LargestMagnitude(ReadOnlySpan<float> values)
    {
        float max = 0;
        foreach (float value in values)
        {
            max = MathF.Max(max, MathF.Abs(value));
        }

        return max;
    }

    /// <summary>Finds the scales of one panel.</summary>
    /// <param name="source">Position 0 at the first k.</param>
    /// <param name="positionStride">Bytes from one position to the next.</param>
    /// <param name="kStride">Bytes from one k to the next.</param>
    /// <param name="valid">Existing positions.</param>
    /// <param name="width">All positions; those that do not exist get scale 0.</param>
    /// <param name="count">Values of k.</param>
    /// <param name="limit">Largest magnitude of q.</param>
    /// <param name="inverses">Receives one number per position.</param>
    /// <param name="scales">Receives one number per position.</param>
    internal static void Find<TElement>(
        byte* source, nint positionStride, nint kStride, int valid, int width, int count, float limit, float* inverses, float* scales)
        where TElement : struct, IPanelElement
    {
        int position = 0;
        for (; positionStride == TElement.Size && position + Vector512<uint>.Count <= valid; position += Vector512<uint>.Count)
        {
            Vector512<uint> max = MaxAcross<TElement>(source + (position * positionStride), kStride, count);
            for (int lane = 0; lane < Vector512<uint>.Count; lane++)
            {
                (scales[position + lane], inverses[position + lane]) = Of(BitConverter.UInt32BitsToSingle(max[lane]), limit);
            }
        }

        for (; position < width; position++)
        {
            byte* first = source + (position * positionStride);
            uint max = position < valid ? MaxAlong<TElement>(first, kStride, count) : 0;
            (scales[position], inverses[position]) = Of(BitConverter.UInt32BitsToSingle(max), limit);
        }
    }

    // 16 positions side by side. Magnitudes compare like integers, with infinity and then NaN above all numbers.
    private static Vector512<uint> MaxAcross<TElement>(byte* source, nint kStride, int count)
        where TElement : struct, IPanelElement
    {
        Vector512<uint> magnitude = Vector512.Create(Magnitude);
        Vector512<uint> max = Vector512<uint>.Zero;
        for (int k = 0; k < count; k++)
        {
            max = Vector512.Max(max, TElement.Sixteen(source + (k * kStride)) & magnitude);
        }

        return max;
    }

    [SkipLocalsInit]
    private static uint MaxAlong<TElement>(byte* source, nint kStride, int count)
        where TElement : struct, IPanelElement
    {
        uint max = 0;
        int k = 0;
        if (kStride == TElement.Size && count >= Vector512<uint>.Count)
        {
            Vector512<uint> magnitude = Vector512.Create(Magnitude);
            Vector512<uint> wide = Vector512<uint>.Zero;
            for (; k + Vector512<uint>.Count <= count; k += Vector512<uint>.Count)
            {
                wide = Vector512.Max(wide, TElement.Sixteen(source + (k * kStride)) & magnitude);
            }

            Vector256<uint> half = Vector256.Max(wide.GetLower(), wide.GetUpper());
            Vector128<uint> quarter = Vector128.Max(half.GetLower(), half.GetUpper());
            for (int lane = 0; lane < Vector128<uint>.Count; lane++)
            {
                max = Math.Max(max, quarter[lane]);
            }
        }

        for (; k < count; k++)
        {
            max = Math.Max(max, TElement.One(source + (k * kStride)) & Magnitude);
        }

        return max;
    }
}
