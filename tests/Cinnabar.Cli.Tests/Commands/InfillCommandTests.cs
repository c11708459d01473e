using System.Text;
using System.Text.Json;
using Cinnabar.Sampling;
using Cinnabar.Tests;

namespace Cinnabar.Cli.Tests.Commands;

[Collection(ConsoleTests.Name)]
public sealed class InfillCommandTests(TinyModel tiny)
{
    [Fact]
    public async Task Infill_FileWithTwoHoles_KeepsEverythingElse()
    {
        string file = tiny.Write("two.cs", "int a = <fill>;\nint b = <fill:3>;\n");

        (int exitCode, string output, _) = await tiny.RunWithModel("infill", file, "--json", "--hole-tokens", "5");

        Assert.Equal(0, exitCode);
        JsonElement json = JsonDocument.Parse(output).RootElement;
        JsonElement[] holes = [.. json.GetProperty("holes").EnumerateArray()];
        Assert.Equal([5, 3], holes.Select(hole => hole.GetProperty("canvas_length").GetInt32()));
        string[] texts = [.. holes.Select(hole => hole.GetProperty("text").GetString()!)];
        Assert.Equal($"int a = {texts[0]};\nint b = {texts[1]};\n", json.GetProperty("text").GetString());
    }

    [Theory]
    [InlineData("plain <fill> text")]
    [InlineData("\uFEFFusing System;\r\n<fill>\r\nclass A\r\n{\r\n}\r\n")]
    [InlineData("日本 🙂 <fill>\té\u0301 <fill:4>\r end without a line break")]
    [InlineData("<fill>")]
    [InlineData("a<fill:2><fill:2>b")]
    public async Task Infill_ToFile_WritesFrozenBytesUnchanged(string text)
    {
        string file = tiny.Write("frozen.txt", text);
        string result = Path.Combine(tiny.Folder, "frozen-out.txt");

        (int exitCode, string output, string error) = await tiny.RunWithModel(
            "infill", file, "--out", result, "--force", "--json", "--hole-tokens", "6", "--temperature", "1");

        Assert.True(exitCode == 0, error);
        JsonElement found = JsonDocument.Parse(output).RootElement.GetProperty("holes");
        string[] holes = [.. found.EnumerateArray().Select(hole => hole.GetProperty("text").GetString()!)];
        TextWithHoles parsed = TextWithHoles.Parse(text);
        byte[] expected = [.. parsed.Texts.SelectMany((known, i) => Encoding.UTF8.GetBytes(i < holes.Length ? known + holes[i] : known))];
        Assert.Equal(expected, File.ReadAllBytes(result));
    }

    [Fact]
    public async Task Infill_PrintedText_IsExactlyTheFile()
    {
        string file = tiny.Write("exact.txt", "a\r\n\u001b[31mred <fill> end");

        (_, string printed, _) = await tiny.RunWithModel("infill", file);
        (_, string json, _) = await tiny.RunWithModel("infill", file, "--json");

        Assert.Equal(JsonDocument.Parse(json).RootElement.GetProperty("text").GetString(), printed);
        Assert.StartsWith("a\r\n\u001b[31mred ", printed);
        Assert.DoesNotContain('\u001b', json);
    }

    [Fact]
    public async Task Infill_PrefixAndSuffixFile_FillsBetween()
    {
        string prefix = tiny.Write("prefix.txt", "int Max(int a, int b) { return <fill>");
        string suffix = tiny.Write("suffix.txt", "; }\n");

        (int exitCode, string output, _) = await tiny.RunWithModel("infill", "--prefix-file", prefix, "--suffix-file", suffix);

        Assert.Equal(0, exitCode);
        Assert.StartsWith("int Max(int a, int b) { return <fill>", output);
        Assert.EndsWith("; }\n", output);
    }

    [Fact]
    public async Task Infill_Exact_GivesEveryHoleItsLength()
    {
        string file = tiny.Write("exact-length.txt", "int a = <fill:7>; // <fill:2>\n");

        (_, string output, _) = await tiny.RunWithModel(
            "infill", file, "--length", "fixed", "--json", "--temperature", "1", "--seed", "4");

        JsonElement json = JsonDocument.Parse(output).RootElement;
        Assert.Equal([7, 2], json.GetProperty("holes").EnumerateArray().Select(hole => hole.GetProperty("token_ids").GetArrayLength()));
    }

    [Fact]
    public async Task Infill_InPlaceAndOut_AreNotBoth()
    {
        string file = tiny.Write("both.txt", "int a = <fill:2>;\n");
        (int exitCode, _, string error) = await tiny.RunWithModel("infill", file, "-i", "-o", file + ".new");
        Assert.Equal(1, exitCode);
        Assert.Contains("--in-place and --out", error, StringComparison.Ordinal);
        Assert.Equal("int a = <fill:2>;\n", File.ReadAllText(file));
    }

    [Fact]
    public async Task Infill_Probe_TellsLengthsAndWhatFindingThemTook()
    {
        string file = tiny.Write("probe.txt", "int a = <fill:7>; // <fill:4>\n");
        string model = System.IO.Path.Combine(tiny.Folder, "with-bias");
        TinyModelFolder.Write(model);
        File.WriteAllText(
            System.IO.Path.Combine(model, LengthBias.FileName), $"{{\"bias\": [{string.Join(", ", Enumerable.Repeat("0.5", 16))}]}}");

        (int exitCode, string output, string error) =
            await tiny.Run("infill", file, "--length", "probe", "--json", "--threads", "1", "--model", model);

        Assert.True(exitCode == 0, error);
        JsonElement json = JsonDocument.Parse(output).RootElement;
        int[] tokens = [.. json.GetProperty("holes").EnumerateArray().Select(hole => hole.GetProperty("tokens").GetInt32())];
        Assert.Equal(json.GetProperty("new_tokens").GetInt32(), tokens.Sum());
        int passes = json.GetProperty("length_passes").GetInt32();
        Assert.InRange(passes, 2, 11);
        Assert.Contains($"({tokens[0]} + {tokens[1]}), lengths found in {passes} passes, in ", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(2, "--grow-from 1", "--length grow, found it beside --length trim")]
    [InlineData(2, "--length grow --grow-from 0", "found 0")]
    [InlineData(2, "--length long", "long")]
    [InlineData(1, "--length grow", "<|expand|>")]
    [InlineData(1, "--length probe", "length_bias.json")]
    public async Task Infill_LengthThatCannotBe_SaysWhatIsExpected(int expectedExitCode, string options, string expected)
    {
        string file = tiny.Write("length.txt", "a <fill:4> b");

        (int exitCode, string output, string error) = await tiny.RunWithModel(["infill", file, .. options.Split(' ')]);

        Assert.Equal(expectedExitCode, exitCode);
        Assert.Equal("", output);
        Assert.Contains(expected, error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Infill_TextLongerThanContext_KeepsItAllAndSaysSo()
    {
        string around = string.Concat(Enumerable.Range(0, 100).Select(i => $"line {i};\n"));
        string file = tiny.Write("long.txt", around + "<fill:4>" + around);

        (int exitCode, string output, string error) = await tiny.RunWithModel("infill", file);

        Assert.Equal(0, exitCode);
        Assert.StartsWith(around, output);
        Assert.EndsWith(around, output);
        Assert.Contains("were left out", error);
    }

    [Fact]
    public async Task Infill_HolesLargerThanContext_TellsBothNumbers()
    {
        string file = tiny.Write("large.txt", "a <fill:90> b <fill:20> c");

        (int exitCode, _, string error) = await tiny.RunWithModel("infill", file);

        Assert.Equal(1, exitCode);
        Assert.Contains($"{TinyModel.Context} tokens", error);
        Assert.Contains("110 tokens", error);
    }

    [Fact]
    public async Task Infill_OutExists_IsRefusedWithoutForce()
    {
        string file = tiny.Write("input.txt", "a <fill:2> b");

        (int exitCode, _, string error) = await tiny.RunWithModel("infill", file, "--out", file);

        Assert.Equal(1, exitCode);
        Assert.Contains("--force", error);
        Assert.Equal("a <fill:2> b", File.ReadAllText(file));
    }

    [Fact]
    public async Task Infill_InPlace_RewritesTheFile()
    {
        string file = tiny.Write("in-place.txt", "before <fill:2> after");

        (int exitCode, string output, _) = await tiny.RunWithModel("infill", file, "--in-place");

        Assert.Equal(0, exitCode);
        Assert.Equal("", output);
        string text = File.ReadAllText(file);
        Assert.StartsWith("before ", text);
        Assert.EndsWith(" after", text);
        Assert.DoesNotContain("<fill", text);
    }

    [UnixFact]
    public async Task Infill_InPlaceThroughALink_RewritesTheFileBehindIt()
    {
        string file = tiny.Write("behind.txt", "before <fill:2> after");
        string link = Path.Combine(tiny.Folder, "link.txt");
        File.CreateSymbolicLink(link, file);

        (int exitCode, _, string error) = await tiny.RunWithModel("infill", link, "--in-place");

        Assert.True(exitCode == 0, error);
        Assert.Equal(file, new FileInfo(link).LinkTarget);
        Assert.DoesNotContain("<fill", File.ReadAllText(file));
    }

    [Fact]
    public async Task Infill_TraceInTheFileOfTheText_IsRefused()
    {
        string file = tiny.Write("traced.txt", "before <fill:2> after");

        (int exitCode, string output, string error) = await tiny.RunWithModel("infill", file, "--in-place", "--trace", file);

        Assert.Equal((1, ""), (exitCode, output));
        Assert.Contains("Expected --trace to name another file than the text's", error);
        Assert.Equal("before <fill:2> after", File.ReadAllText(file));
    }

    [Fact]
    public async Task Infill_OutInMissingFolder_FailsWithOneLine()
    {
        string file = tiny.Write("to-nowhere.txt", "a <fill:2> b");

        string target = Path.Combine(tiny.Folder, "none", "x.txt");
        (int exitCode, string output, string error) = await tiny.RunWithModel("infill", file, "--out", target);

        Assert.Equal(1, exitCode);
        Assert.Equal("", output);
        Assert.Single(error.TrimEnd().Split('\n'));
    }

    [Fact]
    public async Task Infill_Trace_PrintsEveryStepToStandardError()
    {
        string file = tiny.Write("trace.txt", "known\nvalue = <fill:3>;\nother\n");

        (_, string output, string error) = await tiny.RunWithModel("infill", file, "--trace", "-", "--length", "fixed");

        string[] lines = error.Split(Environment.NewLine);
        Assert.StartsWith("step 1: 1 committed, 2 masks left", lines[0]);
        Assert.Contains("░░", lines[1]);
        Assert.DoesNotContain("known", error);
        Assert.DoesNotContain("░", output);
    }

    [Theory]
    [InlineData(new byte[] { 0x61, 0x00, 0x62 }, "offset 1")]
    [InlineData(new byte[] { 0x61, 0x62, 0xFF, 0xFE }, "offset 2")]
    [InlineData(new byte[] { 0xC3 }, "offset 0")]
    public async Task Infill_BinaryFile_IsRefusedWithItsOffset(byte[] content, string offset)
    {
        string file = tiny.Write("binary.bin", content);

        (int exitCode, string output, string error) = await tiny.RunWithModel("infill", file);

        Assert.Equal(1, exitCode);
        Assert.Equal("", output);
        Assert.Contains(offset, error);
        Assert.Contains("binary.bin", error);
    }

    [Theory]
    [InlineData("no hole here", "<fill>")]
    [InlineData("a <fill:0> b", "found one of 0")]
    [InlineData("a <fill:99999999999999999999> b", "found one of 999999999")]
    public async Task Infill_TextWithoutUsableHole_SaysWhatIsExpected(string text, string expected)
    {
        string file = tiny.Write("no-hole.txt", text);

        (int exitCode, _, string error) = await tiny.RunWithModel("infill", file);

        Assert.Equal(1, exitCode);
        Assert.Contains(expected, error);
    }

    [Fact]
    public async Task Infill_NoFileOrBoth_Exits2()
    {
        (int neither, _, string neitherError) = await tiny.RunWithModel("infill");
        (int both, _, string bothError) = await tiny.RunWithModel("infill", "a.txt", "--prefix-file", "b.txt");

        Assert.Equal(2, neither);
        Assert.Contains("neither", neitherError);
        Assert.Equal(2, both);
        Assert.Contains("both", bothError);
    }

    [Fact]
    public async Task Infill_OtherMarker_LeavesTheUsualOneAlone()
    {
        string file = tiny.Write("marker.txt", "<fill> and ### end");

        (_, string output, _) = await tiny.RunWithModel("infill", file, "--marker", "###", "--hole-tokens", "2");

        Assert.StartsWith("<fill> and ", output);
        Assert.EndsWith(" end", output);
        Assert.DoesNotContain("###", output);
    }

    [Fact]
    public async Task Infill_MissingFile_NamesIt()
    {
        (int exitCode, _, string error) = await tiny.RunWithModel("infill", Path.Combine(tiny.Folder, "missing.cs"));

        Assert.Equal(1, exitCode);
        Assert.Contains("missing.cs", error);
    }
}
