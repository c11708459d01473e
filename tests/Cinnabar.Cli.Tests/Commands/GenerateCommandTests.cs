using System.Text.Json;
using Cinnabar.Numerics;
using Cinnabar.Sampling;
using Cinnabar.Tests;

namespace Cinnabar.Cli.Tests.Commands;

[Collection(ConsoleTests.Name)]
public sealed class GenerateCommandTests(TinyModel tiny)
{
    [Theory]
    [InlineData(1, "")]
    [InlineData(8, "--threshold 0")]
    [InlineData(8, "--threshold 1")]
    [InlineData(8, "--remasking random")]
    [InlineData(8, "--remasking entropy --entropy-bound 0")]
    public async Task Generate_ModelWithAThreshold_HeedsItUnlessAnotherRuleIsNamed(int steps, string options)
    {
        string model = System.IO.Path.Combine(tiny.Folder, "with-threshold");
        if (!Directory.Exists(model))
        {
            TinyModelFolder.Write(model);
            string settings = System.IO.Path.Combine(model, "generation_config.json");
            File.WriteAllText(settings, "{\"threshold\": 1e-6, \"max_new_tokens\": 8}");
        }

        string[] given = options.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        (int exitCode, string output, string error) =
            await tiny.Run(["generate", "int", "--json", "--threads", "1", "--model", model, .. given]);
        Assert.True(exitCode == 0, error);
        Assert.Equal(steps, JsonDocument.Parse(output).RootElement.GetProperty("steps").GetInt32());
    }

    // Whatever is drafted, the text is that of the network read left to right; without drafts it is that of masks.
    [Fact]
    public async Task Generate_DraftTokens_AreThoseOfTheLibrary()
    {
        string path = System.IO.Path.Combine(tiny.Folder, "drafting");
        TinyModelFolder.WriteDrafting(path);
        DiffusionModel model = DiffusionModel.Load(path, KernelTable.Create(threads: 1));
        SamplerOptions drafts = model.DefaultOptions;
        Assert.Equal(await Written("--draft-tokens", "1"), await Written("--draft-tokens", "9"));
        Assert.Equal(OfLibrary(drafts), await Written());
        Assert.Equal(OfLibrary(drafts with { DraftTokens = null }), await Written("--draft-tokens", "0"));
        Assert.Equal(OfLibrary(drafts), await Written("--draft-tokens", "0", "--left-to-right", "true"));
        (int refused, _, string error) = await tiny.Run("generate", "int", "--model", path, "--draft-tokens", "257");
        Assert.NotEqual(0, refused);
        Assert.Contains("0 … 256", error);

        string OfLibrary(SamplerOptions options) => model.Generate("int a", options with { MaxNewTokens = 12 }).Text;

        async Task<string> Written(params string[] options)
        {
            (int exitCode, string output, string problem) = await tiny.Run(
                ["generate", "int a", "--max-new-tokens", "12", "--json", "--threads", "1", "--model", path, .. options]);
            Assert.True(exitCode == 0, problem);
            return JsonDocument.Parse(output).RootElement.GetProperty("text").GetString()!;
        }
    }

    [Fact]
    public async Task Generate_VerifyThresholdOfAModelThatShiftsLogits_IsRefusedInTheWordsOfTheCommandLine()
    {
        string path = System.IO.Path.Combine(tiny.Folder, "shifting");
        TinyModelFolder.Write(path, config => config with { ShiftLogits = true });
        (int exitCode, string output, string error) = await tiny.Run(
            "generate", "int", "--threads", "1", "--model", path, "--threshold", "0.8", "--verify-threshold", "0.9");
        Assert.Equal((CommandRunner.Failed, ""), (exitCode, output));
        Assert.Contains("at its own position, for --verify-threshold, found", error, StringComparison.Ordinal);
        Assert.Contains("Leave --verify-threshold out.", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Generate_Json_HoldsTheContract()
    {
        (int exitCode, string output, string error) = await tiny.RunWithModel(
            "generate", "public static", "--max-new-tokens", "8", "--seed", "3", "--json");

        Assert.Equal(0, exitCode);
        JsonElement json = JsonDocument.Parse(output).RootElement;
        JsonElement hole = Assert.Single(json.GetProperty("holes").EnumerateArray());
        Assert.Equal("public static" + hole.GetProperty("text").GetString(), json.GetProperty("text").GetString());
        Assert.Equal(0, hole.GetProperty("index").GetInt32());
        Assert.Equal(8, hole.GetProperty("canvas_length").GetInt32());
        Assert.Equal(hole.GetProperty("token_ids").GetArrayLength(), json.GetProperty("new_tokens").GetInt32());
        Assert.Equal(3, json.GetProperty("seed").GetInt32());
        Assert.Equal("tiny", json.GetProperty("model").GetString());
        Assert.InRange(json.GetProperty("steps").GetInt32(), 1, 8);
        Assert.Equal(json.GetProperty("steps").GetInt32(), json.GetProperty("forward_passes").GetInt32());
        Assert.True(json.GetProperty("tokens_per_second").GetDouble() >= 0);
        int[] ids = [.. json.GetProperty("token_ids").EnumerateArray().Select(id => id.GetInt32())];
        Assert.Equal(tiny.Model.Config.BosTokenId, ids[0]);
        Assert.Contains("tokens/s", error);
    }

    [Fact]
    public async Task Generate_SameSeedAnyThreads_SameText()
    {
        List<string> outputs = [];
        foreach (string threads in (string[])["1", "2", "5"])
        {
            (int exitCode, string output, _) = await tiny.Run(
                "generate", "int a", "--temperature", "1", "--seed", "9", "--model", tiny.Path, "--threads", threads);
            Assert.Equal(0, exitCode);
            outputs.Add(output);
        }

        Assert.Equal(outputs[0], outputs[1]);
        Assert.Equal(outputs[0], outputs[2]);
        (_, string other, _) = await tiny.RunWithModel("generate", "int a", "--temperature", "1", "--seed", "10");
        Assert.NotEqual(outputs[0], other);
    }

    [Fact]
    public async Task Generate_EmptyPrompt_WritesFromNothing()
    {
        (int exitCode, string output, string error) = await tiny.RunWithModel("generate", "", "--max-new-tokens", "4", "--json");

        Assert.True(exitCode == 0, error);
        JsonElement json = JsonDocument.Parse(output).RootElement;
        Assert.Equal(json.GetProperty("text").GetString(), json.GetProperty("holes")[0].GetProperty("text").GetString());
    }

    [Fact]
    public async Task Generate_PromptLongerThanContext_TellsBothNumbers()
    {
        string prompt = string.Concat(Enumerable.Repeat("x 9 ", 200));
        string file = tiny.Write("long-prompt.txt", prompt);
        int tokens = tiny.Model.Tokenizer.Encode(prompt[..^1]).Length + 1;

        (int exitCode, string output, string error) = await tiny.RunWithModel("generate", "--prompt-file", file);

        Assert.Equal(1, exitCode);
        Assert.Equal("", output);
        Assert.StartsWith("error: ", error);
        Assert.Contains($"{TinyModel.Context} tokens", error);
        Assert.Contains($"{tokens} tokens", error);
        Assert.DoesNotContain("   at ", error);
    }

    [Fact]
    public async Task Generate_CanvasLongerThanRoom_IsCutAndSaysSo()
    {
        (int exitCode, string output, string error) = await tiny.RunWithModel(
            "generate", "int", "--max-new-tokens", "500", "--steps", "4", "--json");

        Assert.Equal(0, exitCode);
        int canvas = JsonDocument.Parse(output).RootElement.GetProperty("holes")[0].GetProperty("canvas_length").GetInt32();
        Assert.InRange(canvas, TinyModel.Context - 4, TinyModel.Context - 1);
        Assert.Contains($"{canvas} tokens", error);
    }

    [Fact]
    public async Task Generate_Verbose_ShowsTheStackTraceOfAnError()
    {
        (int exitCode, _, string error) = await tiny.Run("generate", "x", "--model", "no-such-model", "--verbose");

        Assert.Equal(1, exitCode);
        Assert.Contains("   at ", error);
    }

    [Theory]
    [InlineData("--out", "", "found ''")]
    [InlineData("--out", "none/x.txt", "no folder")]
    [InlineData("--out", ".", "is a folder")]
    [InlineData("--trace", "", "found ''")]
    [InlineData("--trace", "none/x.json", "no folder")]
    public async Task Generate_FileThatCannotBeWritten_IsRefusedBeforeTheWork(string option, string name, string expected)
    {
        string path = name.Length == 0 ? name : System.IO.Path.Combine(tiny.Folder, name);
        (int exitCode, string output, string error) = await tiny.Run("generate", "x", option, path, "--model", "no-such-model");

        Assert.Equal((1, ""), (exitCode, output));
        Assert.Contains($"Expected {option} to name ", error);
        Assert.Contains(expected, error);
    }

    [Theory]
    [InlineData("--temperature", "-1")]
    [InlineData("--top-p", "1.5")]
    [InlineData("--steps", "0")]
    [InlineData("--threshold", "2")]
    [InlineData("--deadline-ms", "0")]
    [InlineData("--early-exit", "0")]
    public async Task Generate_OptionOutOfRange_IsAWrongCommandLine(string option, string value)
    {
        (int exitCode, string output, string error) = await tiny.Run("generate", "x", option, value, "--model", "no-such-model");

        Assert.Equal((CommandRunner.WrongCommandLine, ""), (exitCode, output));
        Assert.StartsWith($"error: Expected {option} to be ", error);
        Assert.Contains($", found {value}.", error);
    }

    [Theory]
    [InlineData("Expected --remasking to be entropy beside --entropy-bound, found low_confidence.", "--entropy-bound", "1")]
    [InlineData("Expected --factor to be left out beside --threshold, found 1. Change --factor.", "--threshold", "0.9", "--factor", "1")]
    [InlineData("Expected --steps to be at least 4", "-n", "8", "--block-size", "2", "--steps", "2")]
    public async Task Generate_OptionsThatDoNotGoTogether_AreToldAsTheyAreTyped(string expected, params string[] options)
    {
        (int exitCode, string output, string error) = await tiny.RunWithModel(["generate", "x", .. options]);

        Assert.Equal((1, ""), (exitCode, output));
        Assert.StartsWith($"error: {expected}", error);
    }

    [Fact]
    public async Task Generate_EtaWithoutRemdm_IsAWrongCommandLine()
    {
        (int exitCode, _, string error) = await tiny.Run("generate", "x", "--remdm-eta", "0.1");
        Assert.Equal(CommandRunner.WrongCommandLine, exitCode);
        Assert.StartsWith("error: Expected --remdm-eta beside --remdm", error);
        (exitCode, _, error) = await tiny.Run("generate", "x", "--force");
        Assert.Equal(CommandRunner.WrongCommandLine, exitCode);
        Assert.StartsWith("error: Expected --out or --trace with --force", error);
    }

    [Theory]
    [InlineData("--seed", "-1")]
    [InlineData("--steps", "many")]
    [InlineData("--threads", "0")]
    [InlineData("--remasking", "backwards")]
    public async Task Generate_OptionThatCannotBeRead_NamesItAndExits2(string option, string value)
    {
        (int exitCode, string output, string error) = await tiny.Run("generate", "x", option, value, "--model", tiny.Path);

        Assert.Equal(2, exitCode);
        Assert.Equal("", output);
        Assert.Contains(option, error);
        Assert.Contains(value, error);
        Assert.DoesNotContain("System.", error);
    }
}
