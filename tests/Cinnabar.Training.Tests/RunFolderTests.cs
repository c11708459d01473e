using Cinnabar.Checkpoints;
using Cinnabar.Numerics;
using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Training.Tests;

public sealed class RunFolderTests(TrainingRuns runs) : IClassFixture<TrainingRuns>
{
    [Theory]
    [InlineData("attention_kind", "\"full\"", "\"causal\"")]
    [InlineData("bos_token_id", "null", "3")]
    [InlineData("d_model", "16", "32")]
    [InlineData("max_sequence_length", "32", "64")]
    [InlineData("mlp_hidden_size", "24", "32")]
    [InlineData("n_heads", "2", "4")]
    [InlineData("n_kv_heads", "1", "2")]
    [InlineData("n_layers", "2", "3")]
    [InlineData("rms_norm_eps", "1E-05", "1E-06")]
    [InlineData("rope_theta", "10000.0", "20000.0")]
    [InlineData("shift_logits", "false", "true")]
    [InlineData("weight_tying", "true", "false")]
    public void Resume_OtherModel_NamesKeyValuesAndFile(string key, string before, string now)
    {
        ModelConfig other = key switch
        {
            "attention_kind" => runs.Config with { AttentionKind = AttentionKind.Causal },
            "bos_token_id" => runs.Config with { BosTokenId = 3 },
            "d_model" => runs.Config with { HiddenSize = 32 },
            "max_sequence_length" => runs.Config with { MaxSequenceLength = 64 },
            "mlp_hidden_size" => runs.Config with { IntermediateSize = 32 },
            "n_heads" => runs.Config with { NumAttentionHeads = 4 },
            "n_kv_heads" => runs.Config with { NumKeyValueHeads = 2 },
            "n_layers" => runs.Config with { NumHiddenLayers = 3 },
            "rms_norm_eps" => runs.Config with { RmsNormEps = 1e-6 },
            "rope_theta" => runs.Config with { RopeTheta = 20_000 },
            "shift_logits" => runs.Config with { ShiftLogits = true },
            _ => runs.Config with { WeightTying = false },
        };
        string options = Path.Combine(runs.Uninterrupted, "options.json");
        byte[] untouched = File.ReadAllBytes(options);
        string message = ErrorOfResuming(runs.Uninterrupted, other);
        Assert.StartsWith($"{options}: ", message, StringComparison.Ordinal);
        Assert.Contains($"a model of {key} {before},", message, StringComparison.Ordinal);
        Assert.Contains($"says {now}.", message, StringComparison.Ordinal);
        Assert.Equal(untouched, File.ReadAllBytes(options));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("{\"model\": {}}")]
    public void Resume_SettingsLost_NamesTheFile(string? text)
    {
        string output = runs.NewFolder();
        TrainingRuns.Train(runs.Options(output), stopAfter: 1);
        string options = Path.Combine(output, "options.json");
        File.Delete(options);
        if (text is not null)
        {
            File.WriteAllText(options, text);
        }

        Assert.Contains(options, ErrorOfResuming(output, runs.Config), StringComparison.Ordinal);
    }

    [Fact]
    public void Open_FolderInUse_IsRefusedUntilItIsFree()
    {
        string output = runs.NewFolder();
        using (RunFolder.Open(output, resume: false))
        {
            foreach (bool resume in (bool[])[false, true])
            {
                CinnabarException error = Assert.Throws<CinnabarException>(() => RunFolder.Open(output, resume));
                Assert.Contains($"'{output}'", error.Message, StringComparison.Ordinal);
                Assert.Contains("another process", error.Message, StringComparison.Ordinal);
                Assert.Contains("train.lock", error.Message, StringComparison.Ordinal);
            }
        }

        RunFolder.Open(output, resume: false).Dispose();
    }

    [Fact]
    public void Open_LockLeftByAKilledProcess_IsTakenOver()
    {
        string output = runs.NewFolder();
        Directory.CreateDirectory(output);
        File.WriteAllText(Path.Combine(output, "train.lock"), "");
        RunFolder.Open(output, resume: false).Dispose();
        Assert.Empty(Directory.GetFileSystemEntries(output));
    }

    [Fact]
    public void Open_ResumeWithoutARun_LeavesNothingBehind()
    {
        string output = runs.NewFolder();
        Assert.Throws<CinnabarException>(() => RunFolder.Open(output, resume: true));
        Assert.False(Directory.Exists(output));
        Directory.CreateDirectory(output);
        Assert.Throws<CinnabarException>(() => RunFolder.Open(output, resume: true));
        Assert.Empty(Directory.GetFileSystemEntries(output));
    }

    [Fact]
    public void Constructor_RefusesToBegin_LeavesNothingBehind()
    {
        string above = runs.NewFolder();
        TrainingOptions options = runs.Options(Path.Combine(above, "more", "run")) with { InitialModel = "no-such-model" };
        Assert.Throws<CinnabarException>(() => new Trainer(options, KernelTable.Create(1, KernelForm.Vector), resume: false));
        Assert.False(Directory.Exists(above));

        // What was there stays, and so does what others have put there.
        Directory.CreateDirectory(above);
        Assert.Throws<CinnabarException>(() => new Trainer(options, KernelTable.Create(1, KernelForm.Vector), resume: false));
        Assert.Empty(Directory.GetFileSystemEntries(above));
        using (RunFolder.Open(options.Output, resume: false))
        {
            File.WriteAllText(Path.Combine(options.Output, "mine"), "");
        }

        Assert.True(File.Exists(Path.Combine(options.Output, "mine")));
    }

    [Fact]
    public void Constructor_Fails_LetsTheFolderGo()
    {
        string output = runs.NewFolder();
        TrainingRuns.Train(runs.Options(output), stopAfter: 1);
        ErrorOfResuming(output, runs.Config with { RopeTheta = 5 });
        Assert.Equal(9, TrainingRuns.Train(runs.Options(output), resume: true).Count);
    }

    private string ErrorOfResuming(string output, ModelConfig config)
    {
        TrainingOptions options = runs.Options(output, config);
        return Assert.Throws<CinnabarException>(() => new Trainer(options, KernelTable.Create(1, KernelForm.Vector), resume: true)).Message;
    }
}
