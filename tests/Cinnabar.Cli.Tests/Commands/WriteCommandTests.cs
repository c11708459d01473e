using System.Text.Json;
using Cinnabar.Numerics.Kernels;
using Cinnabar.Tests;

namespace Cinnabar.Cli.Tests.Commands;

[Collection(ConsoleTests.Name)]
public sealed class WriteCommandTests(TinyModel tiny)
{
    private const int Tokens = 5 * TinyModel.Context;

    [Fact]
    public async Task Write_ManyTimesTheContext_WritesAsManyTokensInStepsThatDoNotGrow()
    {
        string[] arguments = ["write", "int a", "--tokens", $"{Tokens}", "--temperature", "1", "--seed", "4"];
        (int exitCode, string output, string error) = await tiny.RunWithModel([.. arguments, "--json"]);
        Assert.True(exitCode == 0, error);
        JsonElement json = JsonDocument.Parse(output).RootElement;
        Assert.Equal(Tokens, json.GetProperty("new_tokens").GetInt32());
        Assert.Equal(TinyModel.Context / 4, json.GetProperty("forward_passes").GetInt32());
        string text = json.GetProperty("text").GetString()!;
        Assert.Equal("int a" + json.GetProperty("holes")[0].GetProperty("text").GetString(), text);
        int[] ids = [.. json.GetProperty("token_ids").EnumerateArray().Select(id => id.GetInt32())];
        Assert.DoesNotContain(tiny.Model.Config.EosTokenId, ids);
        Assert.DoesNotContain(tiny.Model.Config.MaskTokenId, ids);

        // What is printed piece by piece is the same text, and so is what goes into a file.
        (_, string printed, _) = await tiny.RunWithModel(arguments);
        Assert.Equal(text.EndsWith('\n') ? text : text + "\n", printed);
        string file = Path.Combine(tiny.Folder, "long.txt");
        (exitCode, printed, _) = await tiny.RunWithModel([.. arguments, "--out", file]);
        Assert.Equal((0, "", text), (exitCode, printed, await File.ReadAllTextAsync(file)));
        (exitCode, _, error) = await tiny.RunWithModel([.. arguments, "--out", file]);
        Assert.Equal(1, exitCode);
        Assert.Contains("--force", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Write_WithAnOutline_HoldsItsLinesInOrderAndNothingElseOfIts()
    {
        string file = Path.Combine(tiny.Folder, "outline.txt");
        await File.WriteAllTextAsync(file, "int b;\n\n  string c; \n");
        string[] arguments = ["write", "int a", "--tokens", $"{Tokens}", "--temperature", "1", "--seed", "4", "--outline", file];
        (int exitCode, string output, string error) = await tiny.RunWithModel([.. arguments, "--json"]);
        Assert.True(exitCode == 0, error);
        JsonElement json = JsonDocument.Parse(output).RootElement;
        string[] rooms = [.. json.GetProperty("holes").EnumerateArray().Select(hole => hole.GetProperty("text").GetString()!)];
        string text = json.GetProperty("text").GetString()!;
        Assert.Equal($"int a{rooms[0]}\n\nint b;{rooms[1]}\n\nstring c;{rooms[2]}", text);
        Assert.Equal(Tokens, json.GetProperty("new_tokens").GetInt32());
        (_, string printed, _) = await tiny.RunWithModel(arguments);
        Assert.Equal(text.EndsWith('\n') ? text : text + "\n", printed);
    }

    [Fact]
    public async Task Write_MoreLinesThanTokens_IsRefused()
    {
        string file = Path.Combine(tiny.Folder, "lines.txt");
        await File.WriteAllTextAsync(file, "a\nb\nc\n");
        (int exitCode, _, string error) = await tiny.RunWithModel(["write", "--tokens", "3", "--outline", file]);
        Assert.Equal(1, exitCode);
        Assert.Contains("at least 4 tokens", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("overlap by 1 … ", "--overlap", "0")]
    [InlineData("overlap by 1 … ", "--overlap", "1000")]
    public async Task Write_WrongLength_IsRefused(string expected, params string[] options)
    {
        (int exitCode, string output, string error) = await tiny.RunWithModel(["write", "--tokens", $"{Tokens}", .. options]);
        Assert.Equal((1, ""), (exitCode, output));
        Assert.Contains(expected, error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Write_AutoregressiveModel_IsRefused()
    {
        string other = Path.Combine(tiny.Folder, "left-to-right");
        TinyModelFolder.Write(other, config => config with { AttentionKind = AttentionKind.Causal, ShiftLogits = true });
        (int exitCode, _, string error) = await tiny.Run("write", "--tokens", $"{Tokens}", "--model", other, "--threads", "1");
        Assert.Equal(1, exitCode);
        Assert.Contains("sees both sides", error, StringComparison.Ordinal);
    }
}
