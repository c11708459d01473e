// Softmax cross-entropy over chosen rows:
//   loss[r] = ln Σ_v exp z[r, v] − z[r, target_r]         z (logits): [R, V]
// Backward, scaled per row:  dz[r, v] = scale_r · (softmax(z[r])_v − [v = target_r])
// The maximum of a row is subtracted first, so logits of any finite size are safe. Sums are kept in double.
using Cinnabar.Numerics.Simd;

namespace Cinnabar.Numerics.Kernels;

/// <summary>Softmax cross-entropy of each row against one target.</summary>
public interface ICrossEntropy
{
    /// <summary>Writes the loss of each row in nats.</summary>
    /// <param name="logits">z: [R, V].</param>
    /// <param name="targets">R token ids.</param>
    /// <param name="losses">[R].</param>
    void Forward(Tensor logits, int[] targets, Tensor losses);

    /// <summary>
    /// Forward, and replaces <paramref name="logits"/> by their gradient scaled by <paramref name="scales"/>: the logits are read once
    /// and no second [R, V] buffer exists.
    /// </summary>
    /// <param name="logits">z: [R, V]; on return dz.</param>
    /// <param name="targets">R token ids.</param>
    /// <param name="scales">R factors ∂(total loss)/∂(loss of the row).</param>
    /// <param name="losses">[R], unscaled.</param>
    void ForwardBackward(Tensor logits, int[] targets, float[] scales, Tensor losses);
}

/// <summary>The definition.</summary>
internal sealed class ReferenceCrossEntropy : ICrossEntropy
{
    public void Forward(Tensor logits, int[] targets, Tensor losses)
    {
        Expect.Length(targets.Length, logits.Rows, nameof(targets));
        Expect.Indices(targets, logits.Columns, nameof(targets));
        Expect.Floats(losses, targets.Length);
        for (int r = 0; r < targets.Length; r++)
        {
            Span<float> row = logits.Row(r);
            losses.Floats[r] = (float)(LogSumExp(row) - row[targets[r]]);
        }
    }

    public void ForwardBackward(Tensor logits, int[] targets, float[] scales, Tensor losses)
    {
        Expect.Length(scales.Length, targets.Length, nameof(scales));
        Forward(logits, targets, losses);
        for (int r = 0; r < targets.Length; r++)
        {
            Span<float> row = logits.Row(r);
            double logSumExp = LogSumExp(row);
            for (int v = 0; v < row.Length; v++)
            {
                row[v] = (float)(scales[r] * (Math.Exp(row[v] - logSumExp) - (v == targets[r] ? 1 : 0)));
            }
        }
    }

    private static double LogSumExp(ReadOnlySpan<float> row)
    {
        double max = double.NegativeInfinity;
        foreach (float z in row)
        {
            max = Math.Max(max, z);
        }

        double sum = 0;
        foreach (float z in row)
        {
            sum += Math.Exp(z - max);
        }

        return max + Math.Log(sum);
    }
}

/// <summary>Passes over a row, which stays in cache: maximum, sum of exponentials, and scaling for the gradient. Split by row.</summary>
internal sealed unsafe class VectorCrossEntropy<TVec>(WorkerPool workers) : ICrossEntropy
    where TVec : struct, ISimd<TVec>
{
    private const int Grain = 4;

    public void Forward(Tensor logits, int[] targets, Tensor losses)
    {
        Check(logits, targets, losses);
        workers.For(targets.Length, Grain, new ForwardBody(logits, targets, losses));
    }

    public void ForwardBackward(Tensor logits, int[] targets, float[] scales, Tensor losses)
    {
        Check(logits, targets, losses);
        Expect.Length(scales.Length, targets.Length, nameof(scales));
        workers.For(targets.Length, Grain, new ForwardBackwardBody(logits, targets, scales, losses));
    }

    private static void Check(Tensor logits, int[] targets, Tensor losses)
    {
        Expect.Length(targets.Length, logits.Rows, nameof(targets));
        Expect.Indices(targets, logits.Columns, nameof(targets));
        Expect.Floats(losses, targets.Length);
    }

    private readonly struct ForwardBody(Tensor logits, int[] targets, Tensor losses) : ILoopBody
    {
        public void Run(int from, int to)
        {
            int columns = logits.Columns;
            for (int r = from; r < to; r++)
            {
                float* row = logits.FloatPointer + ((long)r * columns);
                float max = Rows<TVec>.Max(row, columns);
                double sum = Rows<TVec>.SumOfExp(row, columns, max);
                losses.FloatPointer[r] = (float)(Math.Log(sum) + max - row[targets[r]]);
            }
        }
    }

    private readonly struct ForwardBackwardBody(Tensor logits, int[] targets, float[] scales, Tensor losses) : ILoopBody
    {
        public void Run(int from, int to)
        {
            int columns = logits.Columns;
            for (int r = from; r < to; r++)
            {
                float* row = logits.FloatPointer + ((long)r * columns);
                float target = row[targets[r]];
                float max = Rows<TVec>.Max(row, columns);
                double sum = Rows<TVec>.Exp(row, columns, 1, max, row);
                losses.FloatPointer[r] = (float)(Math.Log(sum) + max - target);
                Rows<TVec>.Scale(row, columns, (float)(scales[r] / sum));
                row[targets[r]] -= scales[r];
            }
        }
    }
}
