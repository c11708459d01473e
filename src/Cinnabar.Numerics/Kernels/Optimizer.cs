// The elementwise parts of an optimiser step.
//   AdamW (Loshchilov & Hutter 2019, alg. 2), bias-corrected, decoupled decay, g scaled by the clipping factor first:
//     m = β1·m + (1−β1)·g,  v = β2·v + (1−β2)·g²,  w −= η·( m/(1−β1^t) / (sqrt(v/(1−β2^t)) + ε) + λ·w )
//   Sum of squares, in double, for the global gradient norm: fixed chunks are summed in order, so it never depends on threads.
//   EMA: s = d·s + (1−d)·w.
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

    /// <summary>Σ x², in double; Inf or NaN when an element is.</summary>
    double SumOfSquares(Tensor x);

    /// <summary>average = decay · average + (1 − decay) · weight.</summary>
    void Ema(Tensor average, Tensor weight, float decay);
}
