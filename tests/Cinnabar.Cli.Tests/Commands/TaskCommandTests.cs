using System.Text.Json;
using Cinnabar.Numerics.Kernels;
using Cinnabar.Tests;
using Cinnabar.Tokenizers;

namespace Cinnabar.Cli.Tests.Commands;

/// <summary>cinnabar eval TASK, cinnabar examples and cinnabar solve.</summary>
[Collection(ConsoleTests.Name)]
public sealed class TaskCommandTests(TinyModel tiny)
{
    private const string Puzzle = "530070000600195000098000060800060003400803001700020006060000280000419005000080079";

    [Fact]
    public async Task Eval_Reversal_MeasuresBothDirectionsOfSeveralModels()
    {
        string data = Couplets("reversal");
        string other = Path.Combine(tiny.Folder, "tiny-left-to-right");
        TinyModelFolder.Write(other, config => config with { AttentionKind = AttentionKind.Causal, ShiftLogits = true });
        string predictions = Path.Combine(tiny.Folder, "predictions.jsonl");
        (int exitCode, string output, string error) = await tiny.RunWithModel(
            "eval", "reversal", "--data", data, "--json", "--answer-tokens", "6", "--compare", other, "--predictions", predictions,
            "--data-seed", "3", "--seed", "5");
        Assert.True(exitCode == 0, error);
        JsonElement json = JsonDocument.Parse(output).RootElement;
        Assert.Equal("reversal", json.GetProperty("task").GetString());
        JsonElement[] results = [.. json.GetProperty("results").EnumerateArray()];
        Assert.Equal(["tiny", "tiny-left-to-right"], results.Select(result => result.GetProperty("model").GetString()));
        foreach (JsonElement result in results)
        {
            JsonElement[] groups = [.. result.GetProperty("groups").EnumerateArray()];
            Assert.Equal(["forward", "backward", ""], groups.Select(group => group.GetProperty("group").GetString()));
            JsonElement all = groups[2];
            Assert.Equal(4, all.GetProperty("examples").GetInt32());
            JsonElement measure = all.GetProperty("measures").GetProperty("exact match");
            Assert.InRange(measure.GetProperty("value").GetDouble(), 0, 1);
            Assert.True(measure.TryGetProperty("standard_error", out _));
            Assert.InRange(result.GetProperty("passes_per_example").GetDouble(), 1, 7);
        }

        Assert.Equal((3, 5), (json.GetProperty("seed").GetInt32(), json.GetProperty("sampler_seed").GetInt32()));
        JsonElement difference = Assert.Single(json.GetProperty("differences").EnumerateArray());
        Assert.Equal("tiny-left-to-right", difference.GetProperty("less").GetString());
        Assert.Equal(Share(results[0]) - Share(results[1]), difference.GetProperty("value").GetDouble(), 1e-12);
        string[] lines = await File.ReadAllLinesAsync(predictions);
        Assert.Equal(4, lines.Length);
        Assert.Equal("two", JsonDocument.Parse(lines[0]).RootElement.GetProperty("reference").GetString());

        static double Share(JsonElement result) => result.GetProperty("groups").EnumerateArray().Last()
            .GetProperty("measures").GetProperty("exact match").GetProperty("value").GetDouble();
    }

    [Fact]
    public async Task Eval_ModelsOfOneName_AreToldApartByTheirFolders()
    {
        string[] models = [Path.Combine(tiny.Folder, "run-a", "model"), Path.Combine(tiny.Folder, "run-b", "model")];
        foreach (string model in models)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(model)!);
            TinyModelFolder.Write(model);
        }

        (int exitCode, string output, string error) = await tiny.Run(
            "eval", "countdown3", "--count", "1", "--answer-tokens", "4", "--json", "--threads", "1", "--model", models[0],
            "--compare", models[1]);
        Assert.True(exitCode == 0, error);
        JsonElement results = JsonDocument.Parse(output).RootElement.GetProperty("results");
        Assert.Equal(["run-a/model", "run-b/model"], results.EnumerateArray().Select(result => result.GetProperty("model").GetString()));
    }

    [Theory]
    [InlineData("", "found ''")]
    [InlineData("none/p.jsonl", "no folder")]
    [InlineData(".", "is a folder")]
    public async Task Eval_PredictionsThatCannotBeWritten_AreRefusedBeforeTheWork(string name, string expected)
    {
        string path = name.Length == 0 ? name : Path.Combine(tiny.Folder, name);
        (int exitCode, string output, string error) = await tiny.Run(
            "eval", "countdown3", "--count", "1", "--predictions", path, "--model", "no-such-model");
        Assert.Equal((CommandRunner.Failed, ""), (exitCode, output));
        Assert.Contains("Expected --predictions to name ", error, StringComparison.Ordinal);
        Assert.Contains(expected, error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Eval_PredictionsThatAreThere_AreReplacedOnlyByForce()
    {
        string path = tiny.Write("kept.jsonl", "mine");
        string[] arguments = ["eval", "countdown3", "--count", "1", "--answer-tokens", "4", "--predictions", path];
        (int exitCode, _, string error) = await tiny.RunWithModel(arguments);
        Assert.Equal(CommandRunner.Failed, exitCode);
        Assert.Contains("--force", error, StringComparison.Ordinal);
        Assert.Equal("mine", await File.ReadAllTextAsync(path));
        (exitCode, _, error) = await tiny.RunWithModel([.. arguments, "--force"]);
        Assert.True(exitCode == 0, error);
        Assert.Contains("\"answer\"", await File.ReadAllTextAsync(path), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Eval_InChat_NeedsATemplate()
    {
        string data = Directory.CreateDirectory(Path.Combine(tiny.Folder, "word-problems")).FullName;
        await File.WriteAllTextAsync(Path.Combine(data, "test.jsonl"), """{"question": "1?", "answer": "#### 1"}""");
        string chat = Path.Combine(tiny.Folder, "tiny-chat-tasks");
        TinyModelFolder.Write(chat);
        await File.WriteAllTextAsync(Path.Combine(chat, "chat_template.jinja"), "{% for m in messages %}{{ m.content }}\n{% endfor %}");
        string[] arguments = ["eval", "gsm8k", "--data", data, "--answer-tokens", "4", "--chat", "--threads", "1", "--model"];
        (int exitCode, _, string error) = await tiny.Run([.. arguments, tiny.Path]);
        Assert.Equal(CommandRunner.Failed, exitCode);
        Assert.Contains("Expected a model with a chat template", error, StringComparison.Ordinal);
        (exitCode, _, error) = await tiny.Run([.. arguments, chat]);
        Assert.True(exitCode == 0, error);
    }

    [Fact]
    public async Task Eval_SeveralModels_PrintsATableAndTheDifference()
    {
        (int exitCode, string output, string error) = await tiny.RunWithModel(
            "eval", "countdown3", "--count", "2", "--answer-tokens", "4", "--compare", tiny.Path);
        Assert.True(exitCode == 0, error);
        Assert.Contains("solved", output, StringComparison.Ordinal);
        Assert.Contains("arithmetic", output, StringComparison.Ordinal);
        Assert.Contains("tiny less tiny, solved: +0.0 ± 0.0 points", output, StringComparison.Ordinal);
        Assert.Contains("data seed 1, sampler seed 0", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Eval_BestOfSeveral_NeedsATemperatureAndCountsAllPasses()
    {
        string[] arguments = ["eval", "countdown3", "--count", "2", "--answer-tokens", "4", "--best-of", "3"];
        (int exitCode, _, string error) = await tiny.RunWithModel(arguments);
        Assert.Equal(1, exitCode);
        Assert.Contains("temperature above 0", error, StringComparison.Ordinal);
        (exitCode, string output, error) = await tiny.RunWithModel([.. arguments, "--temperature", "1", "--json"]);
        Assert.True(exitCode == 0, error);
        JsonElement result = JsonDocument.Parse(output).RootElement.GetProperty("results")[0];
        Assert.InRange(result.GetProperty("passes_per_example").GetDouble(), 3, 12);
    }

    [Theory]
    [InlineData("eval", "reversal")]
    [InlineData("examples", "java-cs", "--out", "nowhere")]
    public async Task ATaskOfFiles_WithoutAFolder_IsRefused(params string[] arguments)
    {
        (int exitCode, _, string error) = await tiny.Run(arguments);
        Assert.Equal(CommandRunner.WrongCommandLine, exitCode);
        Assert.Contains("--data", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Eval_SplitThatTheTaskLacks_SaysWhatItHas()
    {
        (int exitCode, _, string error) = await tiny.RunWithModel(
            "eval", "reversal", "--data", Couplets("splits"), "--split", "validation");
        Assert.Equal(CommandRunner.Failed, exitCode);
        Assert.Contains("has no validation split; it has train and test.", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ExamplesTrainSolve_Sudoku_GoTogether()
    {
        string corpus = Path.Combine(tiny.Folder, "sudoku-corpus");
        (int exitCode, string output, string error) = await tiny.Run("examples", "sudoku", "--in-place", "--count", "40", "--out", corpus);
        Assert.True(exitCode == 0, error);
        Assert.Contains("train", output, StringComparison.Ordinal);
        string config = tiny.Write("sudoku.json", """
            {
              "model": {
                "architectures": ["LLaDAModelLM"], "model_type": "llada", "block_type": "llama", "layer_norm_type": "rms",
                "activation_type": "silu", "rope": false, "include_bias": false, "d_model": 16, "n_layers": 1, "n_heads": 2,
                "n_kv_heads": 2, "mlp_hidden_size": 32, "vocab_size": 260, "embedding_size": 260, "max_sequence_length": 82,
                "rms_norm_eps": 1e-5, "rope_theta": 10000, "weight_tying": true, "mask_token_id": 0, "eos_token_id": 1,
                "pad_token_id": 2, "bos_token_id": 3
              },
              "steps": 3, "batch_size": 8, "micro_batch_size": 4, "sequence_length": 82, "time_weight": "linear", "focal_gamma": 1,
              "evaluate_every": 3, "evaluation_windows": 4
            }
            """);
        string run = Path.Combine(tiny.Folder, "sudoku-run");
        (exitCode, output, error) = await tiny.Run("train", config, "--corpus", corpus, "--output", run, "--threads", "1");
        Assert.True(exitCode == 0, error);
        string model = output.Trim();

        (exitCode, output, error) = await tiny.Run("eval", "sudoku", "--count", "2", "--model", model, "--threads", "1", "--json");
        Assert.True(exitCode == 0, error);
        JsonElement group = JsonDocument.Parse(output).RootElement.GetProperty("results")[0].GetProperty("groups")[0];
        Assert.Equal(0, group.GetProperty("measures").GetProperty("solved").GetProperty("value").GetDouble());

        // Three steps teach no Sudoku: it is said what is wrong, and clues stay as they are.
        (exitCode, output, error) = await tiny.Run("solve", "sudoku", Puzzle, "--model", model, "--threads", "1", "--json");
        Assert.Equal(CommandRunner.Failed, exitCode);
        JsonElement solved = JsonDocument.Parse(output).RootElement;
        Assert.False(solved.GetProperty("solved").GetBoolean());
        int[] empty = [.. Enumerable.Range(0, 81).Where(i => Puzzle[i] == '0')];
        Assert.Equal(empty, solved.GetProperty("order").EnumerateArray().Select(cell => cell.GetInt32()).Order());

        string file = tiny.Write("puzzle.txt", Puzzle + "\n");
        (exitCode, output, error) = await tiny.Run("solve", "sudoku", file, "--model", model, "--threads", "1");
        Assert.Equal(CommandRunner.Failed, exitCode);
        Assert.Contains("Not solved (", error, StringComparison.Ordinal);
        Assert.Equal(11, output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
    }

    [Theory]
    [InlineData("123", "81")]
    [InlineData("550070000600195000098000060800060003400803001700020006060000280000419005000080079", "5 twice in")]
    [InlineData("53007000x600195000098000060800060003400803001700020006060000280000419005000080079", "found U+0078")]
    public async Task Solve_NoPuzzle_SaysWhatIsWrong(string puzzle, string expected)
    {
        (int exitCode, _, string error) = await tiny.RunWithModel("solve", "sudoku", puzzle);
        Assert.Equal(CommandRunner.Failed, exitCode);
        Assert.Contains(expected, error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Solve_ModelThatWritesLeftToRight_IsRefused()
    {
        string path = Path.Combine(tiny.Folder, "tiny-causal");
        TinyModelFolder.Write(path, config => config with { AttentionKind = AttentionKind.Causal, ShiftLogits = true });
        (int exitCode, _, string error) = await tiny.Run("solve", "sudoku", Puzzle, "--model", path, "--threads", "1");
        Assert.Equal(CommandRunner.Failed, exitCode);
        Assert.Contains("sees the whole grid at once", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Solve_ModelWhoseTokenizerJoinsDigits_IsRefusedInOneLine()
    {
        string tokenizer = Path.Combine(tiny.Folder, "joining.json");
        new BpeTrainer(new BpeTrainerOptions { VocabularySize = 300, Threads = 1 }).Train(Enumerable.Repeat("53", 9)).Save(tokenizer);
        string path = Path.Combine(tiny.Folder, "tiny-joining");
        TinyModelFolder.WriteWith(await File.ReadAllBytesAsync(tokenizer), path);
        (int exitCode, string output, string error) = await tiny.Run("solve", "sudoku", Puzzle, "--model", path, "--threads", "1");
        Assert.Equal((CommandRunner.Failed, ""), (exitCode, output));
        Assert.Contains("one token for each character of a sudoku template", error, StringComparison.Ordinal);
        Assert.Single(error.TrimEnd().Split('\n'));
    }

    private string Couplets(string name)
    {
        string folder = Directory.CreateDirectory(Path.Combine(tiny.Folder, name)).FullName;
        File.WriteAllText(Path.Combine(folder, "poem_data.json"), """
            [{"first": "one", "second": "two", "source": "x"}, {"first": "three", "second": "four", "source": "y"}]
            """);
        return folder;
    }
}
