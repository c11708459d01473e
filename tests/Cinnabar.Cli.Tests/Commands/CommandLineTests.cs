using System.CommandLine;

namespace Cinnabar.Cli.Tests.Commands;

[Collection(ConsoleTests.Name)]
public sealed class CommandLineTests(TinyModel tiny)
{
    public static TheoryData<string> CommandNames => [.. Program.CreateRoot().Subcommands.Select(command => command.Name)];

    [Fact]
    public async Task Cinnabar_Alone_PrintsAShortWelcome()
    {
        (int exitCode, string output, string error) = await tiny.Run();

        Assert.Equal(0, exitCode);
        Assert.Equal("", error);
        Assert.InRange(output.TrimEnd().Split('\n').Length, 5, 25);
        Assert.Equal(7, output.Split('\n').Count(line => line.StartsWith("  cinnabar ", StringComparison.Ordinal)));
        Assert.Contains("models/", output);
        Assert.Contains("docs/", output);
    }

    [Theory]
    [MemberData(nameof(CommandNames))]
    public async Task Help_OfEveryCommand_Exits0(string command)
    {
        (int exitCode, string output, _) = await tiny.Run(command, "--help");

        Assert.Equal(0, exitCode);
        // The program is called as its process, which here is the one that runs the tests.
        string shown = output.Replace("testhost", "cinnabar", StringComparison.Ordinal)
            .Replace("Cinnabar.Cli", "cinnabar", StringComparison.Ordinal);
        Assert.Contains($"cinnabar {command}", shown);
    }

    [Theory]
    [InlineData("generate")]
    [InlineData("infill")]
    [InlineData("show")]
    [InlineData("score")]
    [InlineData("proofread")]
    [InlineData("logits")]
    [InlineData("corpus")]
    [InlineData("serve")]
    [InlineData("worker")]
    public void Options_OfTheCommand_TellTheirDefault(string name)
    {
        Command command = Program.CreateRoot().Subcommands.Single(c => c.Name == name);

        string[] silent =
        [
            .. command.Options
                .Where(o => !o.HasDefaultValue && !o.Required && !o.Description!.Contains("[default: ", StringComparison.Ordinal))
                .Select(o => o.Name)
                .Where(o => o is not ("--help" or "--version")),
        ];

        Assert.Empty(silent);
    }

    [Theory]
    [InlineData("generat", "generate")]
    [InlineData("infil", "infill")]
    [InlineData("scor", "score")]
    public async Task UnknownCommand_NamesTheNearest(string typed, string meant)
    {
        (int exitCode, string output, string error) = await tiny.Run(typed, "x");

        Assert.Equal(2, exitCode);
        Assert.Equal("", output);
        Assert.Contains(typed, error);
        Assert.Contains($"Did you mean '{meant}'?", error);
    }

    [Fact]
    public async Task UnknownOption_NamesTheNearest()
    {
        (int exitCode, _, string error) = await tiny.Run("generate", "x", "--temprature", "1");

        Assert.Equal(2, exitCode);
        Assert.Contains("Did you mean '--temperature'?", error);
    }

    [Theory]
    [InlineData("", "generate", "--version")]
    [InlineData("", "serve", "--version")]
    [InlineData(" Did you mean '--temperature'?", "generate", "--temprature=1")]
    [InlineData("", "chat", "-q")]
    [InlineData(" Did you mean '--verbose'?", "infill", "--verbsoe")]
    [InlineData(" Did you mean '--json'?", "show", "--jsn")]
    public async Task UnknownOption_AsTheFirstArgument_IsRefused(string suggestion, params string[] arguments)
    {
        (int exitCode, string output, string error) = await tiny.Run(arguments);

        Assert.Equal((CommandRunner.WrongCommandLine, ""), (exitCode, output));
        Assert.StartsWith($"error: Unrecognized command or argument '{arguments[^1]}'.{suggestion}", error);
        Assert.Equal(suggestion.Length > 0, error.Contains("Did you mean", StringComparison.Ordinal));
    }

    [Fact]
    public async Task UnknownOption_BesideHelp_ShowsTheHelp()
    {
        (int exitCode, string output, string error) = await tiny.Run("generate", "--temprature", "--help");

        Assert.Equal((0, ""), (exitCode, error));
        Assert.Contains("--temperature", output);
    }

    [Fact]
    public async Task Text_BehindTwoDashes_MayLookLikeAnOption()
    {
        (int exitCode, string output, string error) =
            await tiny.Run("generate", "-n", "2", "--model", tiny.Path, "--threads", "1", "--", "--count");

        Assert.True(exitCode == 0, error);
        Assert.StartsWith("--count", output);
    }

    [Theory]
    [InlineData("--port to be a whole number, 0 … 65535, found 'abc'.", "serve", "--port", "abc")]
    [InlineData("--port to be a whole number, 0 … 65535, found '99999999999'.", "serve", "--port", "99999999999")]
    [InlineData("--port to be 0 … 65535, found -1.", "serve", "--port", "-1")]
    [InlineData("--threads to be a whole number, 1 … 1024, found 'all'.", "generate", "x", "--threads", "all")]
    [InlineData("--max-new-tokens to be 1 … 1048576, found 0.", "generate", "x", "-n", "0")]
    [InlineData("--samples to be a whole number, 1 … 1000000, found '1.5'.", "score", "x", "--samples", "1.5")]
    [InlineData("--grow-from to be a whole number, 1 … 1048576, found 'few'.", "infill", "x", "--length", "grow", "--grow-from", "few")]
    [InlineData("--threshold to be a number, 0 … 1000, found 'high'.", "proofread", "x", "--threshold", "high")]
    [InlineData("--threshold to be 0 … 1000, found NaN.", "proofread", "x", "--threshold", "NaN")]
    [InlineData("--probe to be a whole number, 0 … 1000000, found 'x'.", "eval", "infill", "--corpus", "c", "--save-bias", "--probe", "x")]
    [InlineData("--steps to be 1 … 1000000, found 0.", "bench", "train", "--steps", "0")]
    [InlineData("--port to be 0 … 65535, found 65536.", "worker", "--port", "65536")]
    [InlineData("--memory to be a number, 0.001 … 1000000, found 'all'.", "worker", "--memory", "all")]
    [InlineData("--memory to be 0.001 … 1000000, found 0.", "worker", "--memory", "0")]
    [InlineData("--group-size to be 16 … 65536, found 8.", "quantize", "x", "--group-size", "8")]
    public async Task Number_ThatIsNone_IsAWrongCommandLine(string expected, params string[] arguments)
    {
        (int exitCode, string output, string error) = await tiny.Run(arguments);

        Assert.Equal((CommandRunner.WrongCommandLine, ""), (exitCode, output));
        Assert.StartsWith($"error: Expected {expected}", error);
    }

    // Read as the comma between thousands, 0,5 would be 5.
    [Theory]
    [InlineData("generate", "x", "--temperature", "0,5")]
    [InlineData("train", "x", "--learning-rate", "0,5")]
    [InlineData("proofread", "x", "--threshold", "0,5")]
    [InlineData("eval", "infill", "--corpus", "c", "--threshold", "0,5")]
    public async Task Number_WithADecimalComma_IsRefused(params string[] arguments)
    {
        (int exitCode, _, string error) = await tiny.Run(arguments);

        Assert.Equal(CommandRunner.WrongCommandLine, exitCode);
        Assert.StartsWith($"error: Expected {arguments[^2]} to be a number", error);
        Assert.Contains("found '0,5'.", error);
    }

    [Theory]
    [InlineData("--weights to be one of bf16, int8, int4, found 'int2'.", "generate", "x", "--weights", "int2")]
    [InlineData("--to to be one of gguf, safetensors, found 'onnx'.", "convert", "x", "--out", "y", "--to", "onnx")]
    [InlineData("one of sudoku, found 'chess'.", "solve", "chess")]
    [InlineData("one of sudoku, found none.", "solve")]
    [InlineData("one of --tokenizer and --vocab-size, found both.", "corpus", "x", "--out", "y", "--tokenizer", "t", "--vocab-size", "300")]
    public async Task Word_ThatIsUnknown_IsToldWithTheKnown(string expected, params string[] arguments)
    {
        (int exitCode, _, string error) = await tiny.Run(arguments);

        Assert.Equal(CommandRunner.WrongCommandLine, exitCode);
        Assert.StartsWith($"error: Expected {expected}", error);
    }

    [Fact]
    public async Task Text_ThatBeginsWithAt_IsThatText()
    {
        string response = tiny.Write("arguments", "--json");
        foreach (string prompt in (string[])["@Override public", $"@{response}"])
        {
            (int exitCode, string output, string error) = await tiny.RunWithModel("generate", prompt, "-n", "2");

            Assert.True(exitCode == 0, error);
            Assert.StartsWith(prompt, output);
        }
    }

    [Fact]
    public async Task Model_Missing_IsNamed()
    {
        (int exitCode, string output, string error) = await tiny.Run("generate", "x", "--model", "no-such-model");

        Assert.Equal(1, exitCode);
        Assert.Equal("", output);
        Assert.Contains("'no-such-model'", error);
        Assert.DoesNotContain("   at ", error);
    }

    [Fact]
    public async Task Model_Truncated_IsRefused()
    {
        string broken = CopyModel("truncated");
        string weights = Path.Combine(broken, "model.safetensors");
        using (FileStream file = File.OpenWrite(weights))
        {
            file.SetLength(file.Length / 2);
        }

        (int exitCode, string output, string error) = await tiny.Run("generate", "x", "--model", broken);

        Assert.Equal(1, exitCode);
        Assert.Equal("", output);
        Assert.Contains("model.safetensors", error);
    }

    [Fact]
    public async Task Model_WrongConfig_IsRefusedByKey()
    {
        string broken = CopyModel("wrong-config");
        string config = Path.Combine(broken, "config.json");
        File.WriteAllText(config, File.ReadAllText(config).Replace("\"silu\"", "\"gelu\"", StringComparison.Ordinal));

        (int exitCode, _, string error) = await tiny.Run("infill", tiny.Write("any.txt", "<fill>"), "--model", broken);

        Assert.Equal(1, exitCode);
        Assert.Contains("activation_type", error);
    }

    [Fact]
    public async Task Message_AboutAHostileName_HasNoEscapeSequence()
    {
        (int exitCode, _, string error) = await tiny.Run("infill", "\u001b]0;evil\u0007", "--model", tiny.Path);

        Assert.Equal(1, exitCode);
        Assert.DoesNotContain('\u001b', error);
        Assert.DoesNotContain('\u0007', error);
    }

    private string CopyModel(string name)
    {
        string copy = Directory.CreateDirectory(Path.Combine(tiny.Folder, name)).FullName;
        foreach (string file in Directory.GetFiles(tiny.Path))
        {
            File.Copy(file, Path.Combine(copy, Path.GetFileName(file)), overwrite: true);
        }

        return copy;
    }
}
