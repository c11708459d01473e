// Weighted sum of expert outputs back into the rows they belong to: y[rows[i], :] += scales[i] · x[i, :].  x: [M, C], y: [T, C].
// The rows of one call differ from each other, so they may be added at once; calls follow each other, so sums have one order.
using Cinnabar.Numerics.Simd;

namespace Cinnabar.Numerics.Kernels;

/// <summary>Adds rows, each times a number, to chosen rows.</summary>
public interface IAddScaledRows
{
    /// <summary>y[rows[i], :] += scales[i] · x[i, :].</summary>
    /// <param name="x">[M, C].</param>
    /// <param name="rows">[M], each in 0 … T − 1, none twice.</param>
    /// <param name="scales">[M].</param>
    /// <param name="y">[T, C].</param>
    void Forward(Tensor x, ReadOnlySpan<int> rows, ReadOnlySpan<float> scales, Tensor y);
}

/// <summary>The definition.</summary>
internal sealed class ReferenceAddScaledRows : IAddScaledRows
{
    public void Forward(Tensor x, ReadOnlySpan<int> rows, ReadOnlySpan<float> scales, Tensor y)
    {
        Check(x, rows, scales, y);
        for (int i = 0; i < rows.Length; i++)
        {
            Span<float> from = x.Row(i);
            Span<float> to = y.Row(rows[i]);
            for (int c = 0; c < from.Length; c++)
            {
                to[c] = (float)(to[c] + ((double)scales[i] * from[c]));
            }
        }
    }

    internal static void Check(Tensor x, ReadOnlySpan<int> rows, ReadOnlySpan<float> scales, Tensor y)
    {
        Expect.Floats(x, rows.Length * y.Columns);
        Expect.Floats(y, y.Count);
        Expect.Length(scales.Length, rows.Length, nameof(scales));
        Expect.Indices(rows, y.Rows, nameof(rows));
    }
}

/// <summary>Bound by memory: one pass, split by row.</summary>
internal sealed unsafe class VectorAddScaledRows<TVec>(WorkerPool workers) : IAddScaledRows
    where TVec : struct, ISimd<TVec>
{
    private const int Grain = 8;

    public void Forward(Tensor x, ReadOnlySpan<int> rows, ReadOnlySpan<float> scales, Tensor y)
    {
        ReferenceAddScaledRows.Check(x, rows, scales, y);
        fixed (int* to = rows)
        fixed (float* factors = scales)
        {
            workers.For(rows.Length, Grain, new ForwardBody(x, to, factors, y));
        }
    }

    private readonly struct ForwardBody(Tensor x, int* rows, float* scales, Tensor y) : ILoopBody
    {
        public void Run(int from, int to)
        {
            int columns = y.Columns;
            for (int i = from; i < to; i++)
            {
                float* source = x.FloatPointer + ((long)i * columns);
                float* target = y.FloatPointer + ((long)rows[i] * columns);
                TVec scale = TVec.Broadcast(scales[i]);
                int c = 0;
                for (; c <= columns - TVec.Width; c += TVec.Width)
                {
                    TVec.Store(TVec.MultiplyAdd(scale, TVec.Load(source + c), TVec.Load(target + c)), target + c);
                }

                for (; c < columns; c++)
                {
                    target[c] += scales[i] * source[c];
                }
            }
        }
    }
}
