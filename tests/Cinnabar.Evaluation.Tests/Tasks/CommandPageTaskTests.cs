using System.Text.Json;
using Cinnabar.Evaluation.Tasks;

namespace Cinnabar.Evaluation.Tests.Tasks;

/// <summary>SHA-256 modulo 20, from Python: tar 16, git-commit 17 (train), apt 0 (validation), choco 1 (test).</summary>
public sealed class CommandPageTaskTests
{
    private static readonly CommandPageTask s_task = new();

    [Fact]
    public void Examples_Pages_GiveWhatAUserWouldType()
    {
        using TaskFolder folder = new();
        folder.Write(
            "pages_en.jsonl",
            Page("common", "tar", "# tar\n\n> Archiver.\n\n- E[x]tract or [c]reate:\n\n`tar {{x|c}}`\n\n- IPv[4], file [a]:\n\n`tar a`\n"),
            Page("windows", "choco", "# choco\n\n- Display help:\n\n`choco -?`\n"),
            Page("common", "git-commit", "# git commit\n\n- Commit:\n\n`git commit`\n"),
            Page("linux", "apt", "# apt\n\n- Update:\n\n`sudo apt update`\n"));
        Assert.Equal(
            [
                ("tar: Extract or create\n", "tar {{x|c}}"),
                ("tar: IPv4, file [a]\n", "tar a"),
                ("git commit: Commit\n", "git commit"),
            ],
            folder.Read(s_task, TaskSplit.Train).Select(e => (e.Prompt, e.Reference)));
        Assert.Equal("linux apt: Update\n", Assert.Single(folder.Read(s_task, TaskSplit.Validation)).Prompt);
        Assert.Equal("windows choco: Display help\n", Assert.Single(folder.Read(s_task, TaskSplit.Test)).Prompt);
    }

    [Theory]
    [InlineData("# tar\n- A:\n- B:\n`b`", "two wishes in a row")]
    [InlineData("# tar\n- A:", "none under the last")]
    [InlineData("# tar\n`a`", "a wish ('- …') over every command")]
    [InlineData("- A:\n`a`", "a title")]
    [InlineData("# tar\n- A:\n`a", "one backtick only")]
    public void Examples_MalformedPage_NamesFileAndLine(string page, string expected)
    {
        using TaskFolder folder = new();
        folder.Write("pages_en.jsonl", Page("common", "tar", "# tar\n- A:\n`a`"), Page("common", "tar", page));
        string fault = folder.Fault(s_task, TaskSplit.Train);
        Assert.StartsWith("'pages_en.jsonl', line 2: expected ", fault);
        Assert.Contains(expected, fault);
    }

    [Theory]
    [InlineData("""{"platform": "common", "page": ""}""", "the key \"name\"")]
    [InlineData("""{"platform": "common", "name": 7, "page": ""}""", "a text as \"name\", found a number")]
    [InlineData("""{"platform": "common", "name": "\ud800", "page": ""}""", "half a surrogate pair")]
    [InlineData("""{"platform": "common", "name": "a", "name": "b"}""", "valid JSON without a key twice")]
    [InlineData("""{"\ud800": "common"}""", "expected")]
    [InlineData("""["name"]""", "a JSON object, found a list")]
    [InlineData("""{"platform": """, "valid JSON")]
    [InlineData("", "valid JSON")]
    public void Examples_MalformedLine_NamesFileAndLine(string line, string expected)
    {
        using TaskFolder folder = new();
        folder.Write("pages_en.jsonl", Page("common", "tar", "# tar\n- A:\n`a`"), line);
        string fault = folder.Fault(s_task, TaskSplit.Train);
        Assert.StartsWith("'pages_en.jsonl', line 2: ", fault);
        Assert.Contains(expected, fault);
    }

    [Fact]
    public void Examples_DeepJson_Throws()
    {
        using TaskFolder folder = new();
        folder.Write("pages_en.jsonl", new string('[', 100_000));
        Assert.Contains("'pages_en.jsonl', line 1", folder.Fault(s_task, TaskSplit.Train));
    }

    private static string Page(string platform, string name, string page) =>
        JsonSerializer.Serialize(new Dictionary<string, string> { ["platform"] = platform, ["name"] = name, ["page"] = page });
}
