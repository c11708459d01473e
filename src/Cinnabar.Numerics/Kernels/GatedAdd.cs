// The residual connection of an adaptive norm (Peebles & Xie 2023, adaLN-Zero): what a branch adds to the stream is multiplied column by
// column:  y[t, c] += g[c]·(x[t, c] + b[c])        x, y: [T, C];  g, b: [C]
// Forward only.
using System.Runtime.CompilerServices;
using Cinnabar.Numerics.Simd;

namespace Cinnabar.Numerics.Kernels;

/// <summary>Adds rows, each column times a number of its own.</summary>
public interface IGatedAdd
{
    /// <summary>y[t, :] += gate ∘ (x[t, :] + bias).</summary>
    /// <param name="x">[T, C].</param>
    /// <param name="bias">[C], F32; null: zeros.</param>
    /// <param name="gate">[C], F32.</param>
    /// <param name="y">[T, C], changed in place.</param>
    void Forward(Tensor x, Tensor? bias, Tensor gate, Tensor y);
}

/// <summary>The definition.</summary>
internal sealed class ReferenceGatedAdd : IGatedAdd
{
    public void Forward(Tensor x, Tensor? bias, Tensor gate, Tensor y)
    {
        Expect.Floats(bias ?? gate, x.Columns);
        Expect.Floats(gate, x.Columns);
        Expect.Floats(y, x.Count);
        for (int t = 0; t < x.Rows; t++)
        {
            Span<float> row = x.Row(t), sum = y.Row(t);
            for (int c = 0; c < row.Length; c++)
            {
                double value = (double)row[c] + (bias is null ? 0 : bias.Floats[c]);
                sum[c] = (float)(sum[c] + (gate.Floats[c] * value));
            }
        }
    }
}

/// <summary>Bound by memory: one pass, split by row.</summary>
internal sealed unsafe class VectorGatedAdd<TVec>(WorkerPool workers) : IGatedAdd
    where TVec : struct, ISimd<TVec>
{
    private const int Grain = 16;

    public void Forward(Tensor x, Tensor? bias, Tensor gate, Tensor y)
    {
        Expect.Floats(bias ?? gate, x.Columns);
        Expect.Floats(gate, x.Columns);
        Expect.Floats(y, x.Count);
        workers.For(x.Rows, Grain, new ForwardBody(x, bias, gate, y));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add<V>(float* x, float* bias, float* gate, float* y)
        where V : struct, ISimd<V>
    {
        V value = bias is null ? V.Load(x) : V.Load(x) + V.Load(bias);
        V.Store(V.MultiplyAdd(value, V.Load(gate), V.Load(y)), y);
    }

    private readonly struct ForwardBody(Tensor x, Tensor? bias, Tensor gate, Tensor y) : ILoopBody
    {
        public void Run(int from, int to)
        {
            int columns = x.Columns;
            float* g = gate.FloatPointer;
            float* b = bias is null ? null : bias.FloatPointer;
            for (int t = from; t < to; t++)
            {
                float* row = x.FloatPointer + ((long)t * columns);
                float* sum = y.FloatPointer + ((long)t * columns);
                int c = 0;
                for (; c <= columns - TVec.Width; c += TVec.Width)
                {
                    Add<TVec>(row + c, b is null ? null : b + c, g + c, sum + c);
                }

                for (; c < columns; c++)
                {
                    Add<ScalarVector>(row + c, b is null ? null : b + c, g + c, sum + c);
                }
            }
        }
    }
}
