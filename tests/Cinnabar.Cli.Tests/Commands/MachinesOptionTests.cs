using Cinnabar.Machines;
using Cinnabar.Numerics;
using Cinnabar.Tests;

namespace Cinnabar.Cli.Tests.Commands;

[Collection(ConsoleTests.Name)]
public sealed class MachinesOptionTests(TinyModel tiny)
{
    [Theory]
    [InlineData("generate")]
    [InlineData("infill")]
    [InlineData("score")]
    [InlineData("proofread")]
    [InlineData("logits")]
    [InlineData("serve")]
    [InlineData("chat")]
    public async Task Help_OfCommandsThatLoadAModel_NamesTheOption(string command)
    {
        (int exitCode, string output, _) = await tiny.Run(command, "--help");

        Assert.Equal(0, exitCode);
        Assert.Contains("--machines <addresses>", output);
        Assert.Contains("--machines-key-file <file>", output);
    }

    [Fact]
    public async Task KeyFile_WithoutMachines_IsAWrongCommandLine()
    {
        (int exitCode, string output, string error) = await tiny.RunWithModel("generate", "x", "--machines-key-file", "key.txt");

        Assert.Equal((2, ""), (exitCode, output));
        Assert.StartsWith("error: Expected --machines with --machines-key-file, found none.", error);
    }

    [Theory]
    [InlineData("", "found ''.")]
    [InlineData("box:0", "found 'box:0'.")]
    [InlineData("a,,b", "found ''.")]
    [InlineData("a,a", "Expected each machine once, found a:5318 again.")]
    public async Task Machines_NoAddresses_AreRefused(string addresses, string said)
    {
        (int exitCode, string output, string error) = await tiny.RunWithModel("generate", "x", "--machines", addresses);

        Assert.NotEqual(0, exitCode);
        Assert.Equal("", output);
        Assert.Contains(said, error);
        Assert.DoesNotContain("defect in Cinnabar", error);
    }

    [Fact]
    public async Task Machines_KeyFileThatIsNotThere_IsOneSentence()
    {
        (int exitCode, _, string error) = await tiny.RunWithModel(
            "generate", "x", "--machines", "127.0.0.1:1", "--machines-key-file", Path.Combine(tiny.Folder, "no-such-key"));

        Assert.Equal(1, exitCode);
        Assert.Contains("expected a file with the key of the machines, found that it cannot be read.", error);
        Assert.Single(error.Trim().Split('\n'));
    }

    [Fact]
    public async Task Machines_NobodyThere_IsOneSentence()
    {
        (int exitCode, string output, string error) = await tiny.RunWithModel("generate", "x", "--machines", "127.0.0.1:1");

        Assert.Equal((1, ""), (exitCode, output));
        Assert.StartsWith("error: Expected a machine that computes layers at 127.0.0.1:1, found: ", error);
        Assert.Single(error.Trim().Split('\n'));
    }

    [Fact]
    public async Task Machines_MoreLayersThanTheModelHas_IsOneSentence()
    {
        using LayerWorker worker = Worker();

        (int exitCode, _, string error) = await tiny.RunWithModel("generate", "x", "--machines", $"{worker.EndPoint}=2");

        Assert.Equal(1, exitCode);
        Assert.Contains("each of 2 machines, this one among them, found 2 layers, of which 2 go to machines", error);
    }

    [Theory]
    [InlineData("generate", "int a", "-n", "8")]
    [InlineData("generate", "int a", "-n", "8", "--weights", "int8")]
    [InlineData("generate", "int a", "-n", "8", "--exact")]
    [InlineData("score", "text.txt")]
    [InlineData("infill", "--prefix-file", "text.txt", "--suffix-file", "text.txt", "--hole-tokens", "5")]
    public async Task Machines_GiveWhatAllLayersHereGive(params string[] arguments)
    {
        string file = tiny.Write("text.txt", "int a = b;");
        arguments = [.. arguments.Select(argument => argument == "text.txt" ? file : argument)];
        using LayerWorker worker = Worker();
        (int expectedCode, string expected, string expectedError) = await tiny.RunWithModel(arguments);

        (int exitCode, string output, string error) = await tiny.RunWithModel([.. arguments, "--machines", $"{worker.EndPoint}"]);

        Assert.True(expectedCode == 0, expectedError);
        Assert.True(exitCode == 0, error);
        Assert.Equal(WithoutTimes(expected), WithoutTimes(output));
    }

    [Fact]
    public async Task Machines_ModelThatCannotBeDivided_IsRefused()
    {
        using LayerWorker worker = Worker();
        string path = Path.Combine(tiny.Folder, "latents-divided");
        TinyModelFolder.Write(path, TinyModelFolder.WithLatents);

        (int exitCode, _, string error) = await tiny.Run(
            "generate", "x", "--model", path, "--threads", "1", "--machines", $"{worker.EndPoint}");

        Assert.Equal(1, exitCode);
        Assert.Contains("Expected a network whose layers can be on several machines", error);
        Assert.Contains("Leave --machines out.", error);
    }

    private static LayerWorker Worker()
    {
        LayerWorker worker = new(KernelTable.Create(threads: 1), new LayerWorkerOptions { Port = 0 }, _ => { });
        worker.Start();
        return worker;
    }

    private static string WithoutTimes(string output) =>
        string.Join('\n', output.Split('\n').Where(line => !line.Contains(" s", StringComparison.Ordinal)));
}
