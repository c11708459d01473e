using System.Text.Json;
using Cinnabar.Numerics.Kernels;
using Cinnabar.Tests;

namespace Cinnabar.Cli.Tests.Commands;

/// <summary>eval writing.</summary>
[Collection(ConsoleTests.Name)]
public sealed class WritingCommandTests(TinyModel tiny)
{
    private const int Tokens = 200; // more than twice the context
    private const int Block = 32;

    private static readonly string[] s_short =
        ["eval", "writing", "--count", "2", "--tokens", $"{Tokens}", "--temperature", "1", "--remasking", "random"];

    [Fact]
    public async Task Json_BothWaysBesideATwinAndPeople_HasAllMeasures()
    {
        string twin = Twin();
        JsonElement json = await Json([.. s_short, "--block", $"{Block}", "--judge", twin, "--compare", twin, "--corpus", tiny.Corpus()]);
        Assert.Equal("writing", json.GetProperty("task").GetString());
        Dictionary<string, JsonElement> results =
            json.GetProperty("results").EnumerateArray().ToDictionary(result => result.GetProperty("texts_of").GetString()!);
        Assert.Equal(
            ["held-out text", "tiny, all at once", "tiny, segments that stay", $"tiny, blocks of {Block}", "writing-twin, left to right"],
            results.Keys);
        Assert.All(results.Values, result => Assert.Equal(2, result.GetProperty("texts").GetInt32()));
        foreach (string measure in (string[])["perplexity", "entropy", "distinct_1", "distinct_3", "self_bleu", "repeated_4_grams"])
        {
            Assert.All(results.Values, result => Assert.True(double.IsFinite(Value(result, measure)), measure));
        }

        // 24 steps are a quarter of the context; a block of 32 takes 8 of them, and the last 8 tokens take 2.
        Assert.Equal(24, Value(results["tiny, all at once"], "passes"));
        Assert.Equal((6 * 8) + 2, Value(results[$"tiny, blocks of {Block}"], "passes"));
        Assert.Equal(Tokens, Value(results["writing-twin, left to right"], "passes"));
        Assert.Equal(24, Value(results["tiny, segments that stay"], "passes"));
        Assert.NotEqual(Value(results["tiny, all at once"], "entropy"), Value(results["tiny, segments that stay"], "entropy"));
        Assert.All(results.Values, result => Assert.InRange(Value(result, "at_seams_to_inside"), 0.2, 5));
        Assert.True(Value(results["writing-twin, left to right"], "positions_per_token") < 10);
        Assert.False(results["held-out text"].GetProperty("measures").TryGetProperty("passes", out _));

        // The same seed writes the same texts.
        JsonElement again = await Json([.. s_short, "--block", "0"]);
        Assert.Equal(2, again.GetProperty("results").GetArrayLength());
        Assert.Equal(Value(results["tiny, all at once"], "entropy"), Value(again.GetProperty("results")[0], "entropy"));
    }

    [Fact]
    public async Task Table_NamesItsMeasuresAndPrintsExamples()
    {
        (int exitCode, string output, string error) =
            await tiny.RunWithModel([.. s_short, "--judge", Twin(), "--steps", "4", "--examples", "1"]);
        Assert.True(exitCode == 0, error);
        Assert.Contains("--- tiny, all at once\n", output, StringComparison.Ordinal);
        Assert.Matches(@"tiny, all at once +tiny, segments that stay +tiny, blocks of 64", output);
        Assert.Matches(@"\nperplexity( +\d+ ± \d+){3}\n", output);
        Assert.Matches(@"\nat seams / inside +[\d.]+ ± [\d.]+", output);
        Assert.Contains("perplexity under writing-twin", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a temperature above 0", "--temperature", "0", "--tokens", "200")]
    [InlineData("blocks of 1 … 95 tokens", "--temperature", "1", "--tokens", "200", "--block", "96")]
    [InlineData("overlap by 1 … ", "--temperature", "1", "--tokens", "200", "--overlap", "90")]
    [InlineData("neither --max-passes nor --deadline", "--temperature", "1", "--tokens", "200", "--max-passes", "4")]
    [InlineData("left to right", "--temperature", "1", "--judge", "TINY")]
    [InlineData("the tokens of tiny", "--temperature", "1", "--judge", "OTHER")]
    public async Task WrongInput_IsRefused(string expected, params string[] options)
    {
        options =
        [
            .. options.Select(option => option switch
            {
                "CORPUS" => tiny.Corpus(),
                "TINY" => tiny.Path,
                "OTHER" => OtherTokens(),
                _ => option,
            }),
        ];
        (int exitCode, string output, string error) =
            await tiny.RunWithModel(["eval", "writing", "--count", "2", "--steps", "1", .. options]);
        Assert.Equal((1, ""), (exitCode, output));
        Assert.Contains(expected, error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Json_ModelWithLatents_HasARowForEachNumberOfSteps()
    {
        string latents = Path.Combine(tiny.Folder, "writing-latents");
        TinyModelFolder.Write(latents, TinyModelFolder.WithLatents);
        JsonElement json = await Json(
            ["eval", "writing", "--count", "2", "--tokens", "40", "--temperature", "1", "--block", "0",
                "--compare", latents, "--latent-steps", "2", "--latent-steps", "3"]);
        string[] names = [.. json.GetProperty("results").EnumerateArray().Select(result => result.GetProperty("texts_of").GetString()!)];
        Assert.Equal(["tiny, all at once", "writing-latents, 2 steps", "writing-latents, 3 steps"], names);
        Assert.Equal(3, Value(json.GetProperty("results")[2], "passes"));
    }

    [Fact]
    public async Task Json_ModelWithLatents_WritesLongTextsInBlocks()
    {
        string latents = Path.Combine(tiny.Folder, "long-latents");
        TinyModelFolder.Write(latents, TinyModelFolder.WithLatents);
        JsonElement json = await Json([.. s_short, "--block", $"{Block}", "--compare", latents, "--latent-steps", "2"]);
        JsonElement written = json.GetProperty("results").EnumerateArray().Last();
        Assert.Equal($"long-latents, blocks of {Block}, 2 steps", written.GetProperty("texts_of").GetString());
        Assert.Equal(7 * 2, Value(written, "passes")); // of each block as many as of a text
        Assert.False(written.GetProperty("measures").TryGetProperty("tokens", out _)); // all texts have 200
    }

    private static double Value(JsonElement result, string measure) =>
        result.GetProperty("measures").GetProperty(measure).GetProperty("value").GetDouble();

    private async Task<JsonElement> Json(string[] arguments)
    {
        (int exitCode, string output, string error) = await tiny.RunWithModel([.. arguments, "--json"]);
        Assert.True(exitCode == 0, error);
        return JsonDocument.Parse(output).RootElement;
    }

    private string Twin()
    {
        string path = Path.Combine(tiny.Folder, "writing-twin");
        if (!Directory.Exists(path))
        {
            TinyModelFolder.Write(path, config => config with { AttentionKind = AttentionKind.Causal, ShiftLogits = true });
        }

        return path;
    }

    // The twin with another token in the place of one.
    private string OtherTokens()
    {
        string path = Path.Combine(tiny.Folder, "writing-other");
        if (!Directory.Exists(path))
        {
            TinyModelFolder.Write(path, config => config with { AttentionKind = AttentionKind.Causal, ShiftLogits = true });
            string file = Path.Combine(path, "tokenizer.json");
            File.WriteAllText(file, File.ReadAllText(file).Replace("<|mask|>", "<|mist|>", StringComparison.Ordinal));
        }

        return path;
    }
}
