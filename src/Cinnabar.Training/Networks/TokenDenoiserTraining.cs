using Cinnabar.Models;
using Cinnabar.Numerics;
using Cinnabar.Numerics.Autograd;
using Cinnabar.Training.Objectives;

namespace Cinnabar.Training.Networks;

/// <summary>A transformer that says tokens, trained by weighted cross-entropy.</summary>
public sealed class TokenDenoiserTraining : TrainedNetwork
{
    private readonly TrainingObjective _objective;
    private readonly TransformerDenoiser _network;
    private readonly Tape _tape;
    private readonly float _focalGamma;
    private (int Step, Task<IReadOnlyList<TrainingBatch>> Batches)? _drawn; // of the next step

    /// <summary>Prepares steps.</summary>
    /// <param name="options">Sizes and settings of the loss.</param>
    /// <param name="state">Tensors of the network.</param>
    /// <param name="objective">Where batches come from.</param>
    /// <param name="kernels">Where the network runs.</param>
    public TokenDenoiserTraining(TrainingOptions options, TrainingCheckpoint state, TrainingObjective objective, KernelTable kernels)
    {
        _objective = objective;
        _network = new TransformerDenoiser(options.ModelConfig, state.Weights, kernels);
        _tape = new Tape(kernels, recording: true, options.MatMulPrecision(kernels.MatMul));
        _focalGamma = (float)options.FocalGamma;
        int copies = options.Objective == TrainingObjective.BlockDiffusion ? 2 : 1; // a clean and a noisy one
        FlopsPerToken = 6.0 * options.ModelConfig.NonEmbeddingParameterCount * copies;
    }

    /// <inheritdoc/>
    public override IReadOnlyList<Parameter> Parameters => _network.Parameters;

    /// <summary>6·N, twice that where each token enters clean and noisy: N counted without the embedding but with the head.</summary>
    public override double FlopsPerToken { get; }

    /// <inheritdoc/>
    public override (double Loss, long Tokens) AddGradients(int step)
    {
        double loss = 0;
        long tokens = 0;
        foreach (TrainingBatch batch in Draw(step))
        {
            loss += Accumulate(batch);
            tokens += batch.HasNoisyHalf ? batch.Ids.Length / 2 : batch.Ids.Length;
        }

        return (loss, tokens);
    }

    // The batches of the next step are drawn meanwhile: a GPU would wait for them.
    private IReadOnlyList<TrainingBatch> Draw(int step)
    {
        if (_drawn is { } other && other.Step != step)
        {
            Task.WaitAny(other.Batches); // one draw at a time, and a failure of that step is not this one's
            _drawn = null;
        }

        IReadOnlyList<TrainingBatch> batches = _drawn?.Batches.GetAwaiter().GetResult() ?? _objective.Draw(step);
        _drawn = (step + 1, Task.Run(() => _objective.Draw(step + 1)));
        return batches;
    }

    private double Accumulate(TrainingBatch batch)
    {
        if (batch.Rows.Length == 0)
        {
            return 0;
        }

        Variable logits = _network.Forward(
            _tape, batch.Ids, batch.Batch, batch.Rows, batch.ValidLengths, batch.HasNoisyHalf, batch.Attention);
        double loss = CrossEntropy(_tape, logits, batch.Targets, batch.Scales, _focalGamma);
        _tape.Backward();
        return loss;
    }
}
