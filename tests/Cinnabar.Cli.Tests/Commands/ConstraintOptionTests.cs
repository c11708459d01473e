using System.Text.Json;
using System.Text.RegularExpressions;
using Cinnabar.Tests;

namespace Cinnabar.Cli.Tests.Commands;

/// <summary>--regex, --json-schema and --json-object of the commands that write text.</summary>
[Collection(ConsoleTests.Name)]
public sealed class ConstraintOptionTests(TinyModel tiny)
{
    private const string Schema = """{"type":"object","properties":{"a":{"enum":[1,"x",null]},"b":{"type":"boolean"}},"required":["a"]}""";

    [Theory]
    [InlineData("0")]
    [InlineData("1.5")]
    public async Task Generate_EachOption_Holds(string temperature)
    {
        string schema = tiny.Write("schema.json", Schema);
        (string[] Option, Func<string, bool> Holds)[] cases =
        [
            (["--regex", "(ab|é){2,4}=[0-9]+"], text => Regex.IsMatch(text, "\\A(ab|é){2,4}=[0-9]+\\z")),
            (["--json-object"], text => JsonElement.Parse(text).ValueKind == JsonValueKind.Object),
            (["--json-schema", schema], text => JsonElement.Parse(text).GetProperty("a").GetRawText() is "1" or "\"x\"" or "null"),
        ];
        foreach ((string[] option, Func<string, bool> holds) in cases)
        {
            (int exitCode, string output, string error) = await tiny.RunWithModel(
                ["generate", "int x = ", "--max-new-tokens", "30", "--temperature", temperature, "--json", .. option]);
            Assert.True(exitCode == 0, error);
            string text = JsonElement.Parse(output).GetProperty("holes")[0].GetProperty("text").GetString()!;
            Assert.True(holds(text), text);
            Assert.Equal($"int x = {text}", JsonElement.Parse(output).GetProperty("text").GetString());
        }
    }

    [Fact]
    public async Task Generate_SchemaWithAByteOrderMark_Holds()
    {
        string schema = tiny.Write("marked.json", "\uFEFF{\"type\": \"boolean\"}");
        (int exitCode, string output, string error) = await tiny.RunWithModel(
            "generate", "bool b = ", "--json-schema", schema, "--max-new-tokens", "8");
        Assert.True(exitCode == 0, error);
        Assert.Matches("^bool b = (true|false)\n\\z", output);
    }

    [Fact]
    public async Task Infill_EveryHole_Holds()
    {
        string file = tiny.Write("constrained.txt", "a = <fill:6>;\r\nb = <fill:9>;\r\n");
        (int exitCode, string output, string error) = await tiny.RunWithModel(
            "infill", file, "--regex", "[0-9]{1,4}|x\\n", "--temperature", "1");
        Assert.True(exitCode == 0, error);
        Assert.Matches("^a = ([0-9]{1,4}|x\r\n);\r\nb = ([0-9]{1,4}|x\r\n);\r\n\\z", output);
    }

    [Fact]
    public async Task Chat_OneAnswer_Holds()
    {
        string chat = Path.Combine(tiny.Folder, "tiny-chat-constrained");
        TinyModelFolder.Write(chat);
        File.WriteAllText(Path.Combine(chat, "chat_template.jinja"), "{% for m in messages %}{{ m.content }}\n{% endfor %}");
        (int exitCode, string output, string error) = await tiny.Run(
            "chat", "hi", "--regex", "yes|no", "--model", chat, "--threads", "1", "--temperature", "1", "-n", "8");
        Assert.True(exitCode == 0, error);
        Assert.Contains(output.TrimEnd(), (string[])["yes", "no"]);
    }

    [Theory]
    [InlineData("a(", "a(")]
    [InlineData("(?=a)", "(?=")]
    [InlineData("[0-9]{40}", "the shortest needs 40")]
    public async Task WrongPattern_IsOneLine(string pattern, string says)
    {
        (int exitCode, string output, string error) = await tiny.RunWithModel("generate", "x", "--regex", pattern, "--max-new-tokens", "8");
        Assert.Equal(1, exitCode);
        Assert.Equal("", output);
        Assert.StartsWith("error: ", error);
        Assert.Single(error.TrimEnd().Split('\n'));
        Assert.Contains(says, error);
    }

    [Fact]
    public async Task WrongSchemaOrFile_IsOneLine()
    {
        string[] files =
            [tiny.Write("no-json.json", "{"), tiny.Write("unknown.json", "{\"not\":{}}"), Path.Combine(tiny.Folder, "none.json")];
        foreach ((string file, string says) in files.Zip((string[])["JSON", "'not'", "none.json"]))
        {
            (int exitCode, _, string error) = await tiny.RunWithModel("generate", "x", "--json-schema", file);
            Assert.Equal(1, exitCode);
            Assert.Single(error.TrimEnd().Split('\n'));
            Assert.Contains(says, error);
        }
    }

    [Fact]
    public async Task EvalConstraints_EveryTextIsValid()
    {
        string longer = Path.Combine(tiny.Folder, "tiny-longer");
        TinyModelFolder.Write(longer, config => config with { MaxSequenceLength = 256 });
        (int exitCode, string output, string error) = await tiny.Run(
            "eval", "constraints", "--count", "12", "--json", "--steps", "3", "--model", longer, "--threads", "1");
        Assert.True(exitCode == 0, error);
        Assert.DoesNotContain("invalid", error);
        JsonElement json = JsonElement.Parse(output);
        JsonElement[] results = [.. json.GetProperty("results").EnumerateArray()];
        Assert.Equal(6, results.Length);
        foreach (JsonElement result in results)
        {
            Assert.Equal(12, result.GetProperty("texts").GetInt32() + result.GetProperty("too_long").GetInt32());
            Assert.InRange(result.GetProperty("texts").GetInt32(), 6, 12);
            Assert.Equal(result.GetProperty("texts").GetInt32(), result.GetProperty("valid").GetInt32());
            Assert.True(double.IsFinite(result.GetProperty("overhead_percent").GetDouble()));
        }

        Assert.Equal(
            ["regex", "json_schema"],
            json.GetProperty("preparation").EnumerateArray().Select(kind => kind.GetProperty("kind").GetString()));
        (_, string table, _) = await tiny.Run("eval", "constraints", "--count", "1", "--model", longer, "--threads", "1");
        Assert.Contains("overhead", table);
    }

    [Theory]
    [InlineData("generate")]
    [InlineData("infill")]
    [InlineData("chat")]
    public async Task SeveralOptions_Exit2AndHelpNamesThem(string command)
    {
        (int exitCode, _, string error) = await tiny.RunWithModel(command, "x", "--regex", "a", "--json-object");
        Assert.Equal(2, exitCode);
        Assert.Contains("one of --regex, --json-schema and --json-object", error);

        (_, string help, _) = await tiny.Run(command, "--help");
        Assert.Contains("--regex <pattern>", help);
        Assert.Contains("--json-schema <file>", help);
        Assert.Contains("--json-object", help);
    }
}
