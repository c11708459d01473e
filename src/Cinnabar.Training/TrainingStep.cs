// One optimiser step: gradients of a batch → clip → AdamW → average.
using Cinnabar.Numerics;
using Cinnabar.Numerics.Autograd;
using Cinnabar.Numerics.Kernels;
using Cinnabar.Training.Networks;

namespace Cinnabar.Training;

/// <summary>Takes optimiser steps on the tensors of a checkpoint. Not thread-safe.</summary>
/// <param name="options">Settings of the optimiser.</param>
/// <param name="state">Tensors that every step changes in place.</param>
/// <param name="network">Whose gradients are followed.</param>
/// <param name="kernels">Where it runs.</param>
public sealed class TrainingStep(TrainingOptions options, TrainingCheckpoint state, TrainedNetwork network, KernelTable kernels)
{
    /// <summary>As <see cref="TrainedNetwork.FlopsPerToken"/>.</summary>
    public double FlopsPerToken => network.FlopsPerToken;

    /// <summary>Takes step <paramref name="step"/>. If the loss or the gradient norm is not finite, nothing is changed.</summary>
    /// <returns>The loss in nats per token, the gradient norm before clipping, and the tokens of its sequences.</returns>
    public (double Loss, double GradientNorm, long Tokens) Take(int step, double learningRate)
    {
        foreach (Parameter parameter in network.Parameters)
        {
            parameter.ZeroGradient();
        }

        (double loss, long tokens) = network.AddGradients(step);
        double norm = Math.Sqrt(kernels.Optimizer.SumOfSquares([.. network.Parameters.Select(p => p.Gradient!)]));
        if (double.IsFinite(loss) && double.IsFinite(norm))
        {
            Update(step, learningRate, norm > options.ClipNorm ? options.ClipNorm / norm : 1);
            network.AfterUpdate(step);
        }

        return (loss, norm, tokens);
    }

    private void Update(int step, double learningRate, double gradientScale)
    {
        // The average follows quickly at first, when early weights should not linger in it.
        float decay = (float)Math.Min(options.EmaDecay, (1.0 + step) / (10.0 + step));
        foreach (Parameter parameter in network.Parameters)
        {
            AdamWStep adamW = new(
                (float)learningRate,
                (float)options.Beta1,
                (float)options.Beta2,
                (float)options.AdamEpsilon,
                parameter.Value.Shape.Length > 1 ? (float)options.WeightDecay : 0f,
                step,
                (float)gradientScale);
            kernels.Optimizer.AdamW(
                parameter.Value, parameter.Gradient!, state.FirstMoments[parameter.Name], state.SecondMoments[parameter.Name], adamW);
            kernels.Optimizer.Ema(state.Averages[parameter.Name], parameter.Value, decay);
        }
    }
}
