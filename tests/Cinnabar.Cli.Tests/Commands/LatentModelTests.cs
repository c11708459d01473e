using System.Text.Json;
using Cinnabar.Tests;

namespace Cinnabar.Cli.Tests.Commands;

[Collection(ConsoleTests.Name)]
public sealed class LatentModelTests(TinyModel tiny)
{
    [Fact]
    public async Task Infill_SameSeed_IsTheSameTextBetweenWhatWasGiven()
    {
        string holes = tiny.Write("holes.txt", "int a<fill:12> }\n");
        string[] arguments = ["infill", holes, "--steps", "3", "--threads", "1", "--model", Model()];
        (int exitCode, string output, string error) = await tiny.Run(arguments);
        Assert.True(exitCode == 0, error);
        Assert.StartsWith("int a", output, StringComparison.Ordinal);
        Assert.EndsWith(" }\n", output, StringComparison.Ordinal);
        Assert.Contains("in 3 steps", error, StringComparison.Ordinal);
        Assert.Equal(output, (await tiny.Run(arguments)).Out);
        foreach (string method in (string[])["ddim", "ddpm"])
        {
            (exitCode, _, error) = await tiny.Run([.. arguments, "--latent-method", method, "--raw-latents", "--cfg-scale", "1"]);
            Assert.True(exitCode == 0, error);
        }
    }

    [Fact]
    public async Task Rebuilding_HeldOutText_TellsTokensAndCodes()
    {
        string[] arguments = ["eval", "rebuilding", "--corpus", tiny.Corpus(), "--count", "3", "--threads", "1", "--model", Model()];
        (int exitCode, string output, string error) = await tiny.Run(arguments);
        Assert.True(exitCode == 0, error);
        Assert.Matches(@"^rebuilt \d+\.\d\d ± \d+\.\d\d % of tokens, BLEU .* \(3 windows\); codes used ", output);
        Assert.Matches(@"codes used \d+\.\d %, perplexity \d+ of 16\n", output);
        Assert.DoesNotContain("codes", (await tiny.Run([.. arguments, "--raw", "--noise", "0.5"])).Out, StringComparison.Ordinal);

        using JsonDocument one = JsonDocument.Parse((await tiny.Run([.. arguments, "--json"])).Out);
        Assert.Equal(3, one.RootElement.GetProperty("windows").GetInt32());
        Assert.Equal(16, one.RootElement.GetProperty("codebook_size").GetInt32());
        using JsonDocument many = JsonDocument.Parse((await tiny.Run([.. arguments, "--au-bleu", "--json"])).Out);
        double[] bleus = [.. many.RootElement.GetProperty("results").EnumerateArray().Select(r => r.GetProperty("bleu").GetDouble())];
        Assert.Equal(10, bleus.Length);
        Assert.Equal(bleus.Average(), many.RootElement.GetProperty("au_bleu").GetDouble(), 1e-9);
    }

    [Theory]
    [InlineData("--cfg-scale, --seed and --latent-method for a", "generate", "int", "--temperature", "1", "--model", "LATENTS")]
    [InlineData("found --temperature and --threshold.", "generate", "int", "--threshold", "0.5", "--temperature", "1", "--model", "LATENTS")]
    [InlineData("found 2 holes", "infill", "HOLES", "--model", "LATENTS")]
    [InlineData("without constraints", "generate", "int", "--regex", "a+", "--model", "LATENTS")]
    [InlineData("--latent-method to be one of", "generate", "int", "--latent-method", "euler", "--model", "LATENTS")]
    [InlineData("found one whose noise is Gaussian", "score", "HOLES", "--model", "LATENTS")]
    [InlineData("which denoises tokens", "eval", "rebuilding", "--corpus", "CORPUS", "--model", "TOKENS")]
    [InlineData("--noise to be 0 …", "eval", "rebuilding", "--noise", "-1", "--corpus", "x", "--model", "LATENTS")]
    public async Task WrongInput_IsRefused(string expected, params string[] options)
    {
        options =
        [
            .. options.Select(option => option switch
            {
                "LATENTS" => Model(), "TOKENS" => tiny.Path, "CORPUS" => tiny.Corpus(),
                "HOLES" => tiny.Write("two-holes.txt", "a<fill:4>b<fill:4>c"), _ => option,
            }),
        ];
        (int exitCode, string output, string error) = await tiny.Run(options);
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
