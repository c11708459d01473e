using Cinnabar.Checkpoints;
using Cinnabar.Diffusion;
using Cinnabar.Models;
using Cinnabar.Numerics;
using Cinnabar.Training.Corpora;

namespace Cinnabar.Training.Tests;

public sealed class AutoregressiveTrainerTests(TrainingRuns runs) : IClassFixture<TrainingRuns>
{
    [Fact]
    public void Run_ThirtySteps_LowersTheLoss()
    {
        TrainingOptions options = Options(runs.NewFolder()) with
        {
            Steps = 30, BatchSize = 8, MicroBatchSize = 4, EvaluateEvery = 1, EvaluationWindows = 8, CheckpointEvery = 30, EmaDecay = 0,
        };
        List<TrainingProgress> steps = TrainingRuns.Train(options);
        double first = steps[..5].Average(step => step.Loss);
        double last = steps[^10..].Average(step => step.Loss);
        Assert.True(last < first - 0.5, $"The loss went from {first} to {last}.");
        double firstBits = steps[0].HeldOutBitsPerByte!.Value;
        double lastBits = steps[^1].HeldOutBitsPerByte!.Value;
        Assert.True(lastBits < 0.95 * firstBits, $"Held-out text went from {firstBits} to {lastBits} bits per byte.");
    }

    [Fact]
    public void Run_MeasuresHeldOutText_Exactly()
    {
        string output = runs.NewFolder();
        TrainingOptions options = Options(output) with { Steps = 2, EvaluationWindows = 1 };
        double measured = TrainingRuns.Train(options)[^1].HeldOutBitsPerByte!.Value;
        int[] window = new int[options.SequenceLength];
        TokenDataset.Open(runs.Corpus, "validation").Read(0, window);
        TrainingCheckpoint state = TrainingCheckpoint.Load(
            Path.Combine(output, "checkpoint"), LladaWeightNames.Expected(runs.AutoregressiveConfig));
        KernelTable kernels = KernelTable.Create(1, KernelForm.Vector);
        TransformerDenoiser averaged = new(runs.AutoregressiveConfig, state.Averages, kernels);
        double nats = new AutoregressiveLikelihood(averaged, kernels).Nats(window);
        Assert.Equal(nats / Math.Log(2) / window.Sum(runs.Tokenizer.ByteLength), measured, 1e-9);
    }

    [Fact]
    public void Resume_AfterCancellation_GivesTheBitsOfAnUninterruptedRun()
    {
        string whole = runs.NewFolder();
        string parts = runs.NewFolder();
        TrainingRuns.Train(Options(whole));
        Assert.Equal(5, TrainingRuns.Train(Options(parts), stopAfter: 5).Count);
        Assert.Equal(5, TrainingRuns.Train(Options(parts), threads: 2, resume: true).Count);
        TrainingRuns.AssertSameResult(whole, parts);
    }

    [Fact]
    public void Resume_RunOfTheOtherObjective_IsRefused()
    {
        string output = runs.NewFolder();
        TrainingRuns.Train(runs.Options(output), stopAfter: 1);
        CinnabarException error = Assert.Throws<CinnabarException>(() => TrainingRuns.Train(Options(output), resume: true));
        Assert.Contains("attention_kind \"full\"", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Export_SaysHowTheModelWritesAndWhatItIs()
    {
        string output = runs.NewFolder();
        TrainingOptions options = Options(output) with { Steps = 1 };
        using Trainer trainer = new(options, KernelTable.Create(1, KernelForm.Vector), resume: false);
        trainer.Run(_ => { }, CancellationToken.None);
        trainer.Export(trainer.ModelPath, ModelCard.Write(options, trainer.Mark));
        ModelFolder model = ModelFolder.Open(trainer.ModelPath);
        Assert.Equal(runs.AutoregressiveConfig, model.Config);
        Assert.Equal(new GenerationConfig { BlockSize = 1 }, model.GenerationConfig);
        string card = File.ReadAllText(Path.Combine(trainer.ModelPath, "README.md"));
        Assert.Contains("An autoregressive language model", card, StringComparison.Ordinal);
        Assert.Contains("| held-out text, exact likelihood |", card, StringComparison.Ordinal);
        Assert.DoesNotContain("diffusion", card, StringComparison.Ordinal);
    }

    private TrainingOptions Options(string output) => runs.Options(output, runs.AutoregressiveConfig);
}
