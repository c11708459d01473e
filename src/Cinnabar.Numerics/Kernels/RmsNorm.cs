// Root-mean-square normalisation (Zhang & Sennrich 2019, eq. 4):
//   r = 1 / sqrt(mean_c(x²) + ε),  y = x · r · w        x, y: [T, C], w: [C], r: [T]
// Backward, with g = dY ∘ w:
//   dx = r·g − x · r³/C · Σ_c(g·x)        dw += Σ_t dY · x · r
using System.Runtime.CompilerServices;
using Cinnabar.Numerics.Simd;

namespace Cinnabar.Numerics.Kernels;

/// <summary>RMS normalisation over the last dimension.</summary>
public interface IRmsNorm
{
    /// <summary>y = x · r · weight; r is kept for the backward pass.</summary>
    /// <param name="x">[T, C].</param>
    /// <param name="weight">[C], F32.</param>
    /// <param name="epsilon">ε inside the root.</param>
    /// <param name="y">[T, C].</param>
    /// <param name="inverseRms">r: [T].</param>
    void Forward(Tensor x, Tensor weight, float epsilon, Tensor y, Tensor inverseRms);

    /// <summary>y as the left-hand side of products, computed while it is packed.</summary>
    /// <param name="x">[T, C]; must not change before the products are done.</param>
    /// <param name="weight">[C], F32.</param>
    /// <param name="epsilon">ε inside the root.</param>
    /// <param name="rows">Null, or what this kernel returned before and now returns again.</param>
    RowSource AsRows(Tensor x, Tensor weight, float epsilon, ref RowSource? rows)
    {
        Tensor y = Tensor.Zeros(x.Shape);
        Forward(x, weight, epsilon, y, Tensor.Zeros(x.Rows));
        return rows = new FinishedRows(y);
    }

    /// <summary>dX += …, dWeight += … (both accumulate).</summary>
    void Backward(Tensor dY, Tensor x, Tensor weight, Tensor inverseRms, Tensor dX, Tensor dWeight);
}

/// <summary>The definition.</summary>
internal sealed class ReferenceRmsNorm : IRmsNorm
{
    public void Forward(Tensor x, Tensor weight, float epsilon, Tensor y, Tensor inverseRms)
    {
        int columns = weight.Count;
        int rows = inverseRms.Count;
        Expect.Floats(x, rows * columns);
        Expect.Floats(y, rows * columns);
        for (int t = 0; t < rows; t++)
        {
            Span<float> row = x.Floats.Slice(t * columns, columns);
            double squares = 0;
            foreach (float value in row)
            {
                squares += (double)value * value;
            }

            double r = 1 / Math.Sqrt((squares / columns) + epsilon);
            inverseRms.Floats[t] = (float)r;
            for (int c = 0; c < columns; c++)
            {
                y.Floats[(t * columns) + c] = (float)(row[c] * r * weight.Floats[c]);
            }
        }
    }

    public void Backward(Tensor dY, Tensor x, Tensor weight, Tensor inverseRms, Tensor dX, Tensor dWeight)
    {
        int columns = weight.Count;
        int rows = inverseRms.Count;
        Expect.Floats(x, rows * columns);
        Expect.Floats(dY, rows * columns);
        Expect.Floats(dX, rows * columns);
        Expect.Floats(dWeight, columns);
        double[] weightSums = new double[columns];
        for (int t = 0; t < rows; t++)
        {
            Span<float> row = x.Floats.Slice(t * columns, columns);
            Span<float> d = dY.Floats.Slice(t * columns, columns);
            double r = inverseRms.Floats[t];
            double dot = 0;
            for (int c = 0; c < columns; c++)
            {
                dot += (double)d[c] * weight.Floats[c] * row[c];
                weightSums[c] += (double)d[c] * row[c] * r;
            }

            for (int c = 0; c < columns; c++)
            {
                double g = (double)d[c] * weight.Floats[c];
                dX.Floats[(t * columns) + c] += (float)((r * g) - (row[c] * r * r * r / columns * dot));
            }
        }

        for (int c = 0; c < columns; c++)
        {
            dWeight.Floats[c] += (float)weightSums[c];
        }
    }
}

/// <summary>
/// Split by row. The weight gradient is summed per chunk of <see cref="BackwardGrain"/> rows into a buffer of its own, and the chunks
/// are added in order.
/// </summary>
internal sealed unsafe class VectorRmsNorm<TVec>(WorkerPool workers) : IRmsNorm
    where TVec : struct, ISimd<TVec>
{
    private const int ForwardGrain = 16;
    private const int BackwardGrain = 64;

    // [chunks, C]: sums of the weight gradient. Per thread, as two threads may use one kernel.
    [ThreadStatic]
    private static Tensor? t_chunkSums;

    public void Forward(Tensor x, Tensor weight, float epsilon, Tensor y, Tensor inverseRms)
    {
        int columns = weight.Count;
        int rows = inverseRms.Count;
        Expect.Floats(weight, columns);
        Expect.Floats(x, rows * columns);
        Expect.Floats(y, rows * columns);
        workers.For(rows, ForwardGrain, new ForwardBody(x, weight, epsilon, y, inverseRms));
    }

    public RowSource AsRows(Tensor x, Tensor weight, float epsilon, ref RowSource? rows)
    {
        Expect.Floats(weight, x.Columns);
        NormedRows normed = rows as NormedRows ?? new NormedRows();
        normed.Set(x, weight, epsilon);
        rows = normed;
        return normed;
    }

    public void Backward(Tensor dY, Tensor x, Tensor weight, Tensor inverseRms, Tensor dX, Tensor dWeight)
    {
        int columns = weight.Count;
        int rows = inverseRms.Count;
        Expect.Floats(weight, columns);
        Expect.Floats(inverseRms, rows);
        Expect.Floats(x, rows * columns);
        Expect.Floats(dY, rows * columns);
        Expect.Floats(dX, rows * columns);
        Expect.Floats(dWeight, columns);
        int chunks = (rows + BackwardGrain - 1) / BackwardGrain;
        Tensor chunkSums = Scratch.AtLeast(ref t_chunkSums, chunks * columns);
        workers.For(rows, BackwardGrain, new BackwardBody(dY, x, weight, inverseRms, dX, chunkSums));
        for (int chunk = 0; chunk < chunks; chunk++)
        {
            Span<float> sums = chunkSums.Floats.Slice(chunk * columns, columns);
            for (int c = 0; c < columns; c++)
            {
                dWeight.Floats[c] += sums[c];
            }
        }
    }

    private static float InverseRms(float* row, int columns, float epsilon) =>
        (float)(1 / Math.Sqrt((Rows<TVec>.Dot(row, row, columns) / columns) + epsilon));

    private static void Scale(float* row, float r, float* weight, float* result, int count)
    {
        int c = 0;
        for (; c <= count - TVec.Width; c += TVec.Width)
        {
            TVec.Store(TVec.Load(row + c) * TVec.Broadcast(r) * TVec.Load(weight + c), result + c);
        }

        for (; c < count; c++)
        {
            result[c] = row[c] * r * weight[c];
        }
    }

    private static void BackwardRow(float* dY, float* x, float* weight, float r, float* dX, float* dWeight, int columns)
    {
        TVec dots = TVec.Zero;
        int c = 0;
        for (; c <= columns - TVec.Width; c += TVec.Width)
        {
            TVec product = TVec.Load(dY + c) * TVec.Load(x + c);
            dots = TVec.MultiplyAdd(product, TVec.Load(weight + c), dots);
            TVec.Store(TVec.MultiplyAdd(product, TVec.Broadcast(r), TVec.Load(dWeight + c)), dWeight + c);
        }

        double dot = TVec.Sum(dots);
        for (; c < columns; c++)
        {
            dot += (double)dY[c] * x[c] * weight[c];
            dWeight[c] += dY[c] * x[c] * r;
        }

        float projection = (float)(-dot * r * r * r / columns);
        for (c = 0; c <= columns - TVec.Width; c += TVec.Width)
        {
            BackwardStep<TVec>(dY + c, x + c, weight + c, r, projection, dX + c);
        }

        for (; c < columns; c++)
        {
            BackwardStep<ScalarVector>(dY + c, x + c, weight + c, r, projection, dX + c);
        }
    }

    // dx += r·dY·w + x·projection
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void BackwardStep<V>(float* dY, float* x, float* weight, float r, float projection, float* dX)
        where V : struct, ISimd<V>
    {
        V sum = V.MultiplyAdd(V.Load(dY) * V.Broadcast(r), V.Load(weight), V.Load(dX));
        V.Store(V.MultiplyAdd(V.Load(x), V.Broadcast(projection), sum), dX);
    }

    private readonly struct ForwardBody(Tensor x, Tensor weight, float epsilon, Tensor y, Tensor inverseRms) : ILoopBody
    {
        public void Run(int from, int to)
        {
            int columns = weight.Count;
            float* w = weight.FloatPointer;
            for (int t = from; t < to; t++)
            {
                float* row = x.FloatPointer + ((long)t * columns);
                float r = InverseRms(row, columns, epsilon);
                inverseRms.FloatPointer[t] = r;
                Scale(row, r, w, y.FloatPointer + ((long)t * columns), columns);
            }
        }
    }

    // The root is taken again for each block of K: rows seldom have more than one.
    private sealed class NormedRows : RowSource
    {
        private Tensor _x = null!;
        private Tensor _weight = null!;
        private float _epsilon;

        internal void Set(Tensor x, Tensor weight, float epsilon)
        {
            (_x, _weight, _epsilon) = (x, weight, epsilon);
            (Rows, Columns) = (x.Rows, x.Columns);
        }

        internal override void Write(int row, int k, int count, float* to)
        {
            float* x = _x.FloatPointer + ((long)row * Columns);
            Scale(x + k, InverseRms(x, Columns, _epsilon), _weight.FloatPointer + k, to, count);
        }
    }

    private readonly struct BackwardBody(Tensor dY, Tensor x, Tensor weight, Tensor inverseRms, Tensor dX, Tensor chunkSums) : ILoopBody
    {
        public void Run(int from, int to)
        {
            int columns = weight.Count;
            float* sums = chunkSums.FloatPointer + ((long)from / BackwardGrain * columns);
            new Span<float>(sums, columns).Clear();
            for (int t = from; t < to; t++)
            {
                long at = (long)t * columns;
                float r = inverseRms.FloatPointer[t];
                BackwardRow(dY.FloatPointer + at, x.FloatPointer + at, weight.FloatPointer, r, dX.FloatPointer + at, sums, columns);
            }
        }
    }
}
