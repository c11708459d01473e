// One optimiser step: draw a batch → forward → weighted cross-entropy → gradients → clip → AdamW → average.
using Cinnabar.Models;
using Cinnabar.Numerics;
using Cinnabar.Numerics.Autograd;
using Cinnabar.Numerics.Kernels;
using Cinnabar.Training.Objectives;

namespace Cinnabar.Training;

/// <summary>Takes optimiser steps on the tensors of a checkpoint. Not thread-safe.</summary>
public sealed class TrainingStep
{
    private readonly TrainingOptions _options;
    private readonly TrainingCheckpoint _state;
    private readonly TrainingObjective _objective;
    private readonly KernelTable _kernels;
    private readonly TransformerDenoiser _network;
    private readonly Tape _tape;

    /// <summary>Prepares steps.</summary>
    /// <param name="options">Batch, optimiser and noise settings.</param>
    /// <param name="state">Tensors that every step changes in place.</param>
    /// <param name="objective">Where batches come from.</param>
    /// <param name="kernels">Where the network runs.</param>
    public TrainingStep(TrainingOptions options, TrainingCheckpoint state, TrainingObjective objective, KernelTable kernels)
    {
        _options = options;
        _state = state;
        _objective = objective;
        _kernels = kernels;
        _network = new TransformerDenoiser(options.ModelConfig, state.Weights, kernels);
        _tape = new Tape(kernels, recording: true, options.MatMulPrecision(kernels.MatMul));
        FlopsPerToken = 6.0 * options.ModelConfig.NonEmbeddingParameterCount;
    }

    /// <summary>6·N: multiply-adds of forward and backward pass, N counted without the embedding but with the head.</summary>
    public double FlopsPerToken { get; }

    /// <summary>Takes step <paramref name="step"/>. If the loss or the gradient norm is not finite, nothing is changed.</summary>
    /// <returns>The loss in nats per token, the gradient norm before clipping, and the positions that went through the network.</returns>
    public (double Loss, double GradientNorm, long Tokens) Take(int step, double learningRate)
    {
        foreach (Parameter parameter in _network.Parameters)
        {
            parameter.ZeroGradient();
        }

        double loss = 0;
        long tokens = 0;
        foreach (TrainingBatch batch in _objective.Draw(step))
        {
            loss += Accumulate(batch);
            tokens += batch.Ids.Length;
        }

        double norm = Math.Sqrt(_kernels.Optimizer.SumOfSquares([.. _network.Parameters.Select(p => p.Gradient!)]));
        if (double.IsFinite(loss) && double.IsFinite(norm))
        {
            Update(step, learningRate, norm > _options.ClipNorm ? _options.ClipNorm / norm : 1);
        }

        return (loss, norm, tokens);
    }

    private double Accumulate(TrainingBatch batch)
    {
        if (batch.Rows.Length == 0)
        {
            return 0;
        }

        Variable logits = _network.Forward(
            _tape, batch.Ids, batch.Batch, batch.Rows, batch.ValidLengths, batch.HasNoisyHalf, batch.Attention);
        Tensor losses = _tape.CrossEntropy(logits, batch.Targets, batch.Scales, (float)_options.FocalGamma);
        double loss = 0;
        for (int r = 0; r < batch.Rows.Length; r++)
        {
            loss += (double)batch.Scales[r] * losses.Floats[r];
        }

        _tape.Backward();
        return loss;
    }

    private void Update(int step, double learningRate, double gradientScale)
    {
        // The average follows quickly at first, when early weights should not linger in it.
        float decay = (float)Math.Min(_options.EmaDecay, (1.0 + step) / (10.0 + step));
        foreach (Parameter parameter in _network.Parameters)
        {
            AdamWStep adamW = new(
                (float)learningRate,
                (float)_options.Beta1,
                (float)_options.Beta2,
                (float)_options.AdamEpsilon,
                parameter.Value.Shape.Length > 1 ? (float)_options.WeightDecay : 0f,
                step,
                (float)gradientScale);
            _kernels.Optimizer.AdamW(
                parameter.Value, parameter.Gradient!, _state.FirstMoments[parameter.Name], _state.SecondMoments[parameter.Name], adamW);
            _kernels.Optimizer.Ema(_state.Averages[parameter.Name], parameter.Value, decay);
        }
    }
}
