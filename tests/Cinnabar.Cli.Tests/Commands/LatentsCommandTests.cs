using Cinnabar.Tests;

namespace Cinnabar.Cli.Tests.Commands;

[Collection(ConsoleTests.Name)]
public sealed class LatentsCommandTests(TinyModel tiny)
{
    [Fact]
    public async Task Write_SameSeed_IsTheSameTextBetweenWhatWasGiven()
    {
        string suffix = tiny.Write("suffix.txt", " }");
        string[] arguments = ["latents", "write", "int a", "--suffix-file", suffix, "--tokens", "12", "--steps", "3", "--threads", "1"];
        (int exitCode, string output, string error) = await tiny.Run([.. arguments, "--model", Model()]);
        Assert.True(exitCode == 0, error);
        Assert.StartsWith("int a", output, StringComparison.Ordinal);
        Assert.EndsWith(" }\n", output, StringComparison.Ordinal);
        Assert.Contains("tokens in 3 passes", error, StringComparison.Ordinal);
        Assert.Equal(output, (await tiny.Run([.. arguments, "--model", Model()])).Out);
        (_, _, error) = await tiny.Run([.. arguments, "--guidance", "2", "--model", Model()]);
        Assert.Contains("6 passes", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Rebuild_HeldOutText_TellsTokensAndCodes()
    {
        string[] arguments = ["latents", "rebuild", "--corpus", tiny.Corpus(), "--count", "3", "--threads", "1", "--model", Model()];
        (int exitCode, string output, string error) = await tiny.Run(arguments);
        Assert.True(exitCode == 0, error);
        Assert.Matches(@"^rebuilt \d+\.\d\d ± \d+\.\d\d % of tokens, BLEU .* \(3 windows\); codes used ", output);
        Assert.Matches(@"codes used \d+\.\d %, perplexity \d+ of 16\n", output);
        Assert.DoesNotContain("codes", (await tiny.Run([.. arguments, "--raw", "--noise", "0.5"])).Out, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("at most 96 tokens", "write", "--tokens", "200", "--model", "LATENTS")]
    [InlineData("writes through latents, found one that denoises tokens", "write", "--model", "TOKENS")]
    [InlineData("--steps to be 1 …", "write", "--steps", "0", "--model", "LATENTS")]
    [InlineData("--noise to be 0 …", "rebuild", "--noise", "-1", "--corpus", "x", "--model", "LATENTS")]
    public async Task WrongInput_IsRefused(string expected, params string[] options)
    {
        options = [.. options.Select(option => option switch { "LATENTS" => Model(), "TOKENS" => tiny.Path, _ => option })];
        (int exitCode, string output, string error) = await tiny.Run(["latents", .. options]);
        Assert.Equal("", output);
        Assert.NotEqual(0, exitCode);
        Assert.Contains(expected, error, StringComparison.Ordinal);
    }

    private string Model()
    {
        string path = Path.Combine(tiny.Folder, "with-latents");
        if (!Directory.Exists(path))
        {
            TinyModelFolder.Write(path, TinyModelFolder.WithLatents);
        }

        return path;
    }
}
