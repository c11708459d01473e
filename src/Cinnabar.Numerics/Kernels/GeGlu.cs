// Gated linear unit with GELU (Shazeer 2020, "GLU variants improve transformer") in the tanh form of GELU (Hendrycks & Gimpel 2016, eq. 2):
//   gelu(g) = g/2 · (1 + tanh z),  z = √(2/π)·(g + 0.044715·g³),  y = gelu(g)·u         g (gate), u (up), y: [T, F]
// Computed as g·σ(2z), which is the same: (1 + tanh z)/2 = 1/(1 + e^−2z), and nothing cancels. At inference only.
using System.Runtime.CompilerServices;
using Cinnabar.Numerics.Simd;

namespace Cinnabar.Numerics.Kernels;

/// <summary>y = gelu(gate) ∘ up, GELU in its tanh form.</summary>
public interface IGeGlu
{
    /// <summary>y = gelu(gate) ∘ up, elementwise; y may be gate or up.</summary>
    void Forward(Tensor gate, Tensor up, Tensor y);
}

/// <summary>The definition.</summary>
internal sealed class ReferenceGeGlu : IGeGlu
{
    /// <summary>The coefficient of g³.</summary>
    internal const double Cubic = 0.044715;

    /// <summary>2·√(2/π).</summary>
    internal const double Slope = 1.5957691216057308;

    public void Forward(Tensor gate, Tensor up, Tensor y)
    {
        Expect.Floats(up, gate.Count);
        Expect.Floats(y, gate.Count);
        for (int i = 0; i < gate.Count; i++)
        {
            double g = gate.Floats[i];
            y.Floats[i] = (float)(g / (1 + Math.Exp(-Slope * (g + (Cubic * g * g * g)))) * up.Floats[i]);
        }
    }
}

/// <summary>One pass over the elements, split into ranges.</summary>
internal sealed unsafe class VectorGeGlu<TVec>(WorkerPool workers) : IGeGlu
    where TVec : struct, ISimd<TVec>
{
    private const int Grain = 8_192;

    public void Forward(Tensor gate, Tensor up, Tensor y)
    {
        Expect.Floats(up, gate.Count);
        Expect.Floats(y, gate.Count);
        workers.For(gate.Count, Grain, new ForwardBody(gate, up, y));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Forward<V>(float* gate, float* up, float* y)
        where V : struct, ISimd<V>
    {
        V g = V.Load(gate);
        V cubic = g * V.MultiplyAdd(g * g, V.Broadcast((float)ReferenceGeGlu.Cubic), V.Broadcast(1));
        V.Store(g / (V.Broadcast(1) + V.Exp(cubic * V.Broadcast((float)-ReferenceGeGlu.Slope))) * V.Load(up), y);
    }

    private readonly struct ForwardBody(Tensor gate, Tensor up, Tensor y) : ILoopBody
    {
        public void Run(int from, int to)
        {
            float* g = gate.FloatPointer, u = up.FloatPointer, result = y.FloatPointer;
            int i = from;
            for (; i <= to - TVec.Width; i += TVec.Width)
            {
                Forward<TVec>(g + i, u + i, result + i);
            }

            for (; i < to; i++)
            {
                Forward<ScalarVector>(g + i, u + i, result + i);
            }
        }
    }
}
