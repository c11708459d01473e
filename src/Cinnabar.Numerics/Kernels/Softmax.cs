// Row-wise softmax in place: p[r, v] = exp(z[r, v] − max) / Σ exp(…). What a sampler reads confidences from; it has no
// backward form because training goes through CrossEntropy.
using Cinnabar.Numerics.Simd;

namespace Cinnabar.Numerics.Kernels;

/// <summary>Row-wise softmax.</summary>
public interface ISoftmax
{
    /// <summary>Replaces each row of <paramref name="x"/> [R, V] by its softmax; −∞ entries become 0.</summary>
    void Forward(Tensor x);
}

/// <summary>The definition.</summary>
internal sealed class ReferenceSoftmax : ISoftmax
{
    public void Forward(Tensor x)
    {
        for (int r = 0; r < x.Rows; r++)
        {
            Span<float> row = x.Row(r);
            double max = double.NegativeInfinity;
            foreach (float z in row)
            {
                max = Math.Max(max, z);
            }

            double sum = 0;
            foreach (float z in row)
            {
                sum += z == float.NegativeInfinity ? 0 : Math.Exp(z - max);
            }

            for (int v = 0; v < row.Length; v++)
            {
                row[v] = row[v] == float.NegativeInfinity ? 0 : (float)(Math.Exp(row[v] - max) / sum);
            }
        }
    }
}

/// <summary>Three passes over a row, which stays in cache; split by row.</summary>
internal sealed unsafe class VectorSoftmax<TVec>(WorkerPool workers) : ISoftmax
    where TVec : struct, ISimd<TVec>
{
    private const int Grain = 4;

    public void Forward(Tensor x) => workers.For(x.Rows, Grain, new ForwardBody(x));

    private readonly struct ForwardBody(Tensor x) : ILoopBody
    {
        public void Run(int from, int to)
        {
            int columns = x.Columns;
            for (int r = from; r < to; r++)
            {
                float* row = x.FloatPointer + ((long)r * columns);
                float max = Rows<TVec>.Max(row, columns);
                if (max == float.NegativeInfinity)
                {
                    new Span<float>(row, columns).Clear();
                    continue;
                }

                double sum = Rows<TVec>.Exp(row, columns, 1, max, row);
                Rows<TVec>.Scale(row, columns, (float)(1 / sum));
            }
        }
    }
}
