using System.Buffers.Binary;
using System.Text;
using System.Text.Json;
using Cinnabar.Checkpoints;
using Cinnabar.Numerics;
using Cinnabar.Tests;

namespace Cinnabar.Cli.Tests.Commands;

/// <summary>show, logits, score and corpus.</summary>
[Collection(ConsoleTests.Name)]
public sealed class MeasuringCommandTests(TinyModel tiny)
{
    [Fact]
    public async Task Show_Json_DescribesTheModel()
    {
        (int exitCode, string output, _) = await tiny.Run("show", tiny.Path, "--json");

        Assert.Equal(0, exitCode);
        JsonElement json = JsonDocument.Parse(output).RootElement;
        Assert.Equal("tiny", json.GetProperty("model").GetString());
        Assert.Equal(tiny.Model.Config.ParameterCount, json.GetProperty("parameters").GetInt64());
        Assert.Equal(32, json.GetProperty("config").GetProperty("d_model").GetInt32());
        Assert.Equal(12, json.GetProperty("generation_config").GetProperty("max_new_tokens").GetInt32());
        Assert.Equal(0, json.GetProperty("tokenizer").GetProperty("special_tokens").GetProperty("<|mask|>").GetInt32());
        Assert.Equal(5, json.GetProperty("files").GetArrayLength());
        Assert.Equal("mit", json.GetProperty("licence").GetString());
    }

    [Fact]
    public async Task Show_Plain_PrintsALineEach()
    {
        (int exitCode, string output, _) = await tiny.Run("show", tiny.Path);

        Assert.Equal(0, exitCode);
        Assert.Contains("2 layers, width 32", output);
        Assert.Contains("rotary base 10000", output);
        Assert.Contains("licence                 mit", output);
    }

    // Its config.json has a rope_theta all the same, as LLaDA's layout wants.
    [Fact]
    public async Task Show_LearnedPositions_TellsOfNoRotaryBase()
    {
        string path = Path.Combine(tiny.Folder, "learned-positions");
        TinyModelFolder.Write(path, config => config with { LearnedPositions = true });
        (int exitCode, string output, _) = await tiny.Run("show", path);
        Assert.Equal(0, exitCode);
        Assert.Contains("learned positions", output);
        Assert.DoesNotContain("rotary", output);

        (_, output, _) = await tiny.Run("show", path, "--json");
        Assert.False(JsonDocument.Parse(output).RootElement.GetProperty("network").TryGetProperty("rope_theta", out _));
        (_, output, _) = await tiny.Run("show", tiny.Path, "--json");
        Assert.Equal(10_000, JsonDocument.Parse(output).RootElement.GetProperty("network").GetProperty("rope_theta").GetDouble());
    }

    [Fact]
    public async Task Logits_OfIds_AreANumPyFileOfTheNetworksOutput()
    {
        string file = Path.Combine(tiny.Folder, "x.npy");

        (int exitCode, string output, string error) = await tiny.RunWithModel("logits", "--ids", "3, 40,41", "--out", file);

        Assert.True(exitCode == 0, error);
        Assert.Equal("", output);
        byte[] npy = File.ReadAllBytes(file);
        Assert.Equal([0x93, (byte)'N', (byte)'U', (byte)'M', (byte)'P', (byte)'Y', 1, 0], npy[..8]);
        int data = 10 + BinaryPrimitives.ReadUInt16LittleEndian(npy.AsSpan(8));
        int vocabulary = tiny.Model.Config.VocabularySize;
        Assert.Equal(0, data % 64);
        Assert.Equal(
            $"{{'descr': '<f4', 'fortran_order': False, 'shape': (3, {vocabulary}), }}",
            Encoding.ASCII.GetString(npy[10..data]).TrimEnd());
        Assert.Equal((byte)'\n', npy[data - 1]);
        Tensor expected = tiny.Model.Denoiser.Logits([3, 40, 41], [0, 1, 2]);
        Assert.Equal(expected.Bytes.ToArray(), npy[data..]);
    }

    [Theory]
    [InlineData("bf16", WeightForm.BF16)]
    [InlineData("int8", WeightForm.Int8)]
    [InlineData("int4", WeightForm.Int4)]
    public async Task Logits_Weights_AreOfANetworkInTheFormAskedFor(string type, WeightForm form)
    {
        string file = Path.Combine(tiny.Folder, $"{type}.npy");
        (int exitCode, _, string error) = await tiny.RunWithModel("logits", "--ids", "3,40,41", "--out", file, "--weights", type);
        Assert.True(exitCode == 0, error);
        DiffusionModel model = DiffusionModel.Load(tiny.Path, tiny.Model.Kernels, form);
        byte[] expected = model.Denoiser.Logits([3, 40, 41], [0, 1, 2]).Bytes.ToArray();
        Assert.Equal(expected, File.ReadAllBytes(file)[^expected.Length..]);

        // The file holds BF16.
        bool isAsStored = expected.AsSpan().SequenceEqual(tiny.Model.Denoiser.Logits([3, 40, 41], [0, 1, 2]).Bytes);
        Assert.Equal(form == WeightForm.BF16, isAsStored);
    }

    [Fact]
    public async Task Logits_FileThatExists_IsReplacedOnlyWithForce()
    {
        string file = tiny.Write("mine.npy", "mine");
        string[] command = ["logits", "--ids", "3", "--out", file];

        (int exitCode, _, string error) = await tiny.RunWithModel(command);
        Assert.Equal(CommandRunner.Failed, exitCode);
        Assert.Contains($"Expected --out to name a new file, found that '{file}' exists.", error);
        Assert.Equal("mine", File.ReadAllText(file));

        Assert.Equal(0, (await tiny.RunWithModel([.. command, "--force"])).ExitCode);
        Assert.StartsWith("\u0093NUMPY", Encoding.Latin1.GetString(File.ReadAllBytes(file)), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("1,2,300000", 1, "300000")]
    [InlineData("1,x", 2, "'x'")]
    [InlineData("", 2, "--ids")]
    [InlineData("1,-2", 2, "'-2'")]
    public async Task Logits_WrongIds_AreNamed(string ids, int expectedExitCode, string expected)
    {
        (int exitCode, _, string error) = await tiny.RunWithModel("logits", "--ids", ids, "--out", Path.Combine(tiny.Folder, "none.npy"));

        Assert.Equal(expectedExitCode, exitCode);
        Assert.Contains(expected, error);
        Assert.False(File.Exists(Path.Combine(tiny.Folder, "none.npy")));
    }

    [Fact]
    public async Task Logits_IdsTwice_AreAWrongCommandLine()
    {
        (int exitCode, _, string error) = await tiny.RunWithModel(
            "logits", "--ids", "1,2", "--ids", "3", "--out", Path.Combine(tiny.Folder, "none.npy"));

        Assert.Equal(2, exitCode);
        Assert.Contains("Expected --ids once, found it 2 times.", error);
    }

    [Fact]
    public async Task Logits_MoreIdsThanContext_TellsBothNumbers()
    {
        string ids = string.Join(',', Enumerable.Repeat(7, TinyModel.Context + 1));

        (int exitCode, _, string error) = await tiny.RunWithModel("logits", "--ids", ids, "--out", Path.Combine(tiny.Folder, "none.npy"));

        Assert.Equal(1, exitCode);
        Assert.Contains($"{TinyModel.Context} ids", error);
        Assert.Contains($"{TinyModel.Context + 1}", error);
    }

    [Fact]
    public async Task Score_RandomModel_IsNearUniform()
    {
        string text = string.Concat(Enumerable.Range(0, 40).Select(i => $"value {i * 7919 % 1000} is {(char)('a' + (i % 26))}\n"));
        string file = tiny.Write("score.txt", text);

        (int exitCode, string output, string error) = await tiny.RunWithModel("score", file, "--samples", "8", "--json");

        Assert.True(exitCode == 0, error);
        JsonElement json = JsonDocument.Parse(output).RootElement;
        int tokens = json.GetProperty("tokens").GetInt32();
        // Weights of deviation 0.02 give logits near 0: every token costs about log2 V bits.
        double uniform = tokens * Math.Log2(tiny.Model.Config.VocabularySize) / text.Length;
        Assert.InRange(json.GetProperty("bits_per_byte").GetDouble(), 0.98 * uniform, 1.02 * uniform);
        Assert.InRange(json.GetProperty("standard_error").GetDouble(), 1e-9, 0.05 * uniform);
        Assert.Equal((tokens + TinyModel.Context - 1) / TinyModel.Context, json.GetProperty("windows").GetInt32());
        Assert.Equal(text.Length, json.GetProperty("bytes").GetInt32());

        (_, string again, _) = await tiny.Run("score", file, "--samples", "8", "--model", tiny.Path, "--threads", "3", "--json");
        JsonElement same = JsonDocument.Parse(again).RootElement;
        Assert.Equal(json.GetProperty("bits_per_byte").GetDouble(), same.GetProperty("bits_per_byte").GetDouble());
    }

    [Fact]
    public async Task Score_EmptyFile_IsRefused()
    {
        (int exitCode, _, string error) = await tiny.RunWithModel("score", tiny.Write("empty.txt", ""));

        Assert.Equal(1, exitCode);
        Assert.Contains("empty", error);
    }

    [Fact]
    public async Task Corpus_OfAFolder_IsBuiltAndSummarised()
    {
        string code = Directory.CreateDirectory(Path.Combine(tiny.Folder, "code")).FullName;
        for (int i = 0; i < 12; i++)
        {
            IEnumerable<string> methods = Enumerable.Range(0, 12)
                .Select(m => $"    public int {Word(i, m)}(int {Word(m, i)}) => {Word(m, i)} * {(i * 31) + m};\n");
            File.WriteAllText(Path.Combine(code, $"File{i}.cs"), $"class {Word(i, 99)}\n{{\n{string.Concat(methods)}}}\n");
        }

        File.WriteAllText(Path.Combine(code, "notes.txt"), "not of this corpus");
        string corpus = Path.Combine(tiny.Folder, "corpus");

        (int exitCode, string output, string error) = await tiny.Run(
            "corpus", code, "--out", corpus, "--vocab-size", "300", "--extensions", ".cs", "--threads", "2", "--json");

        Assert.True(exitCode == 0, error);
        JsonElement json = JsonDocument.Parse(output).RootElement;
        Assert.Equal(300, json.GetProperty("vocabulary_size").GetInt32());
        Assert.Equal(12, json.GetProperty("splits").EnumerateObject().Sum(split => split.Value.GetProperty("documents").GetInt32()));
        Assert.Equal(0, json.GetProperty("held_out_repeats").GetProperty("test").GetProperty("documents").GetInt32());
        Assert.True(File.Exists(Path.Combine(corpus, "tokenizer.json")));
    }

    [Fact]
    public async Task Corpus_MissingFolder_IsNamed()
    {
        (int exitCode, _, string error) = await tiny.Run(
            "corpus", Path.Combine(tiny.Folder, "nowhere"), "--out", Path.Combine(tiny.Folder, "corpus2"));

        Assert.Equal(1, exitCode);
        Assert.Contains("nowhere", error);
    }

    // A made-up word, so that the files are not duplicates of each other.
    private static string Word(int a, int b)
    {
        int state = (a * 7919) + (b * 104_729) + 17;
        return string.Concat(Enumerable.Range(0, 7).Select(_ => (char)('a' + ((state = (state * 1_103_515_245) + 12_345) >>> 16) % 26)));
    }
}
