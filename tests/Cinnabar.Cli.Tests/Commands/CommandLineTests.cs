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
