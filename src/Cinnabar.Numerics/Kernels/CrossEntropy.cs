// Softmax cross-entropy over chosen rows:
//   loss[r] = ln Σ_v exp z[r, v] − z[r, target_r]         z (logits): [R, V]
// Backward, scaled per row:  dz[r, v] = scale_r · φ'(loss[r]) · (softmax(z[r])_v − [v = target_r])
// where the total is Σ scale_r · φ(loss[r]) with φ(c) = (1 − e^−c)^γ · c, which turns to the rows that are still hard (Lin et al. 2017,
// "Focal Loss"); γ = 0: φ(c) = c.  φ'(c) = (1 − p)^γ + γ·(1 − p)^(γ−1)·p·c,  p = e^−c.
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
    /// <param name="scales">R weights of the rows in the total loss.</param>
    /// <param name="losses">[R]: φ of the loss of each row, unscaled.</param>
    /// <param name="focalGamma">γ of φ, 0 or more.</param>
    void ForwardBackward(Tensor logits, int[] targets, float[] scales, Tensor losses, float focalGamma = 0);
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

    public void ForwardBackward(Tensor logits, int[] targets, float[] scales, Tensor losses, float focalGamma)
    {
        Expect.Length(scales.Length, targets.Length, nameof(scales));
        Forward(logits, targets, losses);
        for (int r = 0; r < targets.Length; r++)
        {
            Span<float> row = logits.Row(r);
            double logSumExp = LogSumExp(row);
            (losses.Floats[r], float slope) = Focal.Of(losses.Floats[r], focalGamma);
            for (int v = 0; v < row.Length; v++)
            {
                row[v] = (float)(scales[r] * slope * (Math.Exp(row[v] - logSumExp) - (v == targets[r] ? 1 : 0)));
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

/// <summary>φ and its derivative.</summary>
internal static class Focal
{
    public static (float Loss, float Slope) Of(float loss, float gamma)
    {
        if (gamma == 0)
        {
            return (loss, 1);
        }

        double probability = Math.Exp(-loss);
        double miss = Math.Max(1 - probability, 1e-12); // so that powers below 1 stay finite where the row is certain
        double weight = Math.Pow(miss, gamma);
        return ((float)(weight * loss), (float)(weight + (gamma * weight / miss * probability * loss)));
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

    public void ForwardBackward(Tensor logits, int[] targets, float[] scales, Tensor losses, float focalGamma)
    {
        Check(logits, targets, losses);
        Expect.Length(scales.Length, targets.Length, nameof(scales));
        workers.For(targets.Length, Grain, new ForwardBackwardBody(logits, targets, scales, losses, focalGamma));
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

    private readonly struct ForwardBackwardBody(Tensor logits, int[] targets, float[] scales, Tensor losses, float focalGamma) : ILoopBody
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
                (losses.FloatPointer[r], float slope) = Focal.Of((float)(Math.Log(sum) + max - target), focalGamma);
                Rows<TVec>.Scale(row, columns, (float)(scales[r] * slope / sum));
                row[targets[r]] -= scales[r] * slope;
            }
        }
    }
}
