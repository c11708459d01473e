// Elementwise sum, the residual connection: y = a + b. Backward: da += dY, db += dY.
using Cinnabar.Numerics.Simd;

namespace Cinnabar.Numerics.Kernels;

/// <summary>Elementwise sum.</summary>
public interface IAdd
{
    /// <summary>y = a + b; y may be a or b.</summary>
    void Forward(Tensor a, Tensor b, Tensor y);

    /// <summary>d += dY.</summary>
    void Backward(Tensor dY, Tensor d);
}

/// <summary>The definition.</summary>
internal sealed class ReferenceAdd : IAdd
{
    public void Forward(Tensor a, Tensor b, Tensor y)
    {
        Expect.Floats(b, a.Count);
        Expect.Floats(y, a.Count);
        Span<float> left = a.Floats, right = b.Floats, sum = y.Floats;
        for (int i = 0; i < sum.Length; i++)
        {
            sum[i] = left[i] + right[i];
        }
    }

    public void Backward(Tensor dY, Tensor d) => Forward(d, dY, d);
}

/// <summary>Bound by memory: one pass, split into ranges.</summary>
internal sealed unsafe class VectorAdd<TVec>(WorkerPool workers) : IAdd
    where TVec : struct, ISimd<TVec>
{
    private const int Grain = 16_384;

    public void Forward(Tensor a, Tensor b, Tensor y)
    {
        Expect.Floats(b, a.Count);
        Expect.Floats(y, a.Count);
        workers.For(a.Count, Grain, new ForwardBody(a, b, y));
    }

    public void Backward(Tensor dY, Tensor d) => Forward(d, dY, d);

    private readonly struct ForwardBody(Tensor a, Tensor b, Tensor y) : ILoopBody
    {
        public void Run(int from, int to)
        {
            float* left = a.FloatPointer, right = b.FloatPointer, sum = y.FloatPointer;
            int i = from;
            for (; i <= to - TVec.Width; i += TVec.Width)
            {
                TVec.Store(TVec.Load(left + i) + TVec.Load(right + i), sum + i);
            }

            for (; i < to; i++)
            {
                sum[i] = left[i] + right[i];
            }
        }
    }
}
