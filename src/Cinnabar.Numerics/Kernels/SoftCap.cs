// Logits kept within ±cap:  x = cap · tanh(x / cap)        (Gemma Team 2024, "Gemma 2", section 2). In place, at inference only.
// Computed as cap − 2·cap/(1 + e^(2x/cap)): the error is a few units in the last place of cap, not of x, which is what logits need.
using System.Runtime.CompilerServices;
using Cinnabar.Numerics.Simd;

namespace Cinnabar.Numerics.Kernels;

/// <summary>A smooth limit, elementwise.</summary>
public interface ISoftCap
{
    /// <summary>x = cap · tanh(x / cap), in place.</summary>
    /// <param name="x">Of any shape.</param>
    /// <param name="cap">Greater than 0.</param>
    void Forward(Tensor x, float cap);
}

/// <summary>The definition.</summary>
internal sealed class ReferenceSoftCap : ISoftCap
{
    public void Forward(Tensor x, float cap)
    {
        foreach (ref float value in x.Floats)
        {
            value = (float)(cap * Math.Tanh(value / (double)cap));
        }
    }
}

/// <summary>One pass over the elements, split into ranges.</summary>
internal sealed unsafe class VectorSoftCap<TVec>(WorkerPool workers) : ISoftCap
    where TVec : struct, ISimd<TVec>
{
    private const int Grain = 8_192;

    public void Forward(Tensor x, float cap) => workers.For(x.Count, Grain, new ForwardBody(x, cap));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Forward<V>(float* x, float cap)
        where V : struct, ISimd<V> =>
        V.Store(
            V.Broadcast(cap) - (V.Broadcast(2 * cap) / (V.Broadcast(1) + V.Exp(V.Load(x) * V.Broadcast(2 / cap)))), x);

    private readonly struct ForwardBody(Tensor x, float cap) : ILoopBody
    {
        public void Run(int from, int to)
        {
            float* values = x.FloatPointer;
            int i = from;
            for (; i <= to - TVec.Width; i += TVec.Width)
            {
                Forward<TVec>(values + i, cap);
            }

            for (; i < to; i++)
            {
                Forward<ScalarVector>(values + i, cap);
            }
        }
    }
}
