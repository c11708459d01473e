// generate --prompt-ids and --trace: what other programs compare with.
using System.Text.Json;

namespace Cinnabar.Cli.Tests.Commands;

[Collection(ConsoleTests.Name)]
public sealed class PromptIdsTests(TinyModel tiny)
{
    [Fact]
    public async Task Generate_Trace_HoldsTheIdsBeforeEveryPassAndAtTheEnd()
    {
        string trace = Path.Combine(tiny.Folder, "trace.json");
        (int exitCode, string output, _) = await tiny.RunWithModel(
            "generate", "--prompt-ids", "30,31,32", "-n", "8", "--steps", "4", "--trace", trace, "--json", "--exact");

        Assert.Equal(0, exitCode);
        JsonElement json = JsonDocument.Parse(File.ReadAllText(trace)).RootElement;
        int[][] before = [.. json.GetProperty("tokens_before_step").EnumerateArray().Select(Ids)];
        int[] final = Ids(json.GetProperty("final"));
        int mask = tiny.Model.Config.MaskTokenId;
        Assert.Equal([30, 31, 32, .. Enumerable.Repeat(mask, 8)], before[0]);
        Assert.Equal([8, 6, 4, 2], before.Select(ids => ids.Count(id => id == mask)));
        Assert.DoesNotContain(mask, final);
        Assert.Equal(final, Ids(JsonDocument.Parse(output).RootElement.GetProperty("token_ids")));
        for (int i = 1; i < before.Length; i++)
        {
            Assert.All(before[i - 1].Zip(before[i]), pair => Assert.True(pair.First == mask || pair.First == pair.Second));
        }
    }

    [Theory]
    [InlineData("1,x", 2, "--prompt-ids")]
    [InlineData("1,999999", 1, "found 999999 at index 1")]
    [InlineData("", 2, "--prompt-ids")]
    public async Task Generate_WrongIds_AreNamed(string ids, int expectedExitCode, string expected)
    {
        (int exitCode, _, string error) = await tiny.RunWithModel("generate", "--prompt-ids", ids);
        Assert.Equal(expectedExitCode, exitCode);
        Assert.Contains(expected, error);
    }

    [Theory]
    [InlineData("a text", "--prompt-ids", "1,2")]
    [InlineData("--prompt-file", "f", "--prompt-ids", "1,2")]
    public async Task Generate_TwoPrompts_AreRefused(params string[] arguments)
    {
        (int exitCode, _, string error) = await tiny.RunWithModel(["generate", .. arguments]);
        Assert.Equal(2, exitCode);
        Assert.Contains("Expected one of a prompt, --prompt-file and --prompt-ids, found more.", error);
    }

    [Fact]
    public async Task Generate_ExactAndWeights_AreRefused()
    {
        (int exitCode, _, string error) = await tiny.RunWithModel("generate", "a", "--exact", "--weights", "int8");
        Assert.Equal(2, exitCode);
        Assert.Contains("Expected --weights or --exact, found both.", error);
    }

    private static int[] Ids(JsonElement array) => [.. array.EnumerateArray().Select(id => id.GetInt32())];
}
