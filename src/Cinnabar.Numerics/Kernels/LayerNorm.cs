// Layer normalisation (Ba et al. 2016) with a weight and a bias, which adaptive norms make of the noise level (Peebles & Xie 2023):
//   μ = mean_c(x),  r = 1 / sqrt(mean_c((x − μ)²) + ε),  y = (x − μ)·r·w + b        x, y: [T, C];  w, b: [C]
// Forward only.
using System.Runtime.CompilerServices;
using Cinnabar.Numerics.Simd;

namespace Cinnabar.Numerics.Kernels;

/// <summary>Layer normalisation over the last dimension.</summary>
public interface ILayerNorm
{
    /// <summary>y = (x − μ)·r·weight + bias.</summary>
    /// <param name="x">[T, C].</param>
    /// <param name="weight">[C], F32.</param>
    /// <param name="bias">[C], F32.</param>
    /// <param name="epsilon">ε inside the root.</param>
    /// <param name="y">[T, C].</param>
    void Forward(Tensor x, Tensor weight, Tensor bias, float epsilon, Tensor y);

    /// <summary>y as the left-hand side of products, computed while it is packed.</summary>
    /// <param name="x">[T, C]; must not change before the products are done.</param>
    /// <param name="weight">[C], F32.</param>
    /// <param name="bias">[C], F32.</param>
    /// <param name="epsilon">ε inside the root.</param>
    /// <param name="rows">Null, or what this kernel returned before and now returns again.</param>
    RowSource AsRows(Tensor x, Tensor weight, Tensor bias, float epsilon, ref RowSource? rows)
    {
        Tensor y = Tensor.Zeros(x.Shape);
        Forward(x, weight, bias, epsilon, y);
        return rows = new FinishedRows(y);
    }
}

/// <summary>The definition.</summary>
internal sealed class ReferenceLayerNorm : ILayerNorm
{
    public void Forward(Tensor x, Tensor weight, Tensor bias, float epsilon, Tensor y)
    {
        Expect.Floats(weight, x.Columns);
        Expect.Floats(bias, x.Columns);
        Expect.Floats(y, x.Count);
        for (int t = 0; t < x.Rows; t++)
        {
            Span<float> row = x.Row(t), result = y.Row(t);
            double sum = 0, squares = 0;
            foreach (float value in row)
            {
                sum += value;
            }

            double mean = sum / row.Length;
            foreach (float value in row)
            {
                squares += (value - mean) * (value - mean);
            }

            double r = 1 / Math.Sqrt((squares / row.Length) + epsilon);
            for (int c = 0; c < row.Length; c++)
            {
                result[c] = (float)(((row[c] - mean) * r * weight.Floats[c]) + bias.Floats[c]);
            }
        }
    }
}

/// <summary>
/// Split by row. The mean is found in two steps, a first one and the mean of what is left when that is taken away: a row far from zero
/// would lose digits otherwise.
/// </summary>
internal sealed unsafe class VectorLayerNorm<TVec>(WorkerPool workers) : ILayerNorm
    where TVec : struct, ISimd<TVec>
{
    private const int Grain = 16;
    private const int VectorsPerSum = 32; // are summed in F32, then added to a double

    public void Forward(Tensor x, Tensor weight, Tensor bias, float epsilon, Tensor y)
    {
        Expect.Floats(weight, x.Columns);
        Expect.Floats(bias, x.Columns);
        Expect.Floats(y, x.Count);
        workers.For(x.Rows, Grain, new ForwardBody(x, weight, bias, epsilon, y));
    }

    public RowSource AsRows(Tensor x, Tensor weight, Tensor bias, float epsilon, ref RowSource? rows)
    {
        Expect.Floats(weight, x.Columns);
        Expect.Floats(bias, x.Columns);
        NormedRows normed = rows as NormedRows ?? new NormedRows();
        normed.Set(x, weight, bias, epsilon);
        rows = normed;
        return normed;
    }

    private static Moments MomentsOf(float* x, int columns, float epsilon)
    {
        float first = (float)(Sums(x, columns, 0).Sum / columns);
        (double sum, double squares) = Sums(x, columns, first);
        double rest = sum / columns;
        double variance = Math.Max(0, (squares / columns) - (rest * rest));
        return new Moments(first, (float)rest, (float)(1 / Math.Sqrt(variance + epsilon)));
    }

    // Σ (x − offset) and Σ (x − offset)².
    private static (double Sum, double Squares) Sums(float* x, int columns, float offset)
    {
        double sum = 0, squares = 0;
        int c = 0;
        while (c <= columns - TVec.Width)
        {
            int end = Math.Min(columns, c + (VectorsPerSum * TVec.Width));
            TVec sums = TVec.Zero, sumsOfSquares = TVec.Zero;
            for (; c <= end - TVec.Width; c += TVec.Width)
            {
                TVec value = TVec.Load(x + c) - TVec.Broadcast(offset);
                sums += value;
                sumsOfSquares = TVec.MultiplyAdd(value, value, sumsOfSquares);
            }

            sum += TVec.Sum(sums);
            squares += TVec.Sum(sumsOfSquares);
        }

        for (; c < columns; c++)
        {
            double value = x[c] - offset;
            sum += value;
            squares += value * value;
        }

        return (sum, squares);
    }

    private static void Apply(float* x, Moments moments, float* weight, float* bias, float* y, int count)
    {
        int c = 0;
        for (; c <= count - TVec.Width; c += TVec.Width)
        {
            Apply<TVec>(x + c, moments, weight + c, bias + c, y + c);
        }

        for (; c < count; c++)
        {
            Apply<ScalarVector>(x + c, moments, weight + c, bias + c, y + c);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Apply<V>(float* x, Moments moments, float* weight, float* bias, float* y)
        where V : struct, ISimd<V>
    {
        V centred = V.Load(x) - V.Broadcast(moments.First) - V.Broadcast(moments.Rest);
        V.Store(V.MultiplyAdd(centred * V.Broadcast(moments.InverseDeviation), V.Load(weight), V.Load(bias)), y);
    }

    // μ = First + Rest, and r.
    private readonly record struct Moments(float First, float Rest, float InverseDeviation);

    private readonly struct ForwardBody(Tensor x, Tensor weight, Tensor bias, float epsilon, Tensor y) : ILoopBody
    {
        public void Run(int from, int to)
        {
            int columns = x.Columns;
            for (int t = from; t < to; t++)
            {
                float* row = x.FloatPointer + ((long)t * columns);
                Moments moments = MomentsOf(row, columns, epsilon);
                Apply(row, moments, weight.FloatPointer, bias.FloatPointer, y.FloatPointer + ((long)t * columns), columns);
            }
        }
    }

    // The moments are taken again for each block of K: rows seldom have more than one.
    private sealed class NormedRows : RowSource
    {
        private Tensor _x = null!;
        private Tensor _weight = null!;
        private Tensor _bias = null!;
        private float _epsilon;

        internal void Set(Tensor x, Tensor weight, Tensor bias, float epsilon)
        {
            (_x, _weight, _bias, _epsilon) = (x, weight, bias, epsilon);
            (Rows, Columns) = (x.Rows, x.Columns);
        }

        internal override void Write(int row, int k, int count, float* to)
        {
            float* x = _x.FloatPointer + ((long)row * Columns);
            Apply(x + k, MomentsOf(x, Columns, _epsilon), _weight.FloatPointer + k, _bias.FloatPointer + k, to, count);
        }
    }
}
