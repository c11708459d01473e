// The speed of a training step of a given network: data, forward, backward and optimiser, on made-up tokens (speed does not depend on
// which). Floating-point operations are counted as 6·N·tokens, N without the embedding but with the head: what attention costs on top,
// and what the head saves by running on the rows of the loss only, is not counted.
using System.Diagnostics;
using System.Text.Json;
using Cinnabar.Checkpoints;
using Cinnabar.Diffusion;
using Cinnabar.Models;
using Cinnabar.Numerics;
using Cinnabar.Tokenizers;
using Cinnabar.Training.Corpora;
using Cinnabar.Training.Networks;
using Cinnabar.Training.Objectives;

namespace Cinnabar.Training;

/// <summary>Times training steps.</summary>
public sealed class TrainingBenchmark
{
    private const int SyntheticTokens = 1_000_000;

    private readonly TrainingStep _step;
    private int _taken;

    /// <summary>Prepares steps of the network <paramref name="config"/>.</summary>
    /// <param name="config">Sizes and switches.</param>
    /// <param name="tokenizer">With the vocabulary of the network.</param>
    /// <param name="kernels">Where it runs.</param>
    /// <param name="batchSize">Sequences of a step and of each of its passes; null: the defaults of training.</param>
    public TrainingBenchmark(ModelConfig config, Tokenizer tokenizer, KernelTable kernels, int? batchSize = null)
    {
        Options = new TrainingOptions
        {
            Corpus = "made-up tokens",
            Output = "nowhere",
            Model = JsonDocument.Parse(config.ToJson()).RootElement,
            Objective = config.IsAutoregressive ? TrainingObjective.Autoregressive : TrainingObjective.MaskedDiffusion,
            SequenceLength = Math.Min(512, config.MaxSequenceLength),
        };
        Options.BatchSize = batchSize ?? Options.BatchSize;
        Options.MicroBatchSize = batchSize ?? Options.MicroBatchSize;
        Options.Validate();
        DeterministicRandom random = new(Options.Seed);
        ushort[] tokens = new ushort[SyntheticTokens];
        foreach (ref ushort token in tokens.AsSpan())
        {
            token = (ushort)random.NextInt(config.VocabularySize);
        }

        TokenDataset data = TokenDataset.FromTokens(tokens, config.VocabularySize);
        TrainingObjective objective = TrainingObjective.Create(Options, data, tokenizer);
        TrainingCheckpoint state = TrainingCheckpoint.Start(
            LladaWeightNames.Expected(config).ToDictionary(w => w.Name, w => MadeUpWeights.Of(w.Shape, DType.F32)));
        _step = new TrainingStep(Options, state, new TokenDenoiserTraining(Options, state, objective, kernels), kernels);
    }

    /// <summary>The settings of the steps.</summary>
    public TrainingOptions Options { get; }

    /// <summary>Tokens of one step.</summary>
    public long TokensPerStep => (long)Options.BatchSize * Options.SequenceLength;

    /// <summary>Takes one step.</summary>
    /// <returns>GFLOP/s, counted as 6·N·tokens.</returns>
    public double Run()
    {
        long start = Stopwatch.GetTimestamp();
        _taken++;
        _step.Take(_taken, learningRate: 1e-4);
        return TokensPerStep * _step.FlopsPerToken / Stopwatch.GetElapsedTime(start).TotalSeconds / 1e9;
    }
}
