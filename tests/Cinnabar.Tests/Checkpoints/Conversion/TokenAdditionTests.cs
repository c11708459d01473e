using System.Text.Json;
using Cinnabar.Checkpoints;
using Cinnabar.Checkpoints.Conversion;
using Cinnabar.Numerics;
using Cinnabar.Tests.Models.Plain;
using Cinnabar.Tokenizers;
using static Cinnabar.Tests.Models.DiffusionTransformerFolder;

namespace Cinnabar.Tests.Checkpoints.Conversion;

public sealed class TokenAdditionTests : IDisposable
{
    private const string Code = "int Square(int x) => x * x;\n";

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Write_ShippedModel_KnowsOneTokenMoreAndSaysTheSameOfAllOthers()
    {
        ModelFolder source = ModelFolder.Open(ShippedModels.PathOf("csharp-12m"));
        int id = TokenAddition.Write(source, _folder["more"], Tokenizer.ExpandToken);

        DiffusionModel before = DiffusionModel.Load(source.Path, KernelTable.Create(threads: 1));
        DiffusionModel after = DiffusionModel.Load(_folder["more"], KernelTable.Create(threads: 1));
        Assert.Equal(before.Tokenizer.VocabularySize, id);
        Assert.Equal(id, after.Tokenizer.TokenToId(Tokenizer.ExpandToken));
        Assert.True(after.Tokenizer.IsSpecial(id));
        Assert.Equal(8193, after.Config.VocabularySize);
        Assert.Equal(8200, after.Config.EmbeddingSize);
        Assert.False(before.GrowsHoles);
        Assert.True(after.GrowsHoles);

        int[] ids = after.Tokenizer.Encode(Code);
        Assert.Equal(before.Tokenizer.Encode(Code), ids);
        int[] rows = [.. Enumerable.Range(0, ids.Length)];
        Tensor expected = before.Denoiser.Logits(ids, rows);
        Tensor found = after.Denoiser.Logits(ids, rows);
        foreach (int row in rows)
        {
            ReadOnlySpan<float> known = expected.Row(row);
            Assert.Equal(known.ToArray(), found.Row(row)[..known.Length].ToArray());

            // The head is the table here, and a row of means has the mean of the logits.
            Assert.InRange(found.Row(row)[id] - known.ToArray().Average(), -0.05, 0.05);
        }

        // It is never written unless a hole may grow.
        Assert.Contains(id, after.TokensFor(exactLength: false).NeverEmitted);
        Assert.Equal(id, after.TokensForGrowth().ExpandTokenId);
        Assert.DoesNotContain(id, after.TokensForGrowth().NeverEmitted);
    }

    [Fact]
    public void Write_TokenThatIsThereOrIntegerWeights_AreRefused()
    {
        ModelFolder source = ModelFolder.Open(ShippedModels.PathOf("csharp-12m"));
        Assert.Contains(
            "without the token",
            Assert.Throws<CinnabarException>(() => TokenAddition.Write(source, _folder["x"], "<|mask|>")).Message,
            StringComparison.Ordinal);
        ModelFolder integers = ModelFolder.Open(ShippedModels.PathOf("csharp-12m-int8"));
        Assert.Contains(
            "floating-point weights",
            Assert.Throws<CinnabarException>(() => TokenAddition.Write(integers, _folder["x"], Tokenizer.ExpandToken)).Message,
            StringComparison.Ordinal);
        Assert.False(Directory.Exists(_folder["x"]));
    }

    // The tokenizers of RND1 and MDLM lack the mask, which has the first id behind theirs.
    [Fact]
    public void Write_MaskThatTheTokenizerLacks_IsNotTheNewToken()
    {
        PlainModel plain = PlainModels.Transformer("rnd1");
        using PlainFolder source = new(With(plain.Config, "mask_token_id", "640"), plain.Weights);
        Assert.Equal(641, Add(source.Path));

        ModelFolder written = ModelFolder.Open(_folder["more"]);
        Assert.Equal(641, written.LoadTokenizer().TokenToId(Tokenizer.ExpandToken));
        Assert.Equal((640, 643, 643), (written.Config.MaskTokenId, written.Config.VocabularySize, written.Config.EmbeddingSize));
    }

    [Fact]
    public void Write_MaskThatTheTokenizerAloneNames_IsKept()
    {
        PlainModel plain = PlainModels.Transformer("open-dcoder");
        using PlainFolder source = new(With(plain.Config, "mask_token_id", null), plain.Weights);
        Assert.Equal(640, Add(source.Path));
        Assert.Equal(ModelFolder.Open(source.Path).Config.MaskTokenId, ModelFolder.Open(_folder["more"]).Config.MaskTokenId);
    }

    [Fact]
    public void Write_MaskThatIsTheLastOfTheVocabulary_IsRefusedUnlessItIsNamed()
    {
        string config = With(PlainConfigs.Mdlm, "vocab_size", "641");
        PlainWeights weights = PlainWeights.Random(PlainModels.DiffusionTransformerShape(config).Tensors(), seed: 3);
        using PlainFolder derived = new(config, weights);
        Assert.Contains("Add the key mask_token_id with the value 640", Refused(derived.Path), StringComparison.Ordinal);

        using PlainFolder named = new(With(config, "mask_token_id", "640"), weights);
        Assert.Equal(641, Add(named.Path));
        ModelFolder written = ModelFolder.Open(_folder["more"]);
        Assert.Equal((640, 648), (written.Config.MaskTokenId, written.Config.EmbeddingSize));

        // The head of this family has a bias.
        using ModelWeights read = written.OpenWeights();
        float[] bias = read.Read(DiffusionTransformerWeights.HeadBias).Floats.ToArray();
        double mean = bias[..641].Average(value => (double)value);
        Assert.All(bias[641..], value => Assert.Equal(mean, value, 1e-6));
    }

    [Fact]
    public void Write_RowsThatNoKeyAtTheRootSays_AreRefused()
    {
        string config = PlainConfigs.DiffusionGemma.Replace("\"vocab_size\": 643", "\"vocab_size\": 640", StringComparison.Ordinal);
        PlainGemmaShape shape = PlainModels.Gemma with { Vocabulary = 640 };
        using PlainFolder source = new(config, PlainWeights.Random(shape.Tensors(), seed: 3));
        Assert.Contains("found one of the family diffusion-gemma that does not", Refused(source.Path), StringComparison.Ordinal);
    }

    [Fact]
    public void Write_TokenizerInItsOldForm_BecomesATokenizerJson()
    {
        string path = _folder["old"];
        TinyModelFolder.Write(path);
        WriteOldForm(path);
        int tokens = ModelFolder.Open(path).LoadTokenizer().VocabularySize;
        Assert.Equal(tokens, Add(path));
        Tokenizer written = Tokenizer.Load(Path.Combine(_folder["more"], "tokenizer.json"));
        Assert.Equal(tokens, written.TokenToId(Tokenizer.ExpandToken));
        Assert.Equal(Tokenizer.Load(path).Encode(Code), written.Encode(Code));
    }

    private int Add(string path) => TokenAddition.Write(ModelFolder.Open(path), _folder["more"], Tokenizer.ExpandToken);

    private string Refused(string path)
    {
        string message = Assert.Throws<CinnabarException>(() => Add(path)).Message;
        Assert.False(Directory.Exists(_folder["more"]));
        return message;
    }

    // vocab.json, merges.txt and tokenizer_config.json in place of tokenizer.json.
    private static void WriteOldForm(string path)
    {
        string file = Path.Combine(path, "tokenizer.json");
        using JsonDocument tokenizer = JsonDocument.Parse(File.ReadAllBytes(file));
        File.Delete(file);
        JsonElement model = tokenizer.RootElement.GetProperty("model");
        IEnumerable<string> merges = model.GetProperty("merges").EnumerateArray().Select(merge => merge.ValueKind == JsonValueKind.String
            ? merge.GetString()! : string.Join(' ', merge.EnumerateArray().Select(part => part.GetString())));
        IEnumerable<string> added = tokenizer.RootElement.GetProperty("added_tokens").EnumerateArray()
            .Select(token => $"\"{token.GetProperty("id").GetInt32()}\": {token.GetRawText()}");
        File.WriteAllText(Path.Combine(path, "vocab.json"), model.GetProperty("vocab").GetRawText());
        File.WriteAllText(Path.Combine(path, "merges.txt"), string.Concat(merges.Select(merge => merge + "\n")));
        File.WriteAllText(
            Path.Combine(path, "tokenizer_config.json"),
            $"{{\"tokenizer_class\": \"Qwen2Tokenizer\", \"added_tokens_decoder\": {{{string.Join(", ", added)}}}}}");
    }
}
