// Multiplication by one number: x = factor · x, in place. Scales of embeddings and residual streams, temperatures. At inference only.
using Cinnabar.Numerics.Simd;

namespace Cinnabar.Numerics.Kernels;

/// <summary>Multiplication by one number.</summary>
public interface IScaling
{
    /// <summary>x = factor · x, in place.</summary>
    void Forward(Tensor x, float factor);
}

/// <summary>The definition.</summary>
internal sealed class ReferenceScaling : IScaling
{
    public void Forward(Tensor x, float factor)
    {
        foreach (ref float value in x.Floats)
        {
            value *= factor;
        }
    }
}

/// <summary>Bound by memory: one pass, split into ranges.</summary>
internal sealed unsafe class VectorScaling<TVec>(WorkerPool workers) : IScaling
    where TVec : struct, ISimd<TVec>
{
    private const int Grain = 16_384;

    public void Forward(Tensor x, float factor) => workers.For(x.Count, Grain, new ForwardBody(x, factor));

    private readonly struct ForwardBody(Tensor x, float factor) : ILoopBody
    {
        public void Run(int from, int to) => Rows<TVec>.Scale(x.FloatPointer + from, to - from, factor);
    }
}
