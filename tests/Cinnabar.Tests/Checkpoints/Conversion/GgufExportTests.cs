// Model folders of every family as GGUF files and back, and the model that ships with the program.
using Cinnabar.Checkpoints;
using Cinnabar.Checkpoints.Conversion;
using Cinnabar.Checkpoints.Gguf;
using Cinnabar.Numerics;
using Cinnabar.Tests.Models.Plain;
using static Cinnabar.Tests.Models.DiffusionTransformerFolder;

namespace Cinnabar.Tests.Checkpoints.Conversion;

public sealed class GgufExportTests : IDisposable
{
    private const string Code = "public static int Max(int a, int b)\n{\n    return a > b ? a : b; // naïve 日本\n}\n";

    private readonly TemporaryFolder _folder = new();

    public static TheoryData<string> WithGguf => ["llada", "llada, tied", "llada-moe", "llada-moe, no head_dim", "dream", "rnd1"];

    public static TheoryData<string> WithoutGguf => ["llada2", "sdar", "sdar-moe", "fast-dllm-v2", "open-dcoder", "a2d-qwen2"];

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(WithGguf))]
    public void ThereAndBack_GivesTheSameTensorsAndTokenizer(string family)
    {
        PlainModel plain = PlainModels.Transformer(family);
        using PlainFolder folder = new(plain.Config, plain.Weights);
        Checkpoint source = Checkpoint.Open(folder.Path);
        GgufExport.Write(source, _folder["x.gguf"]);
        FolderExport.Write(Checkpoint.Open(_folder["x.gguf"]), _folder["back"]);

        ModelFolder back = ModelFolder.Open(_folder["back"]);
        Assert.Null(source.Config.FirstDifference(back.Config));
        Assert.Equal(source.Config.HeadSize, back.Config.HeadSize);
        Assert.Equal(source.Config.Experts, back.Config.Experts);
        Assert.Equal(File.ReadAllBytes(Path.Combine(folder.Path, "tokenizer.json")), File.ReadAllBytes(back.TokenizerPath));
        using SafetensorsFile expected = SafetensorsFile.Open(Path.Combine(folder.Path, "model.safetensors"));
        using SafetensorsFile found = SafetensorsFile.Open(Path.Combine(back.Path, "model.safetensors"));
        Assert.Equal(expected.Tensors.Keys.Order(), found.Tensors.Keys.Order());
        Assert.All(expected.Tensors.Keys, name => Assert.Equal(expected.Read(name).Bytes.ToArray(), found.Read(name).Bytes.ToArray()));
    }

    [Fact]
    public void ThereAndBack_KeepsTheChatTemplate()
    {
        const string Template = "{% for m in messages %}<|im_start|>{{ m.role }}\n\"é\"{{ m.content }}{% endfor %}";
        using PlainFolder folder = Llada();
        File.WriteAllText(Path.Combine(folder.Path, "chat_template.jinja"), Template);
        GgufExport.Write(Checkpoint.Open(folder.Path), _folder["x.gguf"]);
        FolderExport.Write(Checkpoint.Open(_folder["x.gguf"]), _folder["back"]);

        using GgufFile file = GgufFile.Open(_folder["x.gguf"]);
        Assert.Equal(Template, file.Metadata.Text("tokenizer.chat_template"));
        Assert.Equal(Template, Checkpoint.Open(_folder["back"]).LoadChatTemplate()!.Template.Text);
        Assert.Equal("<|endoftext|>", Checkpoint.Open(_folder["back"]).LoadChatTemplate()!.EosToken);
    }

    [Fact]
    public void ThereAndBack_KeepsHowTheModelDecodes()
    {
        using PlainFolder folder = Llada();
        File.WriteAllText(Path.Combine(folder.Path, "generation_config.json"), "{\"threshold\": 0.75, \"block_size\": 8}");
        string config = Path.Combine(folder.Path, "config.json");
        string closing = File.ReadAllText(config).Replace(
            "\"vocab_size\"", "\"closes_holes\": true, \"vocab_size\"", StringComparison.Ordinal);
        File.WriteAllText(config, closing);
        Checkpoint source = Checkpoint.Open(folder.Path);
        Assert.Equal((0.75, 8), (source.DefaultOptions.Threshold, source.DefaultOptions.BlockSize));
        GgufExport.Write(source, _folder["x.gguf"]);
        FolderExport.Write(Checkpoint.Open(_folder["x.gguf"]), _folder["back"]);
        Assert.Equal(source.DefaultOptions, Checkpoint.Open(_folder["x.gguf"]).DefaultOptions);
        Assert.Equal(source.DefaultOptions, Checkpoint.Open(_folder["back"]).DefaultOptions);
        Assert.True(Checkpoint.Open(_folder["x.gguf"]).Config.ClosesHoles && Checkpoint.Open(_folder["back"]).Config.ClosesHoles);
    }

    [Theory]
    [MemberData(nameof(WithoutGguf))]
    public void ToGguf_OfAFamilyWithoutArchitecture_IsRefused(string family)
    {
        PlainModel plain = PlainModels.Transformer(family);
        using PlainFolder folder = new(plain.Config, plain.Weights);
        Refused(() => GgufExport.Write(Checkpoint.Open(folder.Path), _folder["x.gguf"]), "of a family that is written as GGUF");
    }

    [Fact]
    public void ToGguf_OfBlockCausalAttention_IsRefused()
    {
        string config = PlainModels.Transformers["llada"].Config.Replace(
            "\"vocab_size\"",
            "\"attention_kind\": \"block_causal\", \"attention_block_size\": 8, \"vocab_size\"",
            StringComparison.Ordinal);
        using PlainFolder folder = new(config, PlainModels.Transformer("llada").Weights);
        Refused(() => GgufExport.Write(Checkpoint.Open(folder.Path), _folder["x.gguf"]), "expected full attention");
    }

    [Theory]
    [InlineData("llada-moe", "norm_topk_prob", "true", "Renormalize = True")]
    [InlineData("rnd1", "norm_topk_prob", "false", "Renormalize = False")]
    public void ToGguf_OfASwitchThatGgufDoesNotSay_IsRefused(string family, string key, string value, string expected)
    {
        PlainModel plain = PlainModels.Transformer(family);
        using PlainFolder folder = new(With(plain.Config, key, value), plain.Weights);
        Action write = () => GgufExport.Write(Checkpoint.Open(folder.Path), _folder["x.gguf"]);
        Refused(write, $"expected a network that the GGUF architecture {family} can describe");
        Refused(write, expected);
    }

    [Fact]
    public void ToGguf_OfLladaMoeWithoutNormsOfHeads_IsRefused()
    {
        (string config, PlainTransformerShape shape) = PlainModels.Transformers["llada-moe"];
        PlainWeights weights = PlainWeights.Random((shape with { NormsHeads = false }).Tensors(), seed: 3);
        using PlainFolder folder = new(With(config, "qk_layernorm", "false"), weights);
        Refused(() => GgufExport.Write(Checkpoint.Open(folder.Path), _folder["x.gguf"]), "norms of heads False");
    }

    // Other programs are told what llama.cpp's converter tells them, this one what the folder says.
    [Fact]
    public void ToGguf_OfLladaWithoutBeginToken_TellsItToOthersAlone()
    {
        using PlainFolder folder = Llada();
        GgufExport.Write(Checkpoint.Open(folder.Path), _folder["x.gguf"]);
        using GgufFile file = GgufFile.Open(_folder["x.gguf"]);
        Assert.True(file.Metadata.Boolean("tokenizer.ggml.add_bos_token"));
        Assert.Equal(3, file.Metadata.Integer("tokenizer.ggml.bos_token_id"));
        Assert.Null(Checkpoint.Open(_folder["x.gguf"]).Config.BosTokenId);
    }

    [Fact]
    public void ToGguf_OverAFile_IsRefused()
    {
        using PlainFolder folder = Llada();
        _folder.Write("x.gguf", [1, 2, 3]);
        Assert.Contains(
            "expected nothing there yet, found a file",
            Assert.Throws<CinnabarException>(() => GgufExport.Write(Checkpoint.Open(folder.Path), _folder["x.gguf"])).Message,
            StringComparison.Ordinal);
        Assert.Equal([1, 2, 3], File.ReadAllBytes(_folder["x.gguf"]));
    }

    [Fact]
    public void ToGguf_ValueTooLargeForF16_LeavesNothing()
    {
        PlainModel plain = PlainModels.Transformer("llada");
        plain.Weights.Tensors["model.transformer.ff_out.weight"].Floats[^1] = 1e6f;
        using PlainFolder folder = new(plain.Config, plain.Weights);
        Refused(
            () => GgufExport.Write(Checkpoint.Open(folder.Path), _folder["x.gguf"], GgmlType.F16),
            "x.gguf: tensor 'output.weight', value 38579: expected a magnitude of at most 65504 for F16, found 1000000");

        GgufExport.Write(Checkpoint.Open(folder.Path), _folder["y.gguf"], GgmlType.F32);
        CinnabarException error = Assert.Throws<CinnabarException>(
            () => FolderExport.Write(Checkpoint.Open(_folder["y.gguf"]), _folder["model"], SafetensorsDType.F16));
        Assert.Contains(
            "model.safetensors: tensor 'model.transformer.ff_out.weight', value 38579: expected a magnitude",
            error.Message,
            StringComparison.Ordinal);
        Assert.Equal([_folder["y.gguf"]], Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public void ToFolder_OfAFolder_IsRefused()
    {
        using PlainFolder folder = Llada();
        Refused(() => FolderExport.Write(Checkpoint.Open(folder.Path), _folder["model"]), "expected a GGUF file to make a folder of");
    }

    [Fact]
    public void ToGguf_PaddedEmbeddings_LeavesThePaddingOut()
    {
        string config = PlainModels.Transformers["llada"].Config.Replace(
            "\"vocab_size\": 643", "\"vocab_size\": 641", StringComparison.Ordinal);
        using PlainFolder folder = new(config, PlainModels.Transformer("llada").Weights);
        GgufExport.Write(Checkpoint.Open(folder.Path), _folder["x.gguf"]);

        using GgufFile file = GgufFile.Open(_folder["x.gguf"]);
        Assert.Equal([641, 60], file.Tensors["token_embd.weight"].Shape);
        Assert.Equal(641, file.Metadata.Texts("tokenizer.ggml.tokens").Count);
        Assert.Equal("[PAD640]", file.Metadata.Texts("tokenizer.ggml.tokens")[640]);
        Assert.Equal(641, Checkpoint.Open(_folder["x.gguf"]).Config.EmbeddingSize);
    }

    [Fact]
    public void ShippedModel_AsGguf_GivesTheSameLogitsAndIds()
    {
        Checkpoint source = Checkpoint.Open(ShippedModels.PathOf("csharp-12m"));
        (GgmlType type, IReadOnlyList<string> notes) = GgufExport.Write(source, _folder["x.gguf"]);

        Assert.Equal(GgmlType.BF16, type);
        Assert.Contains("other programs will use that of gpt-2", Assert.Single(notes), StringComparison.Ordinal);
        DiffusionModel expected = DiffusionModel.Load(source.Path, KernelTable.Create(threads: 1));
        DiffusionModel found = DiffusionModel.Load(_folder["x.gguf"], KernelTable.Create(threads: 1));
        int[] ids = expected.Tokenizer.Encode(Code);
        Assert.Equal(ids, found.Tokenizer.Encode(Code));
        Assert.Equal(expected.Tokenizer.MaskTokenId, found.Tokenizer.MaskTokenId);
        Assert.Null(expected.Config.FirstDifference(found.Config with { RmsNormEps = 1e-5 }));
        int[] rows = [.. Enumerable.Range(0, ids.Length)];
        Assert.Equal(expected.Denoiser.Logits(ids, rows).Floats.ToArray(), found.Denoiser.Logits(ids, rows).Floats.ToArray());

        FolderExport.Write(Checkpoint.Open(_folder["x.gguf"]), _folder["back"]);
        Assert.Equal(
            File.ReadAllBytes(Path.Combine(source.Path, "tokenizer.json")),
            File.ReadAllBytes(Path.Combine(_folder["back"], "tokenizer.json")));
        Assert.Equal(expected.Config, ModelFolder.Open(_folder["back"]).Config with { AlsoEndText = expected.Config.AlsoEndText });
    }

    [Fact]
    public void ShippedInt8Model_AsGguf_IsQ8_0AndCloseToIt()
    {
        Checkpoint source = Checkpoint.Open(ShippedModels.PathOf("csharp-12m-int8"));
        (GgmlType type, _) = GgufExport.Write(source, _folder["x.gguf"]);

        Assert.Equal(GgmlType.Q8_0, type);
        using ModelWeights expected = source.OpenWeights();
        using ModelWeights found = Checkpoint.Open(_folder["x.gguf"]).OpenWeights();
        string name = LladaWeightNames.OfBlock(2, "q_proj");
        float[] exact = expected.Read(name, WeightForm.Exact).Floats.ToArray();
        double error = exact.Zip(found.Read(name, WeightForm.Exact).Floats.ToArray(), (x, y) => Math.Pow(x - y, 2)).Sum();
        Assert.InRange(Math.Sqrt(error / exact.Sum(x => (double)x * x)), 0, 0.01);
    }

    private static PlainFolder Llada()
    {
        PlainModel plain = PlainModels.Transformer("llada");
        return new PlainFolder(plain.Config, plain.Weights);
    }

    private void Refused(Action convert, string expected)
    {
        Assert.Contains(expected, Assert.Throws<CinnabarException>(convert).Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(_folder.Path));
    }
}
