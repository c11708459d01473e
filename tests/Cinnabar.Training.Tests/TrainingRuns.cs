using System.Text.Json;
using Cinnabar.Checkpoints;
using Cinnabar.Numerics;
using Cinnabar.Numerics.Kernels;
using Cinnabar.Tokenizers;
using Cinnabar.Training.Corpora;
using Cinnabar.Training.Objectives;
using Cinnabar.Training.Tests.Corpora;

namespace Cinnabar.Training.Tests;

/// <summary>A small corpus, and runs on it that take a moment each. One for all tests of a class.</summary>
public sealed class TrainingRuns : IDisposable
{
    private readonly SourceFolder _folder = new();
    private readonly Lazy<string> _uninterrupted;

    public TrainingRuns()
    {
        _folder.WriteMany(20);
        new CorpusBuilder(_folder.Options).Build(_folder.Corpus);
        Tokenizer = Tokenizer.Load(Path.Combine(_folder.Corpus, "tokenizer.json"));
        _uninterrupted = new Lazy<string>(() =>
        {
            string output = NewFolder();
            Train(Options(output));
            return output;
        });
    }

    /// <summary>The folder of a run of all its ten steps.</summary>
    internal string Uninterrupted => _uninterrupted.Value;

    internal Tokenizer Tokenizer { get; }

    internal string Corpus => _folder.Corpus;

    internal ModelConfig Config => new()
    {
        HiddenSize = 16,
        NumHiddenLayers = 2,
        NumAttentionHeads = 2,
        NumKeyValueHeads = 1,
        IntermediateSize = 24,
        VocabularySize = Tokenizer.VocabularySize,
        EmbeddingSize = Tokenizer.VocabularySize,
        MaxSequenceLength = 32,
        WeightTying = true,
        MaskTokenId = Tokenizer.MaskTokenId,
        EosTokenId = Tokenizer.EndOfTextTokenId,
        PadTokenId = Tokenizer.PaddingTokenId,
    };

    internal ModelConfig AutoregressiveConfig => Config with
    {
        AttentionKind = AttentionKind.Causal, ShiftLogits = true, BosTokenId = Tokenizer.BeginOfTextTokenId,
    };

    public void Dispose() => _folder.Dispose();

    /// <summary>A fresh output folder.</summary>
    internal string NewFolder() => Path.Combine(_folder.Root, "run-" + Guid.NewGuid().ToString("N"));

    internal TrainingOptions Options(string output, ModelConfig? config = null) => new()
    {
        Corpus = Corpus,
        Output = output,
        Model = JsonDocument.Parse((config ?? Config).ToJson()).RootElement,
        Objective = config is { IsAutoregressive: true } ? TrainingObjective.Autoregressive : TrainingObjective.MaskedDiffusion,
        Steps = 10,
        BatchSize = 4,
        MicroBatchSize = 2,
        SequenceLength = 32,
        LearningRate = 1e-2,
        WarmupSteps = 2,
        DecaySteps = 3,
        EvaluateEvery = 4,
        EvaluationWindows = 3,
        CheckpointEvery = 3,
        RandomLengthShare = 0.2,
    };

    /// <summary>Trains, stopping after <paramref name="stopAfter"/> as Ctrl-C would.</summary>
    internal static List<TrainingProgress> Train(TrainingOptions options, int threads = 1, bool resume = false, int? stopAfter = null)
    {
        using CancellationTokenSource stop = new();
        using Trainer trainer = new(options, KernelTable.Create(threads, KernelForm.Vector), resume);
        List<TrainingProgress> steps = [];
        if (trainer.Mark.Step + 1 == stopAfter)
        {
            stop.Cancel();
        }

        trainer.Run(
            progress =>
            {
                steps.Add(progress);
                if (progress.Step + 1 == stopAfter)
                {
                    stop.Cancel();
                }
            },
            stop.Token);
        return steps;
    }

    /// <summary>Everything that two equal runs have in common, byte for byte.</summary>
    internal static (byte[] Tensors, string State, string Losses) ResultOf(string output) => (
        File.ReadAllBytes(Path.Combine(output, "checkpoint", "tensors.safetensors")),
        File.ReadAllText(Path.Combine(output, "checkpoint", "state.json")),
        File.ReadAllText(Path.Combine(output, "loss.csv")));

    internal static void AssertSameResult(string expected, string found)
    {
        (byte[] tensors, string state, string losses) = ResultOf(expected);
        (byte[] otherTensors, string otherState, string otherLosses) = ResultOf(found);
        Assert.Equal(losses, otherLosses);
        Assert.Equal(state, otherState);
        Assert.True(tensors.AsSpan().SequenceEqual(otherTensors), "The tensors of the checkpoints differ.");
    }
}
