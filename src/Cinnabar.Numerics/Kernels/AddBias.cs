// The bias of a linear layer: x[t, c] += b[c], in place.  x: [T, C], b: [C].  Backward: db[c] += Σ_t dY[t, c].
using Cinnabar.Numerics.Simd;

namespace Cinnabar.Numerics.Kernels;

/// <summary>Adds one row to every row.</summary>
public interface IAddBias
{
    /// <summary>x[t, :] += bias.</summary>
    /// <param name="x">[T, C], changed in place.</param>
    /// <param name="bias">[C], F32.</param>
    void Forward(Tensor x, Tensor bias);

    /// <summary>dBias += Σ_t dY[t, :], in order of t.</summary>
    void Backward(Tensor dY, Tensor dBias)
    {
        Expect.Floats(dY, dY.Rows * dBias.Count);
        for (int t = 0; t < dY.Rows; t++)
        {
            Span<float> row = dY.Row(t);
            for (int c = 0; c < row.Length; c++)
            {
                dBias.Floats[c] += row[c];
            }
        }
    }
}

/// <summary>The definition.</summary>
internal sealed class ReferenceAddBias : IAddBias
{
    public void Forward(Tensor x, Tensor bias)
    {
        Expect.Floats(bias, x.Columns);
        for (int t = 0; t < x.Rows; t++)
        {
            Span<float> row = x.Row(t);
            for (int c = 0; c < row.Length; c++)
            {
                row[c] += bias.Floats[c];
            }
        }
    }
}

/// <summary>Bound by memory: one pass, split by row.</summary>
internal sealed unsafe class VectorAddBias<TVec>(WorkerPool workers) : IAddBias
    where TVec : struct, ISimd<TVec>
{
    private const int Grain = 16;

    public void Forward(Tensor x, Tensor bias)
    {
        Expect.Floats(bias, x.Columns);
        workers.For(x.Rows, Grain, new ForwardBody(x, bias));
    }

    private readonly struct ForwardBody(Tensor x, Tensor bias) : ILoopBody
    {
        public void Run(int from, int to)
        {
            int columns = x.Columns;
            float* b = bias.FloatPointer;
            for (int t = from; t < to; t++)
            {
                float* row = x.FloatPointer + ((long)t * columns);
                int c = 0;
                for (; c <= columns - TVec.Width; c += TVec.Width)
                {
                    TVec.Store(TVec.Load(row + c) + TVec.Load(b + c), row + c);
                }

                for (; c < columns; c++)
                {
                    row[c] += b[c];
                }
            }
        }
    }
}
