using System.Text;
using System.Text.Json;
using Cinnabar.Training.Corpora;

namespace Cinnabar.Cli.Tests.Commands;

/// <summary>proofread, and eval proofread.</summary>
[Collection(ConsoleTests.Name)]
public sealed class ProofreadCommandTests(TinyModel tiny)
{
    private const string Text = "\uFEFFpublic static int Max(int a, int b)\r\n{\r\n    return a > b ? a : b; // naïve 🙂\r\n}\r\n";

    [Fact]
    public async Task Json_NamesPlacesOfTheFile()
    {
        string file = tiny.Write("proofread.cs", Encoding.UTF8.GetBytes(Text));

        (int exitCode, string output, string error) = await tiny.RunWithModel(
            "proofread", file, "--threshold", "0", "--places", "0", "--most", "3", "--json");

        Assert.True(exitCode == 0, error);
        JsonElement json = JsonDocument.Parse(output).RootElement;
        Assert.Equal("tiny", json.GetProperty("model").GetString());
        JsonElement[] places = [.. json.GetProperty("suggestions").EnumerateArray()];
        Assert.InRange(places.Length, 1, 3);
        Assert.All(places, place =>
        {
            int start = place.GetProperty("start").GetInt32();
            Assert.Equal(place.GetProperty("text").GetString(), Text.Substring(start, place.GetProperty("length").GetInt32()));
            Assert.Equal(Text.AsSpan(0, start).Count('\n') + 1, place.GetProperty("line").GetInt32());
            Assert.NotEmpty(place.GetProperty("replacements").EnumerateArray());
        });
        (_, string again, _) = await tiny.Run(
            "proofread", file, "--threshold", "0", "--places", "0", "--most", "3", "--json", "--model", tiny.Path, "--threads", "3");
        Assert.Equal(output, again);
    }

    [Fact]
    public async Task Plain_PrintsTwoLinesAPlaceWithoutEscapes()
    {
        string file = tiny.Write("proofread2.cs", Encoding.UTF8.GetBytes(Text));

        (int exitCode, string output, string error) = await tiny.RunWithModel(
            "proofread", file, "--threshold", "0", "--places", "0", "--most", "1");

        Assert.True(exitCode == 0, error);
        Assert.Equal(2, output.TrimEnd().Split('\n').Length);
        Assert.Matches(@"^\d+:\d+: ", output);
        Assert.Contains("⟦", output);
        Assert.Contains("    → ", output);
        Assert.DoesNotContain('\e', output);
        Assert.Contains("1 suggestion of", error);
    }

    [Fact]
    public async Task NothingSuspicious_PrintsNothing()
    {
        (int exitCode, string output, string error) = await tiny.RunWithModel(
            "proofread", tiny.Write("proofread3.cs", Text), "--threshold", "1000");
        (int emptyCode, string empty, _) = await tiny.RunWithModel("proofread", tiny.Write("proofread4.cs", ""));

        Assert.Equal((0, "", 0, ""), (exitCode, output, emptyCode, empty));
        Assert.Contains("0 suggestions", error);
    }

    [Fact]
    public async Task Fix_PrintsOrWritesTheWholeText()
    {
        string file = tiny.Write("proofread5.cs", Encoding.UTF8.GetBytes(Text));
        string target = Path.Combine(tiny.Folder, "proofread5.fixed.cs");

        (int exitCode, string output, string error) = await tiny.RunWithModel("proofread", file, "--fix", "--threshold", "1000");
        (int writtenCode, string nothing, _) = await tiny.RunWithModel("proofread", file, "--fix", "--threshold", "1000", "--out", target);
        (int refusedCode, _, string refused) = await tiny.RunWithModel("proofread", file, "--fix", "--out", target);
        (int editedCode, string edited, string edits) = await tiny.RunWithModel(
            "proofread", file, "--fix", "--threshold", "0", "--places", "0", "--most", "1");

        Assert.True(exitCode == 0, error);
        Assert.Equal(Text, output);
        Assert.Equal((0, ""), (writtenCode, nothing));
        Assert.Equal(Encoding.UTF8.GetBytes(Text), File.ReadAllBytes(target));
        Assert.Equal(1, refusedCode);
        Assert.Contains("exists", refused);
        Assert.Equal(0, editedCode);
        Assert.NotEqual(Text, edited);
        Assert.DoesNotContain('\n', edited.Replace("\r\n", "", StringComparison.Ordinal));
        Assert.Matches(@"\d+:\d+: '.*' → .* \(", edits);
    }

    [Theory]
    [InlineData("--threshold", "1001")]
    [InlineData("--threshold", "nan")]
    [InlineData("--most", "0")]
    [InlineData("--places", "101")]
    [InlineData("--out", "x")]
    public async Task WrongOption_IsNamed(string option, string value)
    {
        (int exitCode, _, string error) = await tiny.RunWithModel("proofread", tiny.Write("proofread6.cs", Text), option, value);

        Assert.Equal(2, exitCode);
        Assert.Contains(option, error);
    }

    [Fact]
    public async Task Eval_ReportsEachKindAndModel()
    {
        string code = Directory.CreateDirectory(Path.Combine(tiny.Folder, "proofread-code")).FullName;
        for (int i = 0; i < 12; i++)
        {
            IEnumerable<string> lines = Enumerable.Range(0, 40)
                .Select(line => $"    int count{line * i} = {(i * 7) + line} + Max(a{line}, {i});\n");
            File.WriteAllText(Path.Combine(code, $"Part{i}.cs"), $"class Part{i}\n{{\n{string.Concat(lines)}}}\n");
        }

        string corpus = Path.Combine(tiny.Folder, "proofread-corpus");
        new CorpusBuilder(new CorpusOptions
        {
            Sources = [new CorpusSource { Folder = code, Name = "own" }],
            NearDuplicateSimilarity = 1.0,
            MinCompressedShare = 0,
            MaxDataShare = 1,
            TokenizerPath = Path.Combine(tiny.Path, "tokenizer.json"),
            TestShare = 0.4,
            Threads = 1,
        }).Build(corpus);

        (int exitCode, string output, string error) = await tiny.RunWithModel(
            "eval", "proofread", "--corpus", corpus, "--count", "2", "--json", "--compare", tiny.Path);
        (int plainCode, string plain, _) = await tiny.RunWithModel("eval", "proofread", "--corpus", corpus, "--count", "2");

        Assert.True(exitCode == 0, error);
        JsonElement json = JsonDocument.Parse(output).RootElement;
        Assert.Equal("proofread", json.GetProperty("task").GetString());
        JsonElement[] results = [.. json.GetProperty("results").EnumerateArray()];
        Assert.Equal(2, results.Length);
        JsonElement all = results[0].GetProperty("groups").EnumerateArray().Last();
        Assert.Equal("all", all.GetProperty("group").GetString());
        Assert.Equal(2, all.GetProperty("pieces").GetInt32());
        Assert.Equal(
            ["auc", "found", "best_token", "repaired"], all.GetProperty("measures").EnumerateObject().Select(member => member.Name));
        Assert.InRange(all.GetProperty("measures").GetProperty("auc").GetProperty("value").GetDouble(), 0, 1);
        JsonElement difference = Assert.Single(json.GetProperty("differences").EnumerateArray());
        Assert.Equal("tiny", difference.GetProperty("less").GetString());
        Assert.Equal(0, difference.GetProperty("value").GetDouble());
        Assert.Equal(0, plainCode);
        Assert.Contains("AUC", plain);
    }
}
