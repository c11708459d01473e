using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Cinnabar.Checkpoints;
using Cinnabar.Numerics;
using Cinnabar.Tests;
using Cinnabar.Tokenizers;
using Cinnabar.Training;
using Cinnabar.Training.Corpora;

namespace Cinnabar.Cli.Tests.Commands;

[Collection(ConsoleTests.Name)]
public sealed class TrainCommandTests(TinyModel model)
{
    // A checkpoint after every step, so that a kill at any moment falls into the writing of one, or between two. The runs that
    // are killed would go on for ever, however late the kill comes; the learning rate does not depend on their length.
    [Fact]
    public async Task Train_KilledThenResumed_GivesTheBitsOfAnUninterruptedRun()
    {
        string corpus = BuildCorpus();
        string killed = Path.Combine(model.Folder, "killed");
        string whole = Path.Combine(model.Folder, "whole");
        string config = model.Write("train.json", Configuration(corpus, steps: 1_000_000));
        foreach (int step in (int[])[2, 5])
        {
            await TrainAndKillFrom(step, [config, "--output", killed, .. step == 2 ? (string[])[] : ["--resume"]], () => Task.CompletedTask);
        }

        using JsonDocument state = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(killed, "checkpoint/state.json")));
        int steps = state.RootElement.GetProperty("step").GetInt32() + 3;
        string[] end = ["--threads", "1", "--steps", steps.ToString(CultureInfo.InvariantCulture)];
        (int exitCode, _, string error) = await model.Run(["train", config, "--output", killed, "--resume", .. end]);
        Assert.True(exitCode == 0, error);
        (exitCode, _, error) = await model.Run(["train", config, "--output", whole, .. end]);
        Assert.True(exitCode == 0, error);
        string[] files = ["loss.csv", "checkpoint/tensors.safetensors", "checkpoint/state.json", "model/model.safetensors"];
        foreach (string file in files)
        {
            Assert.True(
                File.ReadAllBytes(Path.Combine(whole, file)).AsSpan().SequenceEqual(File.ReadAllBytes(Path.Combine(killed, file))),
                $"{file} differs.");
        }
    }

    [Fact]
    public async Task Train_FolderOfARunningProcess_IsRefusedUntilThatIsKilled()
    {
        string output = Path.Combine(model.Folder, "shared");
        string config = model.Write("long.json", Configuration(BuildCorpus(), steps: 1_000_000));
        await TrainAndKillFrom(1, [config, "--output", output], async () =>
        {
            foreach (string[] more in (string[][])[[], ["--resume"]])
            {
                (int refused, _, string why) = await model.Run(["train", config, "--output", output, "--threads", "1", .. more]);
                Assert.Equal(1, refused);
                Assert.Contains("another process", why, StringComparison.Ordinal);
                Assert.Contains("train.lock", why, StringComparison.Ordinal);
            }
        });

        // The lock file of the killed process is still there, and holds nobody up.
        Assert.True(File.Exists(Path.Combine(output, "train.lock")));
        (int exitCode, _, string error) = await model.Run(
            "train", config, "--output", output, "--threads", "1", "--resume", "--steps", "1");
        Assert.True(exitCode == 0, error);
        Assert.Contains("Nothing is left to train", error, StringComparison.Ordinal);
        Assert.DoesNotContain(" of 1, into", error, StringComparison.Ordinal);
        Assert.False(File.Exists(Path.Combine(output, "train.lock")));
    }

    [Fact]
    public async Task Train_BatchSmallerThanAPassOfTheFile_IsOnePass()
    {
        string output = Path.Combine(model.Folder, "small-batch");
        string config = model.Write("small-batch.json", Configuration(BuildCorpus(), steps: 1));
        (int exitCode, _, string error) = await model.Run("train", config, "--output", output, "--threads", "1", "--batch-size", "1");
        Assert.True(exitCode == 0, error);
        using JsonDocument options = JsonDocument.Parse(await File.ReadAllBytesAsync(Path.Combine(output, "options.json")));
        Assert.Equal(1, options.RootElement.GetProperty("micro_batch_size").GetInt32());
    }

    // Only the last step is always measured; one that was stopped need not be.
    [Theory]
    [InlineData(0.3, "held-out text not measured yet.")]
    [InlineData(0.0, "no held-out text in the corpus.")]
    public async Task Train_NoMeasurement_TellsWhetherThereIsHeldOutText(double validationShare, string expected)
    {
        string output = Path.Combine(model.Folder, $"unmeasured-{validationShare > 0}");
        string text = Configuration(BuildCorpus(validationShare), steps: 9).Replace("\"evaluate_every\": 1", "\"evaluate_every\": 9");
        string config = model.Write("unmeasured.json", text);
        using (Trainer trainer = new(TrainingOptions.Load(config, o => o.Output = output), KernelTable.Create(threads: 1), resume: false))
        {
            trainer.Run(_ => { }, new CancellationToken(canceled: true));
        }

        (int exitCode, _, string error) = await model.Run(
            "train", config, "--output", output, "--threads", "1", "--resume", "--steps", "1");
        Assert.True(exitCode == 0, error);
        Assert.Contains(expected, error, StringComparison.Ordinal);
    }

    // Kills with SIGKILL, or what is like it elsewhere.
    private static async Task TrainAndKillFrom(int step, string[] arguments, Func<Task> beforeTheKill)
    {
        bool dotnet = Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet";
        ProcessStartInfo start = new(dotnet ? Environment.ProcessPath! : "dotnet")
        {
            RedirectStandardError = true, RedirectStandardOutput = true,
        };
        start.Environment["DOTNET_TieredCompilation"] = "0"; // as in the tests themselves
        foreach (string argument in (string[])[typeof(Program).Assembly.Location, "train", .. arguments, "--threads", "1"])
        {
            start.ArgumentList.Add(argument);
        }

        using Process process = Process.Start(start)!;
        StringBuilder seen = new();
        try
        {
            // Every step measures held-out text, and a measurement gets a line of its own.
            string? line;
            do
            {
                line = await process.StandardError.ReadLineAsync();
                seen.AppendLine(line);
            }
            while (line is not null && StepOf(line) < step);
            Assert.True(line is not null, $"The run ended by itself: {seen}");
            await beforeTheKill();
        }
        finally
        {
            process.Kill();
            await process.WaitForExitAsync();
        }
    }

    // A run that goes on may begin behind the step that is waited for: the one before was killed late.
    private static int StepOf(string line) =>
        line.StartsWith("step ", StringComparison.Ordinal)
        && int.TryParse(line["step ".Length..].Split('/')[0], NumberStyles.None, CultureInfo.InvariantCulture, out int step) ? step : 0;

    private string BuildCorpus(double validationShare = 0.3)
    {
        string sources = Path.Combine(model.Folder, "sources");
        Directory.CreateDirectory(sources);
        for (int i = 0; i < 12; i++)
        {
            string[] lines = [.. Enumerable.Range(0, 12)
                .Select(line => $"    public int Value{i}Of{line}(int x{line * i}) => x{line * i} + {i * line};")];
            File.WriteAllText(
                Path.Combine(sources, $"Part{i}.cs"),
                $"namespace Part{i};\n\npublic class Part{i}\n{{\n{string.Join('\n', lines)}\n}}\n");
        }

        string corpus = Path.Combine(model.Folder, validationShare > 0 ? "corpus" : "corpus-without-validation");
        new CorpusBuilder(new CorpusOptions
        {
            Sources = [new CorpusSource { Folder = sources, Name = "own" }],
            NearDuplicateSimilarity = 1.0,
            VocabularySize = 300,
            ValidationShare = validationShare,
            Threads = 1,
        }).Build(corpus);
        return corpus;
    }

    private static string Configuration(string corpus, int steps)
    {
        Tokenizer tokenizer = Tokenizer.Load(Path.Combine(corpus, "tokenizer.json"));
        ModelConfig config = TinyModelFolder.ConfigFor(tokenizer) with
        {
            HiddenSize = 16,
            NumHiddenLayers = 1,
            IntermediateSize = 16,
            MaxSequenceLength = 16,
            BosTokenId = null,
        };
        return $$"""
            {
              "corpus": {{JsonSerializer.Serialize(corpus)}}, "output": "given on the command line",
              "model": {{Encoding.UTF8.GetString(config.ToJson())}},
              "steps": {{steps}}, "batch_size": 2, "micro_batch_size": 2, "sequence_length": 16, "warmup_steps": 3, "decay_steps": 0,
              "evaluate_every": 1, "evaluation_windows": 1, "checkpoint_every": 1
            }
            """;
    }
}
