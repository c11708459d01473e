using Cinnabar.Checkpoints;
using Cinnabar.Numerics;

namespace Cinnabar.Training.Tests;

public sealed class TrainerResumeTests(TrainingRuns runs) : IClassFixture<TrainingRuns>
{
    [Fact]
    public void Resume_AnotherTokenizer_IsRefused()
    {
        string output = runs.NewFolder();
        TrainingRuns.Train(runs.Options(output), stopAfter: 5);
        string tokenizer = Path.Combine(output, "tokenizer.json");
        string kept = File.ReadAllText(tokenizer);
        File.WriteAllText(tokenizer, kept + "\n");
        string message = Assert.Throws<CinnabarException>(() => TrainingRuns.Train(runs.Options(output), resume: true)).Message;
        Assert.Contains("another tokenizer", message, StringComparison.Ordinal);

        // A run that never began leaves nothing that the next one would have to fit.
        File.WriteAllText(tokenizer, kept);
        string other = runs.NewFolder();
        Directory.CreateDirectory(other);
        File.WriteAllText(Path.Combine(other, "tokenizer.json"), "of a run that did not begin");
        TrainingRuns.Train(runs.Options(other) with { Steps = 1 });
        Assert.Equal(kept, File.ReadAllText(Path.Combine(other, "tokenizer.json")));
        Assert.Equal(5, TrainingRuns.Train(runs.Options(output), resume: true).Count);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(5)]
    [InlineData(9)]
    public void Resume_AfterCancellation_GivesTheBitsOfAnUninterruptedRun(int stopAfter)
    {
        string whole = runs.Uninterrupted;
        string parts = runs.NewFolder();
        Assert.Equal(stopAfter, TrainingRuns.Train(runs.Options(parts), stopAfter: stopAfter).Count);
        Assert.Equal(10 - stopAfter, TrainingRuns.Train(runs.Options(parts), threads: stopAfter == 5 ? 2 : 1, resume: true).Count);
        TrainingRuns.AssertSameResult(whole, parts);
        Assert.Equal(File.ReadAllText(Path.Combine(whole, "loss.svg")), File.ReadAllText(Path.Combine(parts, "loss.svg")));
    }

    [Fact]
    public void Run_Cancelled_FinishesTheStepAndWritesACheckpoint()
    {
        string output = runs.NewFolder();
        List<TrainingProgress> steps = TrainingRuns.Train(runs.Options(output), stopAfter: 4);
        Assert.Equal([false, false, true, true], steps.Select(step => step.Checkpointed));
        Assert.Equal(4, TrainingCheckpoint.Load(Path.Combine(output, "checkpoint"), LladaWeightNames.Expected(runs.Config)).Mark.Step);
        Assert.Equal([1, 2, 3, 4], LossLog.Read(Path.Combine(output, "loss.csv")).Select(e => e.Step));
    }

    [Fact]
    public void Resume_LogAheadOfTheCheckpoint_IsCutBack()
    {
        string whole = runs.Uninterrupted;
        string parts = runs.NewFolder();
        TrainingRuns.Train(runs.Options(parts), stopAfter: 5);
        File.AppendAllText(Path.Combine(parts, "loss.csv"), "6,768,1.5,,0.01,3\n7,896,1.25,,0.01,2\n8,1024,1.1");
        TrainingRuns.Train(runs.Options(parts), resume: true);
        TrainingRuns.AssertSameResult(whole, parts);
    }

    [Fact]
    public void Resume_KilledBeforeTheNextCheckpoint_KeepsEarlierLines()
    {
        string output = runs.NewFolder();
        TrainingRuns.Train(runs.Options(output), stopAfter: 5);
        string before = TrainingRuns.ResultOf(output).Losses;

        // A killed process does not dispose its trainer.
        _ = new Trainer(runs.Options(output), KernelTable.Create(1, KernelForm.Vector), resume: true);
        Assert.Equal(before, TrainingRuns.ResultOf(output).Losses);
    }

    [Fact]
    public void Run_AtEveryCheckpoint_TheLogIsNotBehindIt()
    {
        // The log is flushed before the checkpoint is put in place, so a kill between the two loses no line.
        string output = runs.NewFolder();
        string fence = Path.Combine(output, $"checkpoint.cinnabar-new-{Environment.ProcessId}");
        Directory.CreateDirectory(output);
        File.WriteAllText(fence, "a file where the new folder would be made");
        Assert.Throws<CinnabarException>(() => TrainingRuns.Train(runs.Options(output)));
        Assert.Equal([1, 2, 3], LossLog.Read(Path.Combine(output, "loss.csv")).Select(e => e.Step));
    }

    // The states that a kill during a checkpoint leaves on the disk (AtomicFolder): where it must go on.
    [Theory]
    [InlineData("half", 3)]
    [InlineData("new", 3)]
    [InlineData("between", 3)]
    [InlineData("after", 6)]
    public void Resume_KilledWhileSaving_GoesOnFromAWholeCheckpoint(string moment, int expected)
    {
        string whole = runs.Uninterrupted;
        string older = runs.NewFolder();
        TrainingRuns.Train(runs.Options(older), stopAfter: 3);
        string output = runs.NewFolder();
        TrainingRuns.Train(runs.Options(output), stopAfter: 6);
        string checkpoint = Path.Combine(output, "checkpoint");
        string next = $"{checkpoint}.cinnabar-new-{int.MaxValue}";
        string old = $"{checkpoint}.cinnabar-old";
        switch (moment)
        {
            case "half":
                Directory.Move(checkpoint, next);
                File.Delete(Path.Combine(next, "state.json"));
                File.WriteAllBytes(Path.Combine(next, "tensors.safetensors"), [1, 2, 3]);
                Directory.Move(Path.Combine(older, "checkpoint"), checkpoint);
                break;
            case "new":
                Directory.Move(checkpoint, next);
                Directory.Move(Path.Combine(older, "checkpoint"), checkpoint);
                break;
            case "between":
                Directory.Move(checkpoint, next);
                Directory.Move(Path.Combine(older, "checkpoint"), old);
                break;
            default:
                Directory.Move(Path.Combine(older, "checkpoint"), old);
                break;
        }

        Assert.Equal(10 - expected, TrainingRuns.Train(runs.Options(output), resume: true).Count);
        TrainingRuns.AssertSameResult(whole, output);
        Assert.False(Directory.Exists(next) || Directory.Exists(old));
    }

    [Fact]
    public void Load_OtherWidth_NamesTensorAndShapes()
    {
        string message = ErrorOfLoading(runs.Config with { IntermediateSize = 32 });
        Assert.Contains(LladaWeightNames.OfBlock(0, "ff_proj"), message, StringComparison.Ordinal);
        Assert.Contains("[24, 16]", message, StringComparison.Ordinal);
        Assert.Contains("[32, 16]", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_MoreOrFewerTensors_NamesOne()
    {
        Assert.Contains("blocks.2.", ErrorOfLoading(runs.Config with { NumHiddenLayers = 3 }), StringComparison.Ordinal);
        Assert.Contains("blocks.1.", ErrorOfLoading(runs.Config with { NumHiddenLayers = 1 }), StringComparison.Ordinal);
        Assert.Contains(LladaWeightNames.Head, ErrorOfLoading(runs.Config with { WeightTying = false }), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("{}")]
    [InlineData("{\"step\": 3")]
    [InlineData("{\"step\": 3}")]
    [InlineData("{\"step\": -1, \"tokens\": 1, \"smoothed_loss\": 1, \"flops\": 1, \"held_out_bits_per_byte\": 1}")]
    [InlineData("{\"step\": \"a\", \"tokens\": 1, \"smoothed_loss\": 1, \"flops\": 1, \"held_out_bits_per_byte\": 1}")]
    [InlineData("{\"step\": 1, \"tokens\": 1, \"smoothed_loss\": 1, \"flops\": 1, \"held_out_bits_per_byte\": 1, \"more\": 1}")]
    public void Resume_DamagedState_NamesTheFile(string state)
    {
        string output = runs.NewFolder();
        TrainingRuns.Train(runs.Options(output), stopAfter: 1);
        File.WriteAllText(Path.Combine(output, "checkpoint", "state.json"), state);
        Assert.Contains("state.json", ErrorOfResuming(output, runs.Config), StringComparison.Ordinal);
    }

    [Fact]
    public void Resume_DamagedTensors_NamesTheFile()
    {
        string output = runs.NewFolder();
        TrainingRuns.Train(runs.Options(output), stopAfter: 1);
        string file = Path.Combine(output, "checkpoint", "tensors.safetensors");
        byte[] whole = File.ReadAllBytes(file);
        File.WriteAllBytes(file, whole[..^7]);
        Assert.Contains("tensors.safetensors", ErrorOfResuming(output, runs.Config), StringComparison.Ordinal);
        File.Delete(file);
        Assert.Contains("tensors.safetensors", ErrorOfResuming(output, runs.Config), StringComparison.Ordinal);
    }

    [Fact]
    public void Resume_TensorOfAnotherType_NamesIt()
    {
        string output = runs.NewFolder();
        TrainingRuns.Train(runs.Options(output), stopAfter: 1);
        TrainingCheckpoint state = TrainingCheckpoint.Load(Path.Combine(output, "checkpoint"), LladaWeightNames.Expected(runs.Config));
        Dictionary<string, Tensor> weights = state.Weights.ToDictionary();
        weights[LladaWeightNames.FinalNorm] = weights[LladaWeightNames.FinalNorm].To(DType.BF16);
        (state with { Weights = weights }).Save(Path.Combine(output, "checkpoint"));
        string message = ErrorOfResuming(output, runs.Config);
        Assert.Contains(LladaWeightNames.FinalNorm, message, StringComparison.Ordinal);
        Assert.Contains("BF16", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Run_CheckpointCannotBeWritten_KeepsThePreviousOne()
    {
        string output = runs.NewFolder();
        TrainingRuns.Train(runs.Options(output), stopAfter: 3);
        (byte[] tensors, string state, _) = TrainingRuns.ResultOf(output);
        File.WriteAllText(Path.Combine(output, $"checkpoint.cinnabar-new-{Environment.ProcessId}"), "in the way");
        CinnabarException error = Assert.Throws<CinnabarException>(() => TrainingRuns.Train(runs.Options(output), resume: true));
        Assert.Contains("checkpoint", error.Message, StringComparison.Ordinal);
        Assert.Contains("unchanged", error.Message, StringComparison.Ordinal);
        Assert.Equal(tensors, TrainingRuns.ResultOf(output).Tensors);
        Assert.Equal(state, TrainingRuns.ResultOf(output).State);
        File.Delete(Path.Combine(output, $"checkpoint.cinnabar-new-{Environment.ProcessId}"));
        Assert.Equal(7, TrainingRuns.Train(runs.Options(output), resume: true).Count);
    }

    [FullDeviceTheory]
    [InlineData("loss.csv")]
    [InlineData("loss.svg")]
    [InlineData("options.json")]
    public void Run_DiskFull_SaysSoAndKeepsACheckpoint(string file)
    {
        string output = runs.NewFolder();
        TrainingRuns.Train(runs.Options(output), stopAfter: 3);
        File.CreateSymbolicLink(Path.Combine(output, file + ".cinnabar-new"), "/dev/full");
        CinnabarException error = Assert.Throws<CinnabarException>(() => TrainingRuns.Train(runs.Options(output), resume: true));
        Assert.Contains(file, error.Message, StringComparison.Ordinal);
        Assert.Contains("disk full", error.Message, StringComparison.Ordinal);
        Assert.True(TrainingCheckpoint.Load(Path.Combine(output, "checkpoint"), LladaWeightNames.Expected(runs.Config)).Mark.Step >= 3);
        TrainingRuns.Train(runs.Options(output), resume: true);
        Assert.Equal(Enumerable.Range(1, 10), LossLog.Read(Path.Combine(output, "loss.csv")).Select(e => e.Step));
    }

    private string ErrorOfLoading(ModelConfig config) =>
        Assert.Throws<CinnabarException>(() => TrainingCheckpoint.Load(
            Path.Combine(runs.Uninterrupted, "checkpoint"), LladaWeightNames.Expected(config))).Message;

    private string ErrorOfResuming(string output, ModelConfig config) =>
        Assert.Throws<CinnabarException>(() => TrainingRuns.Train(runs.Options(output, config), resume: true)).Message;
}

/// <summary>A theory that needs the device that is always full.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class FullDeviceTheoryAttribute : TheoryAttribute
{
    public FullDeviceTheoryAttribute()
    {
        if (!File.Exists("/dev/full"))
        {
            Skip = "The device /dev/full, which Linux has, is absent.";
        }
    }
}
