// The golden models of llama.cpp (F32 by its gguf-py, the others by its llama-quantize) through a folder and back.
using Cinnabar.Checkpoints;
using Cinnabar.Checkpoints.Conversion;
using Cinnabar.Checkpoints.Gguf;
using Cinnabar.Tests.Models;
using Cinnabar.Tests.Sampling.Golden;

namespace Cinnabar.Tests.Checkpoints.Conversion;

public sealed class GoldenConversionTests : IDisposable
{
    // The name is that of the file. Dream ends a turn with <|im_end|>, which its GGUF files do not say but its folders mean.
    private static readonly string[] s_otherKeys =
        ["general.name", "general.quantization_version", "general.file_type", "tokenizer.ggml.eot_token_id"];

    private readonly TemporaryFolder _folder = new();

    public static TheoryData<string> Models => ["llada-tiny", "llada-tied", "dream-tiny", "llada-moe-tiny", "rnd1-tiny"];

    public void Dispose() => _folder.Dispose();

    [GoldenTheory]
    [MemberData(nameof(Models))]
    public void ToFolder_OfF32_GivesTheLogitsOfLlamaCpp(string model)
    {
        SafetensorsDType type = FolderExport.Write(Checkpoint.Open(Golden(model, "F32")), _folder["model"]);

        Assert.Equal(SafetensorsDType.F32, type);
        double error = GoldenLogits.ErrorOf(_folder["model"], model + "-F32");
        Assert.True(error <= 1e-5, $"{model}: relative error {error:E2}.");
    }

    [GoldenTheory]
    [MemberData(nameof(Models))]
    public void ToFolderAndBack_GivesTheSameTensorsAndKeys(string model)
    {
        FolderExport.Write(Checkpoint.Open(Golden(model, "F32")), _folder["model"]);
        (GgmlType type, IReadOnlyList<string> notes) = GgufExport.Write(Checkpoint.Open(_folder["model"]), _folder["back.gguf"]);

        Assert.Equal(GgmlType.F32, type);
        Assert.Empty(notes);
        using GgufFile expected = GgufFile.Open(Golden(model, "F32"));
        using GgufFile found = GgufFile.Open(_folder["back.gguf"]);
        AssertSameTensors(expected, found);
        string width = $"{found.Metadata.Text("general.architecture")}.feed_forward_length";
        int? turn = model.StartsWith("llada-ti", StringComparison.Ordinal) ? null : 292;
        Assert.Equal(turn, found.Metadata.OptionalInteger("tokenizer.ggml.eot_token_id"));

        // With experts alone there is no dense layer whose width could be kept.
        bool hasExperts = found.Metadata.Find(width) is null;
        Assert.Equal(model is "llada-moe-tiny" or "rnd1-tiny", hasExperts);
        string[] other = hasExperts ? [.. s_otherKeys, width] : s_otherKeys;
        Assert.Equal(KeysOf(expected, other), KeysOf(found, other));
        Assert.Equal(0, found.Metadata.Integer("general.file_type"));
        Assert.Equal(2, found.Metadata.Integer("general.quantization_version"));
    }

    [GoldenTheory]
    [InlineData("llada-tiny", "Q8_0")]
    [InlineData("llada-tiny", "Q4_0")]
    [InlineData("llada-tiny", "BF16")]
    [InlineData("llada-tiny", "F16")]
    [InlineData("llada-tied", "F16")]
    [InlineData("dream-tiny", "Q8_0")]
    [InlineData("dream-tiny", "F16")]
    [InlineData("llada-moe-tiny", "Q4_0")]
    [InlineData("llada-moe-tiny", "BF16")]
    [InlineData("rnd1-tiny", "Q4_0")]
    [InlineData("rnd1-tiny", "Q8_0")]
    public void FolderToAnotherType_GivesTheTensorsOfLlamaQuantize(string model, string type)
    {
        FolderExport.Write(Checkpoint.Open(Golden(model, "F32")), _folder["model"]);
        GgufExport.Write(Checkpoint.Open(_folder["model"]), _folder["x.gguf"], Enum.Parse<GgmlType>(type));

        using GgufFile expected = GgufFile.Open(Golden(model, type));
        using GgufFile found = GgufFile.Open(_folder["x.gguf"]);
        AssertSameTensors(expected, found);
        Assert.Equal(expected.Metadata.Integer("general.file_type", 0, 1000), found.Metadata.Integer("general.file_type"));
    }

    [GoldenTheory]
    [InlineData("dream-tiny", "F16")]
    [InlineData("llada-tiny", "BF16")]
    [InlineData("llada-tiny", "Q8_0")]
    [InlineData("llada-moe-tiny", "Q4_0")]
    public void ToGguf_OfAGgufFile_KeepsTypeAndValues(string model, string type)
    {
        (GgmlType chosen, _) = GgufExport.Write(Checkpoint.Open(Golden(model, type)), _folder["x.gguf"]);

        Assert.Equal(type, chosen.ToString());
        double error = GoldenLogits.ErrorOf(_folder["x.gguf"], $"{model}-{type}");
        Assert.True(error <= (type.StartsWith('Q') ? 0.01 : 1e-5), $"{model}-{type}: relative error {error:E2}.");
    }

    [GoldenTheory]
    [InlineData("dream-tiny", "F16", SafetensorsDType.F16, 1e-5)]
    [InlineData("rnd1-tiny", "BF16", SafetensorsDType.BF16, 1e-5)]
    [InlineData("llada-tiny", "Q8_0", SafetensorsDType.BF16, 0.02)]
    [InlineData("dream-k", "Q4_K", SafetensorsDType.BF16, 0.02)]
    public void ToFolder_OfOtherTypes_KeepsThemOrWritesBf16(string model, string type, SafetensorsDType expected, double bound)
    {
        Assert.Equal(expected, FolderExport.Write(Checkpoint.Open(Golden(model, type)), _folder["model"]));

        double error = GoldenLogits.ErrorOf(_folder["model"], $"{model}-{type}");
        Assert.True(error <= bound, $"{model}-{type}: relative error {error:E2}.");
    }

    [GoldenFact]
    public void ToGguf_RowsOfNoWholeBlocks_AreF16AndNoted()
    {
        (_, IReadOnlyList<string> notes) =
            GgufExport.Write(Checkpoint.Open(Golden("llada-tied", "F32")), _folder["x.gguf"], GgmlType.Q8_0);

        Assert.Equal(
            "the rows of 2 tensors are no whole blocks of Q8_0; they are F16: 'blk.0.ffn_down.weight', 'blk.1.ffn_down.weight'",
            Assert.Single(notes));
        using GgufFile file = GgufFile.Open(_folder["x.gguf"]);
        Assert.Equal(GgmlType.F16, file.Tensors["blk.1.ffn_down.weight"].Type);
        Assert.Equal(GgmlType.Q8_0, file.Tensors["blk.1.ffn_up.weight"].Type);
        Assert.True(GoldenLogits.ErrorOf(_folder["x.gguf"], "llada-tied-F32") is > 1e-4 and < 0.05);
    }

    [GoldenFact]
    public void ToFolder_SomethingThere_IsRefused()
    {
        Directory.CreateDirectory(_folder["model"]);
        CinnabarException error = Assert.Throws<CinnabarException>(
            () => FolderExport.Write(Checkpoint.Open(Golden("llada-tiny", "F32")), _folder["model"]));
        Assert.Contains("model: expected nothing there yet, found a folder. Choose", error.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(_folder["model"]));
    }

    private static void AssertSameTensors(GgufFile expected, GgufFile found)
    {
        Assert.Equal(expected.Tensors.Keys.Order(), found.Tensors.Keys.Order());
        byte[] theirs = File.ReadAllBytes(expected.Path);
        byte[] ours = File.ReadAllBytes(found.Path);
        foreach (GgufTensor tensor in expected.Tensors.Values)
        {
            GgufTensor other = found.Tensors[tensor.Name];
            Assert.Equal(tensor.ToString(), other.ToString());
            Assert.True(
                theirs.AsSpan((int)tensor.Offset, (int)tensor.ByteCount)
                    .SequenceEqual(ours.AsSpan((int)other.Offset, (int)other.ByteCount)),
                $"{tensor.Name} differs.");
        }
    }

    private static SortedDictionary<string, string> KeysOf(GgufFile file, string[] except)
    {
        SortedDictionary<string, string> keys = new(StringComparer.Ordinal);
        foreach ((string key, GgufValue value) in file.Metadata.Where(pair => !except.Contains(pair.Key)))
        {
            keys.Add(key, value.Content is Array array ? $"{value}: {string.Join("\n", array.Cast<object>())}" : value.ToString());
        }

        return keys;
    }

    private static string Golden(string model, string type) => Path.Combine(GoldenFolder.Path!, "models", $"{model}-{type}.gguf");
}
