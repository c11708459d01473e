// Gated linear unit with SiLU (Shazeer 2020, "GLU variants improve transformer"):
//   σ = 1/(1 + e^−g),  y = g·σ·u          g (gate), u (up), y: [T, F]
// Backward:  du += dY·g·σ,   dg += dY·u·σ·(1 + g·(1 − σ))
using System.Runtime.CompilerServices;
using Cinnabar.Numerics.Simd;

namespace Cinnabar.Numerics.Kernels;

/// <summary>y = silu(gate) ∘ up.</summary>
public interface ISwiGlu
{
    /// <summary>y = silu(gate) ∘ up, elementwise.</summary>
    void Forward(Tensor gate, Tensor up, Tensor y);

    /// <summary>y as the left-hand side of products, computed while it is packed.</summary>
    /// <param name="gate">[T, F]; must not change before the products are done, nor <paramref name="up"/>.</param>
    /// <param name="up">[T, F].</param>
    /// <param name="rows">Null, or what this kernel returned before and now returns again.</param>
    RowSource AsRows(Tensor gate, Tensor up, ref RowSource? rows)
    {
        Tensor y = Tensor.Zeros(gate.Shape);
        Forward(gate, up, y);
        return rows = new FinishedRows(y);
    }

    /// <summary>dGate += …, dUp += ….</summary>
    void Backward(Tensor dY, Tensor gate, Tensor up, Tensor dGate, Tensor dUp);
}

/// <summary>The definition.</summary>
internal sealed class ReferenceSwiGlu : ISwiGlu
{
    public void Forward(Tensor gate, Tensor up, Tensor y)
    {
        Expect.Floats(up, gate.Count);
        Expect.Floats(y, gate.Count);
        for (int i = 0; i < gate.Count; i++)
        {
            double g = gate.Floats[i];
            y.Floats[i] = (float)(g / (1 + Math.Exp(-g)) * up.Floats[i]);
        }
    }

    public void Backward(Tensor dY, Tensor gate, Tensor up, Tensor dGate, Tensor dUp)
    {
        Expect.Floats(dY, gate.Count);
        Expect.Floats(up, gate.Count);
        Expect.Floats(dGate, gate.Count);
        Expect.Floats(dUp, gate.Count);
        for (int i = 0; i < gate.Count; i++)
        {
            double g = gate.Floats[i];
            double sigmoid = 1 / (1 + Math.Exp(-g));
            dUp.Floats[i] += (float)(dY.Floats[i] * g * sigmoid);
            dGate.Floats[i] += (float)(dY.Floats[i] * up.Floats[i] * sigmoid * (1 + (g * (1 - sigmoid))));
        }
    }
}

/// <summary>One pass over the elements, split into ranges.</summary>
internal sealed unsafe class VectorSwiGlu<TVec>(WorkerPool workers) : ISwiGlu
    where TVec : struct, ISimd<TVec>
{
    private const int Grain = 8_192;

    public void Forward(Tensor gate, Tensor up, Tensor y)
    {
        Expect.Floats(up, gate.Count);
        Expect.Floats(y, gate.Count);
        workers.For(gate.Count, Grain, new ForwardBody(gate, up, y));
    }

    public RowSource AsRows(Tensor gate, Tensor up, ref RowSource? rows)
    {
        Expect.Floats(up, gate.Count);
        GatedRows gated = rows as GatedRows ?? new GatedRows();
        gated.Set(gate, up);
        rows = gated;
        return gated;
    }

    public void Backward(Tensor dY, Tensor gate, Tensor up, Tensor dGate, Tensor dUp)
    {
        Expect.Floats(dY, gate.Count);
        Expect.Floats(up, gate.Count);
        Expect.Floats(dGate, gate.Count);
        Expect.Floats(dUp, gate.Count);
        workers.For(gate.Count, Grain, new BackwardBody(dY, gate, up, dGate, dUp));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Sigmoid<V>(V g)
        where V : struct, ISimd<V> => V.Broadcast(1) / (V.Broadcast(1) + V.Exp(V.Zero - g));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Forward<V>(float* gate, float* up, float* y)
        where V : struct, ISimd<V>
    {
        V g = V.Load(gate);
        V.Store(g * Sigmoid(g) * V.Load(up), y);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Backward<V>(float* dY, float* gate, float* up, float* dGate, float* dUp)
        where V : struct, ISimd<V>
    {
        V g = V.Load(gate);
        V sigmoid = Sigmoid(g);
        V d = V.Load(dY) * sigmoid;
        V.Store(V.MultiplyAdd(d, g, V.Load(dUp)), dUp);
        V slope = V.MultiplyAdd(g, V.Broadcast(1) - sigmoid, V.Broadcast(1));
        V.Store(V.MultiplyAdd(d * V.Load(up), slope, V.Load(dGate)), dGate);
    }

    private static void Forward(float* gate, float* up, float* y, int count)
    {
        int i = 0;
        for (; i <= count - TVec.Width; i += TVec.Width)
        {
            Forward<TVec>(gate + i, up + i, y + i);
        }

        for (; i < count; i++)
        {
            Forward<ScalarVector>(gate + i, up + i, y + i);
        }
    }

    private readonly struct ForwardBody(Tensor gate, Tensor up, Tensor y) : ILoopBody
    {
        public void Run(int from, int to) =>
            Forward(gate.FloatPointer + from, up.FloatPointer + from, y.FloatPointer + from, to - from);
    }

    private sealed class GatedRows : RowSource
    {
        private Tensor _gate = null!;
        private Tensor _up = null!;

        internal void Set(Tensor gate, Tensor up)
        {
            (_gate, _up) = (gate, up);
            (Rows, Columns) = (gate.Rows, gate.Columns);
        }

        internal override void Write(int row, int k, int count, float* to)
        {
            long at = ((long)row * Columns) + k;
            Forward(_gate.FloatPointer + at, _up.FloatPointer + at, to, count);
        }
    }

    private readonly struct BackwardBody(Tensor dY, Tensor gate, Tensor up, Tensor dGate, Tensor dUp) : ILoopBody
    {
        public void Run(int from, int to)
        {
            float* d = dY.FloatPointer, g = gate.FloatPointer, u = up.FloatPointer, dG = dGate.FloatPointer, dU = dUp.FloatPointer;
            int i = from;
            for (; i <= to - TVec.Width; i += TVec.Width)
            {
                Backward<TVec>(d + i, g + i, u + i, dG + i, dU + i);
            }

            for (; i < to; i++)
            {
                Backward<ScalarVector>(d + i, g + i, u + i, dG + i, dU + i);
            }
        }
    }
}
