using Cinnabar.Numerics.Kernels;
using Cinnabar.Tests;

namespace Cinnabar.Cli.Tests.Commands;

/// <summary>Options of eval infill and eval likelihood that would do nothing.</summary>
[Collection(ConsoleTests.Name)]
public sealed class EvalInfillOptionTests(TinyModel tiny)
{
    [Theory]
    [InlineData("--probe", "5")]
    [InlineData("--steps", "4")]
    [InlineData("--block", "1")]
    [InlineData("--threshold", "0.5")]
    public async Task Infill_WaysThatAnAutoregressiveModelDoesNotHave_AreRefused(string option, string value)
    {
        string path = Path.Combine(tiny.Folder, "one-way");
        if (!Directory.Exists(path))
        {
            TinyModelFolder.Write(path, config => config with { AttentionKind = AttentionKind.Causal, ShiftLogits = true });
        }

        (int exitCode, string output, string error) = await tiny.Run(
            "eval", "infill", "--corpus", "nowhere", "--model", path, "--threads", "1", option, value);
        Assert.Equal((CommandRunner.Failed, ""), (exitCode, output));
        Assert.Contains($"Expected no {option} for one-way, which writes left to right", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("infill")]
    [InlineData("likelihood")]
    public async Task JsonAndMarkdown_AreNotBoth(string measure)
    {
        (int exitCode, _, string error) = await tiny.RunWithModel("eval", measure, "--corpus", "nowhere", "--json", "--markdown");
        Assert.Equal(CommandRunner.WrongCommandLine, exitCode);
        Assert.Contains("Expected --json or --markdown, found both.", error, StringComparison.Ordinal);
    }
}
