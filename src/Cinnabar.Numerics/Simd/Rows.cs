// Reductions over one contiguous row, shared by the kernels that work row by row.
// Sums of exponentials are kept in one register over at most 32 vectors, then added to a double: an error of a few units in the
// last place of F32 whatever the length, and one order whatever the thread.
using System.Runtime.CompilerServices;

namespace Cinnabar.Numerics.Simd;

internal static unsafe class Rows<TVec>
    where TVec : struct, ISimd<TVec>
{
    private const int VectorsPerSum = 32;

    /// <summary>Σ left[i]·right[i] in double.</summary>
    public static double Dot(float* left, float* right, int count)
    {
        int vectors = count / TVec.Width;
        double sum = TVec.Dot(left, right, vectors);
        for (int i = vectors * TVec.Width; i < count; i++)
        {
            sum += (double)left[i] * right[i];
        }

        return sum;
    }

    /// <summary>Largest element; −∞ of an empty row.</summary>
    public static float Max(float* x, int count)
    {
        TVec first = TVec.Broadcast(float.NegativeInfinity);
        TVec second = first;
        int i = 0;
        for (; i <= count - (2 * TVec.Width); i += 2 * TVec.Width)
        {
            first = TVec.Max(first, TVec.Load(x + i));
            second = TVec.Max(second, TVec.Load(x + i + TVec.Width));
        }

        float largest = TVec.MaxAcross(TVec.Max(first, second));
        for (; i < count; i++)
        {
            largest = x[i] > largest ? x[i] : largest;
        }

        return largest;
    }

    /// <summary>y[i] = exp(scale·x[i] − shift), and their sum; y may be x.</summary>
    public static double Exp(float* x, int count, float scale, float shift, float* y)
    {
        TVec factor = TVec.Broadcast(scale);
        TVec offset = TVec.Broadcast(-shift);
        double total = 0;
        int i = 0;
        while (i <= count - TVec.Width)
        {
            int end = Math.Min(count, i + (VectorsPerSum * TVec.Width));
            TVec sum = TVec.Zero;
            for (; i <= end - TVec.Width; i += TVec.Width)
            {
                TVec value = TVec.Exp(TVec.MultiplyAdd(TVec.Load(x + i), factor, offset));
                TVec.Store(value, y + i);
                sum += value;
            }

            total += TVec.Sum(sum);
        }

        for (; i < count; i++)
        {
            y[i] = ExpOne(x[i], scale, shift);
            total += y[i];
        }

        return total;
    }

    /// <summary>Σ exp(x[i] − shift): the same sum as <see cref="Exp"/> with scale 1, nothing written.</summary>
    public static double SumOfExp(float* x, int count, float shift)
    {
        TVec offset = TVec.Broadcast(-shift);
        double total = 0;
        int i = 0;
        while (i <= count - TVec.Width)
        {
            int end = Math.Min(count, i + (VectorsPerSum * TVec.Width));
            TVec sum = TVec.Zero;
            for (; i <= end - TVec.Width; i += TVec.Width)
            {
                sum += TVec.Exp(TVec.Load(x + i) + offset);
            }

            total += TVec.Sum(sum);
        }

        for (; i < count; i++)
        {
            total += ExpOne(x[i], 1, shift);
        }

        return total;
    }

    /// <summary>x[i] *= factor.</summary>
    public static void Scale(float* x, int count, float factor)
    {
        int i = 0;
        for (; i <= count - TVec.Width; i += TVec.Width)
        {
            TVec.Store(TVec.Load(x + i) * TVec.Broadcast(factor), x + i);
        }

        for (; i < count; i++)
        {
            x[i] *= factor;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float ExpOne(float x, float scale, float shift) =>
        ScalarVector.Sum(Exponential.Of(
            ScalarVector.MultiplyAdd(ScalarVector.Broadcast(x), ScalarVector.Broadcast(scale), ScalarVector.Broadcast(-shift))));
}
