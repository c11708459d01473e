// Gaussian error linear unit in its tanh form (Hendrycks & Gimpel 2016), after the bias of the layer before it:
//   z = x + b,  y = z/2·(1 + tanh(u)),  u = √(2/π)·(z + 0.044715·z³)        x, y: [T, F];  b: [F]
// As (1 + tanh u)/2 = 1/(1 + e^−2u), it takes one exponential and cannot cancel. Forward only.
using System.Runtime.CompilerServices;
using Cinnabar.Numerics.Simd;

namespace Cinnabar.Numerics.Kernels;

/// <summary>y = gelu_tanh(x + bias).</summary>
public interface IGelu
{
    /// <summary>y = gelu_tanh(x + bias).</summary>
    /// <param name="x">[T, F].</param>
    /// <param name="bias">[F], F32.</param>
    /// <param name="y">[T, F]; may be x.</param>
    void Forward(Tensor x, Tensor bias, Tensor y);

    /// <summary>y as the left-hand side of products, computed while it is packed.</summary>
    /// <param name="x">[T, F]; must not change before the products are done.</param>
    /// <param name="bias">[F], F32.</param>
    /// <param name="rows">Null, or what this kernel returned before and now returns again.</param>
    RowSource AsRows(Tensor x, Tensor bias, ref RowSource? rows)
    {
        Tensor y = Tensor.Zeros(x.Shape);
        Forward(x, bias, y);
        return rows = new FinishedRows(y);
    }
}

/// <summary>The definition.</summary>
internal sealed class ReferenceGelu : IGelu
{
    public void Forward(Tensor x, Tensor bias, Tensor y)
    {
        Expect.Floats(bias, x.Columns);
        Expect.Floats(y, x.Count);
        for (int t = 0; t < x.Rows; t++)
        {
            Span<float> row = x.Row(t), result = y.Row(t);
            for (int c = 0; c < row.Length; c++)
            {
                double z = (double)row[c] + bias.Floats[c];
                double u = Math.Sqrt(2 / Math.PI) * (z + (0.044715 * z * z * z));
                result[c] = (float)(z / 2 * (1 + Math.Tanh(u)));
            }
        }
    }
}

/// <summary>Split by row.</summary>
internal sealed unsafe class VectorGelu<TVec>(WorkerPool workers) : IGelu
    where TVec : struct, ISimd<TVec>
{
    private const int Grain = 4;
    private const float Linear = 1.5957691f; // 2·√(2/π)
    private const float Cubic = 0.071354816f; // times 0.044715

    public void Forward(Tensor x, Tensor bias, Tensor y)
    {
        Expect.Floats(bias, x.Columns);
        Expect.Floats(y, x.Count);
        workers.For(x.Rows, Grain, new ForwardBody(x, bias, y));
    }

    public RowSource AsRows(Tensor x, Tensor bias, ref RowSource? rows)
    {
        Expect.Floats(bias, x.Columns);
        ActivatedRows activated = rows as ActivatedRows ?? new ActivatedRows();
        activated.Set(x, bias);
        rows = activated;
        return activated;
    }

    private static void Apply(float* x, float* bias, float* y, int count)
    {
        int c = 0;
        for (; c <= count - TVec.Width; c += TVec.Width)
        {
            Apply<TVec>(x + c, bias + c, y + c);
        }

        for (; c < count; c++)
        {
            Apply<ScalarVector>(x + c, bias + c, y + c);
        }
    }

    // z / (1 + e^−2u), where −2u = −z·(Linear + Cubic·z²).
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Apply<V>(float* x, float* bias, float* y)
        where V : struct, ISimd<V>
    {
        V z = V.Load(x) + V.Load(bias);
        V slope = V.MultiplyAdd(z * z, V.Broadcast(Cubic), V.Broadcast(Linear));
        V.Store(z / (V.Broadcast(1) + V.Exp(V.Zero - (z * slope))), y);
    }

    private readonly struct ForwardBody(Tensor x, Tensor bias, Tensor y) : ILoopBody
    {
        public void Run(int from, int to)
        {
            int columns = x.Columns;
            for (int t = from; t < to; t++)
            {
                long at = (long)t * columns;
                Apply(x.FloatPointer + at, bias.FloatPointer, y.FloatPointer + at, columns);
            }
        }
    }

    private sealed class ActivatedRows : RowSource
    {
        private Tensor _x = null!;
        private Tensor _bias = null!;

        internal void Set(Tensor x, Tensor bias)
        {
            (_x, _bias) = (x, bias);
            (Rows, Columns) = (x.Rows, x.Columns);
        }

        internal override void Write(int row, int k, int count, float* to) =>
            Apply(_x.FloatPointer + ((long)row * Columns) + k, _bias.FloatPointer + k, to, count);
    }
}
