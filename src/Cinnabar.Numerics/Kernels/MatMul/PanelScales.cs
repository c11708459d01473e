// The scales of integers: for each position (row of A, column of B) of a panel the largest magnitude in its block of K.
//
//   x ≈ q · scale,  q = round(x · inverse),  scale = max / limit,  inverse = 1 / scale,  limit 2047 for 16 bits, 127 for 8
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

    // Below, 1 / scale could overflow: such a block is zero.
    private const float Smallest = 1e-32f;

    /// <summary>The scale of a block whose largest magnitude is <paramref name="max"/>, and what to multiply its elements with.</summary>
    internal static (float Scale, float Inverse) Of(float max, float limit) => (max / limit, InverseOf(max / limit));

    /// <summary>What to multiply elements with, given their scale.</summary>
    internal static float InverseOf(float scale) => scale >= Smallest && float.IsFinite(scale) ? 1 / scale : 0;

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

    /// <summary>Finds the largest magnitude, as the bits of an F32, of each of some positions.</summary>
    /// <param name="source">Position 0 at the first k.</param>
    /// <param name="positionStride">Bytes from one position to the next.</param>
    /// <param name="kStride">Bytes from one k to the next.</param>
    /// <param name="count">Values of k.</param>
    /// <param name="maxima">Receives one number per position.</param>
    internal static void FindMaxima<TElement>(byte* source, nint positionStride, nint kStride, int count, Span<uint> maxima)
        where TElement : struct, IPanelElement
    {
        if (positionStride == TElement.Size && kStride != TElement.Size)
        {
            MaxAcross<TElement>(source, kStride, count, maxima);
            return;
        }

        for (int position = 0; position < maxima.Length; position++)
        {
            maxima[position] = MaxAlong<TElement>(source + (position * positionStride), kStride, count);
        }
    }

    // Positions side by side: memory is read row after row. Magnitudes compare like integers, with infinity and then NaN above all numbers.
    private static void MaxAcross<TElement>(byte* source, nint kStride, int count, Span<uint> maxima)
        where TElement : struct, IPanelElement
    {
        Vector256<uint> magnitude = Vector256.Create(Magnitude);
        maxima.Clear();
        for (int k = 0; k < count; k += 2)
        {
            // The last of an odd number of rows is compared twice.
            byte* even = source + (k * kStride);
            byte* odd = k + 1 < count ? even + kStride : even;
            int position = 0;
            for (; position + Vector256<uint>.Count <= maxima.Length; position += Vector256<uint>.Count)
            {
                Span<uint> eight = maxima.Slice(position, Vector256<uint>.Count);
                nint offset = position * TElement.Size;
                Vector256<uint> both = Vector256.Max(TElement.Eight(even + offset) & magnitude, TElement.Eight(odd + offset) & magnitude);
                Vector256.Max(both, Vector256.Create<uint>(eight)).CopyTo(eight);
            }

            for (; position < maxima.Length; position++)
            {
                nint offset = position * TElement.Size;
                uint both = Math.Max(TElement.One(even + offset) & Magnitude, TElement.One(odd + offset) & Magnitude);
                maxima[position] = Math.Max(maxima[position], both);
            }
        }
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
