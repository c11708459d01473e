using Cinnabar.Tests;

namespace Cinnabar.Cli.Tests.Commands;

/// <summary>What quantize may replace.</summary>
[Collection(ConsoleTests.Name)]
public sealed class QuantizeTargetTests(TinyModel tiny)
{
    [Fact]
    public async Task Quantize_ModelThatIsThere_IsReplacedOnlyByForce()
    {
        string folder = Path.Combine(tiny.Folder, "target");
        string card = Path.Combine(folder, "README.md");
        (int exitCode, _, string error) = await tiny.Run("quantize", tiny.Path, "--out", folder);
        Assert.True(exitCode == 0, error);
        await File.WriteAllTextAsync(card, "mine");

        (exitCode, _, error) = await tiny.Run("quantize", tiny.Path, "--out", folder);
        Assert.Equal(CommandRunner.Failed, exitCode);
        Assert.Contains("--force", error, StringComparison.Ordinal);
        Assert.Equal("mine", await File.ReadAllTextAsync(card));

        (exitCode, _, error) = await tiny.Run("quantize", tiny.Path, "--out", folder, "--force");
        Assert.True(exitCode == 0, error);
        Assert.NotEqual("mine", await File.ReadAllTextAsync(card));
    }

    [Fact]
    public async Task Quantize_OntoItsSource_IsRefusedInAnyCase()
    {
        string source = Path.Combine(tiny.Folder, "own");
        TinyModelFolder.Write(source);
        await RefusesItsSource(source, Path.Combine(source, "."));
    }

    [UnixFact]
    public async Task Quantize_OntoALinkToItsSource_IsRefusedInAnyCase()
    {
        string source = Path.Combine(tiny.Folder, "linked");
        TinyModelFolder.Write(source);
        string link = $"{source}-link";
        Directory.CreateSymbolicLink(link, source);
        await RefusesItsSource(source, link);
    }

    [Fact]
    public async Task Quantize_TargetThatCannotBeAFolder_IsRefused()
    {
        foreach ((string target, string expected) in ((string, string)[])[("", "found ''"), (tiny.Write("a-file", "x"), "is a file")])
        {
            (int exitCode, _, string error) = await tiny.Run("quantize", tiny.Path, "--out", target, "--force");
            Assert.Equal(CommandRunner.Failed, exitCode);
            Assert.Contains(expected, error, StringComparison.Ordinal);
        }
    }

    private async Task RefusesItsSource(string source, string target)
    {
        (int exitCode, _, string error) = await tiny.Run("quantize", source, "--out", target, "--force");
        Assert.Equal(CommandRunner.Failed, exitCode);
        Assert.Contains("another folder than the model's own", error, StringComparison.Ordinal);
        string config = await File.ReadAllTextAsync(Path.Combine(source, "config.json"));
        Assert.DoesNotContain("quantization_config", config, StringComparison.Ordinal);
    }
}
