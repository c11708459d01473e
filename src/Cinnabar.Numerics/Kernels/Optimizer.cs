// The elementwise parts of an optimiser step.
//   AdamW (Loshchilov & Hutter 2019, alg. 2), bias-corrected, decoupled decay, g scaled by the clipping factor first:
//     m = β1·m + (1−β1)·g,  v = β2·v + (1−β2)·g²,  w −= η·( m/(1−β1^t) / (sqrt(v/(1−β2^t)) + ε) + λ·w )
//   Sum of squares, in double, for the global gradient norm: fixed chunks are summed in order, so it never depends on threads.
//   EMA: s = d·s + (1−d)·w.
using System.Runtime.CompilerServices;
using Cinnabar.Numerics.Simd;

namespace Cinnabar.Numerics.Kernels;

/// <summary>Constants of one AdamW step.</summary>
/// <param name="LearningRate">η.</param>
/// <param name="Beta1">β1.</param>
/// <param name="Beta2">β2.</param>
/// <param name="Epsilon">ε.</param>
/// <param name="WeightDecay">λ.</param>
/// <param name="Step">t, from 1.</param>
/// <param name="GradientScale">Factor applied to every gradient, e.g. for clipping.</param>
public readonly record struct AdamWStep(
    float LearningRate, float Beta1, float Beta2, float Epsilon, float WeightDecay, int Step, float GradientScale);

/// <summary>AdamW, sum of squares and exponential moving average.</summary>
public interface IOptimizer
{
    /// <summary>Updates <paramref name="weight"/>, <paramref name="m"/> and <paramref name="v"/> in place.</summary>
    void AdamW(Tensor weight, Tensor gradient, Tensor m, Tensor v, in AdamWStep step);

    /// <summary>Σ x² over all elements of all tensors, one tensor after the other, in double; Inf or NaN when an element is.</summary>
    double SumOfSquares(ReadOnlySpan<Tensor> tensors);

    /// <summary>average = decay · average + (1 − decay) · weight.</summary>
    void Ema(Tensor average, Tensor weight, float decay);
}

/// <summary>The definition.</summary>
internal sealed class ReferenceOptimizer : IOptimizer
{
    public void AdamW(Tensor weight, Tensor gradient, Tensor m, Tensor v, in AdamWStep step)
    {
        Expect.Floats(gradient, weight.Count);
        Expect.Floats(m, weight.Count);
        Expect.Floats(v, weight.Count);
        double correction1 = 1 - Math.Pow(step.Beta1, step.Step);
        double correction2 = 1 - Math.Pow(step.Beta2, step.Step);
        for (int i = 0; i < weight.Count; i++)
        {
            double g = (double)gradient.Floats[i] * step.GradientScale;
            double mean = (step.Beta1 * (double)m.Floats[i]) + ((1 - (double)step.Beta1) * g);
            double square = (step.Beta2 * (double)v.Floats[i]) + ((1 - (double)step.Beta2) * g * g);
            double w = weight.Floats[i];
            double direction = mean / correction1 / (Math.Sqrt(square / correction2) + step.Epsilon);
            m.Floats[i] = (float)mean;
            v.Floats[i] = (float)square;
            weight.Floats[i] = (float)(w - (step.LearningRate * (direction + (step.WeightDecay * w))));
        }
    }

    public double SumOfSquares(ReadOnlySpan<Tensor> tensors)
    {
        double total = 0;
        foreach (Tensor x in tensors)
        {
            double sum = 0;
            foreach (float value in x.Floats)
            {
                sum += (double)value * value;
            }

            total += sum;
        }

        return total;
    }

    public void Ema(Tensor average, Tensor weight, float decay)
    {
        Expect.Floats(weight, average.Count);
        for (int i = 0; i < average.Count; i++)
        {
            average.Floats[i] = (float)((decay * (double)average.Floats[i]) + ((1 - (double)decay) * weight.Floats[i]));
        }
    }
}

/// <summary>Bound by memory: one pass each, split into ranges.</summary>
internal sealed unsafe class VectorOptimizer<TVec>(WorkerPool workers) : IOptimizer
    where TVec : struct, ISimd<TVec>
{
    private const int Grain = 16_384;

    public void AdamW(Tensor weight, Tensor gradient, Tensor m, Tensor v, in AdamWStep step)
    {
        Expect.Floats(gradient, weight.Count);
        Expect.Floats(m, weight.Count);
        Expect.Floats(v, weight.Count);
        float correction1 = (float)(1 / (1 - Math.Pow(step.Beta1, step.Step)));
        float correction2 = (float)(1 / (1 - Math.Pow(step.Beta2, step.Step)));
        workers.For(weight.Count, Grain, new AdamWBody(weight, gradient, m, v, step, correction1, correction2));
    }

    public double SumOfSquares(ReadOnlySpan<Tensor> tensors)
    {
        double total = 0;
        foreach (Tensor x in tensors)
        {
            double[] partial = new double[(x.Count + Grain - 1) / Grain];
            workers.For(x.Count, Grain, new SquaresBody(x, partial));
            double sum = 0;
            foreach (double part in partial)
            {
                sum += part;
            }

            total += sum;
        }

        return total;
    }

    public void Ema(Tensor average, Tensor weight, float decay)
    {
        Expect.Floats(weight, average.Count);
        workers.For(average.Count, Grain, new EmaBody(average, weight, decay));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AdamW<V>(
        float* weight, float* gradient, float* m, float* v, in AdamWStep step, float correction1, float correction2)
        where V : struct, ISimd<V>
    {
        V g = V.Load(gradient) * V.Broadcast(step.GradientScale);
        V mean = V.MultiplyAdd(V.Broadcast(1 - step.Beta1), g, V.Broadcast(step.Beta1) * V.Load(m));
        V square = V.MultiplyAdd(V.Broadcast(1 - step.Beta2) * g, g, V.Broadcast(step.Beta2) * V.Load(v));
        V.Store(mean, m);
        V.Store(square, v);
        V w = V.Load(weight);
        V direction = mean * V.Broadcast(correction1) / (V.Sqrt(square * V.Broadcast(correction2)) + V.Broadcast(step.Epsilon));
        direction = V.MultiplyAdd(V.Broadcast(step.WeightDecay), w, direction);
        V.Store(V.MultiplyAdd(V.Broadcast(-step.LearningRate), direction, w), weight);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Ema<V>(float* average, float* weight, float decay)
        where V : struct, ISimd<V> =>
        V.Store(V.MultiplyAdd(V.Broadcast(1 - decay), V.Load(weight), V.Broadcast(decay) * V.Load(average)), average);

    private readonly struct AdamWBody(
        Tensor weight, Tensor gradient, Tensor m, Tensor v, AdamWStep step, float correction1, float correction2) : ILoopBody
    {
        public void Run(int from, int to)
        {
            // In locals, so that their broadcasts leave the loop.
            AdamWStep constants = step;
            float forMean = correction1, forSquare = correction2;
            float* w = weight.FloatPointer, g = gradient.FloatPointer, mean = m.FloatPointer, square = v.FloatPointer;
            int i = from;
            for (; i <= to - TVec.Width; i += TVec.Width)
            {
                AdamW<TVec>(w + i, g + i, mean + i, square + i, constants, forMean, forSquare);
            }

            for (; i < to; i++)
            {
                AdamW<ScalarVector>(w + i, g + i, mean + i, square + i, constants, forMean, forSquare);
            }
        }
    }

    private readonly struct SquaresBody(Tensor x, double[] partial) : ILoopBody
    {
        public void Run(int from, int to)
        {
            float* values = x.FloatPointer + from;
            partial[from / Grain] = Rows<TVec>.Dot(values, values, to - from);
        }
    }

    private readonly struct EmaBody(Tensor average, Tensor weight, float decay) : ILoopBody
    {
        public void Run(int from, int to)
        {
            float* s = average.FloatPointer, w = weight.FloatPointer;
            int i = from;
            for (; i <= to - TVec.Width; i += TVec.Width)
            {
                Ema<TVec>(s + i, w + i, decay);
            }

            for (; i < to; i++)
            {
                Ema<ScalarVector>(s + i, w + i, decay);
            }
        }
    }
}
