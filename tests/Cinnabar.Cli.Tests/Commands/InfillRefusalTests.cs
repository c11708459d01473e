namespace Cinnabar.Cli.Tests.Commands;

[Collection(ConsoleTests.Name)]
public sealed class InfillRefusalTests(TinyModel tiny)
{
    [Fact]
    public async Task Infill_MarkerWithoutANumber_IsToldWithItsLine()
    {
        string file = tiny.Write("mistyped.txt", "a <fill:2>\nb <fill:abc> c");

        (int exitCode, string output, string error) = await tiny.RunWithModel("infill", file);

        Assert.Equal((1, ""), (exitCode, output));
        Assert.Contains("found '<fill:abc>' in line 2", error);
    }

    [Fact]
    public async Task Infill_TraceThatIsThere_IsReplacedWithForceAlone()
    {
        string file = tiny.Write("to-trace.txt", "a <fill:2> b");
        string trace = tiny.Write("old-trace.json", "old");

        (int exitCode, string output, string error) = await tiny.RunWithModel("infill", file, "--trace", trace);
        Assert.Equal((1, ""), (exitCode, output));
        Assert.Contains("Expected --trace to name a new file", error);
        Assert.Equal("old", File.ReadAllText(trace));

        (exitCode, _, error) = await tiny.RunWithModel("infill", file, "--trace", trace, "--force");
        Assert.True(exitCode == 0, error);
        Assert.StartsWith("{", File.ReadAllText(trace));
    }

    [Fact]
    public async Task Infill_MarkerBesidePrefixFile_IsAWrongCommandLine()
    {
        string prefix = tiny.Write("before-marker.txt", "a");

        (int exitCode, _, string error) = await tiny.RunWithModel("infill", "--prefix-file", prefix, "--marker", "###");

        Assert.Equal(CommandRunner.WrongCommandLine, exitCode);
        Assert.StartsWith("error: Expected --marker beside a file with markers", error);
    }
}
