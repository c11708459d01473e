using System.Text;
using Cinnabar.Checkpoints;
using Cinnabar.Checkpoints.Families;
using Cinnabar.Diffusion;
using Cinnabar.Numerics;
using Cinnabar.Sampling;
using Cinnabar.Tests.Models.Plain;

namespace Cinnabar.Tests.Models.Gemma;

public sealed class DiffusionGemmaFamilyTests
{
    // A piece of the configuration, what stands there instead, and the key that the message names.
    public static TheoryData<string, string, string> WrongConfigs => new()
    {
        { "\"text_config\"", "\"other_config\"", "text_config" },
        { "\"canvas_length\": 9,", "", "canvas_length" },
        { "\"canvas_length\": 9,", "\"canvas_length\": 9, \"quantization_config\": { \"num_bits\": 8 },", "quantization_config" },
        { "\"canvas_length\": 9,", "\"canvas_length\": 0,", "canvas_length" },
        { "},\n  \"tie_word_embeddings\": true", "},\n  \"tie_word_embeddings\": false", "tie_word_embeddings" },
        { "\"eos_token_id\": [1, 106]", "\"eos_token_id\": [1, 643]", "eos_token_id" },
        { "\"pad_token_id\": 0,", "", "pad_token_id" },
        { "\"pad_token_id\": 0,", "\"pad_token_id\": 643,", "pad_token_id" },
        { "\"bos_token_id\": 2", "\"bos_token_id\": 643", "bos_token_id" },
        { "\"vocab_size\": 643", "\"vocab_size\": \"643\"", "vocab_size" },
        { "\"hidden_size\": 36,", "", "hidden_size" },
        { "\"num_hidden_layers\": 4", "\"num_hidden_layers\": 5", "layer_types" },
        { "\"full_attention\"]", "\"chunked_attention\"]", "layer_types" },
        { "\"full_attention\"]", "7]", "layer_types" },
        { "\"num_key_value_heads\": 2", "\"num_key_value_heads\": 3", "num_key_value_heads" },
        { "\"num_global_key_value_heads\": 1", "\"num_global_key_value_heads\": 3", "num_global_key_value_heads" },
        { "\"num_global_key_value_heads\": 1, ", "", "num_global_key_value_heads" },
        { "\"head_dim\": 10", "\"head_dim\": 5", "head_dim" },
        { "\"global_head_dim\": 24", "\"global_head_dim\": 9", "global_head_dim" },
        { "\"global_head_dim\": 24", "\"global_head_dim\": 131072", "global_head_dim" },
        { "\"top_k_experts\": 3", "\"top_k_experts\": 8", "top_k_experts" },
        { "\"moe_intermediate_size\": 12,", "", "moe_intermediate_size" },
        { "\"sliding_window\": 7", "\"sliding_window\": 0", "sliding_window" },
        { "\"rope_parameters\"", "\"rope\"", "rope_parameters" },
        { "\"rope_type\": \"proportional\"", "\"rope_type\": \"default\"", "rope_type" },
        { "\"rope_type\": \"default\"", "\"rope_type\": \"yarn\"", "rope_type" },
        { "\"partial_rotary_factor\": 0.25", "\"partial_rotary_factor\": 2", "partial_rotary_factor" },
        { "\"final_logit_softcapping\": 3.0, ", "", "final_logit_softcapping" },
        { "\"final_logit_softcapping\": 3.0", "\"final_logit_softcapping\": 0", "final_logit_softcapping" },
        { "\"attention_bias\": false", "\"attention_bias\": true", "attention_bias" },
        { "gelu_pytorch_tanh", "silu", "hidden_activation" },
        { "\"attention_bias\": false", "\"hidden_size_per_layer_input\": 256", "hidden_size_per_layer_input" },
        { "\"attention_bias\": false", "\"num_kv_shared_layers\": 2", "num_kv_shared_layers" },
    };

    [Theory]
    [MemberData(nameof(WrongConfigs))]
    public void Parse_WrongConfig_NamesTheKey(string old, string changed, string key)
    {
        CinnabarException e = Assert.Throws<CinnabarException>(() => Parse((old, changed)));
        Assert.Contains($"{key}", e.Message);
        Assert.StartsWith("config.json", e.Message);
    }

    [Fact]
    public void Parse_TableLargerThanMemory_NamesTheVocabulary() => Assert.Contains(
        "vocab_size",
        Assert.Throws<CinnabarException>(
            () => Parse(("\"vocab_size\": 643", "\"vocab_size\": 16777216"), ("\"hidden_size\": 36", "\"hidden_size\": 131072"))).Message);

    [Fact]
    public void Parse_Config_TakesEveryValue()
    {
        ModelConfig config = Parse();
        Assert.IsType<DiffusionGemmaFamily>(config.Family);
        Assert.Equal((1, 0, 2), (config.EosTokenId, config.PadTokenId, config.BosTokenId));
        Assert.Equal([106], config.AlsoEndText);
        GemmaConfig gemma = config.Gemma!;
        Assert.Equal((10, 24, 2, 1), (config.HeadSize, gemma.GlobalHeadSize, config.NumKeyValueHeads, gemma.GlobalKeyValueHeads));
        Assert.Equal([true, false, true, false], gemma.SlidingLayers);
        Assert.Equal(3, gemma.GlobalRotaryPairs);
        Assert.Equal([642, 640, 641], gemma.ImageTokenIds);
        Assert.Equal(9, config.Family.Defaults(config).MaxNewTokens);
        Assert.Equal(0.8, config.Family.Defaults(config).Uniform.TemperatureOf(1));
    }

    [Fact]
    public void Parse_TheOlderArchitecture_IsTheSame() =>
        Assert.IsType<DiffusionGemmaFamily>(
            Parse(("DiffusionGemmaForBlockDiffusion", "DiffusionGemma4ModelForBlockDiffusion")).Family);

    // The reference keeps the factor √2816 = 53.066 in the type of the weights.
    [Theory]
    [InlineData("\"other\": 1", 53.06599664568481)]
    [InlineData("\"dtype\": \"bfloat16\"", 53.0)]
    [InlineData("\"torch_dtype\": \"bfloat16\"", 53.0)]
    [InlineData("\"dtype\": \"float32\"", 53.06599664568481)]
    [InlineData("\"dtype\": \"float16\"", 53.0625)]
    public void EmbeddingScale_IsRoundedLikeTheWeights(string type, double expected)
    {
        ModelConfig config = Parse(("\"dtype\": \"bfloat16\"", type), ("\"hidden_size\": 36", "\"hidden_size\": 2816"));
        Assert.Equal(expected, config.Gemma!.EmbeddingScale, 1e-5);
    }

    [Fact]
    public void GenerationConfig_OfTheFolder_SetsTheLoop()
    {
        using TinyGemma folder = new();
        DiffusionModel model = DiffusionModel.Load(folder.Path, KernelTable.Create(threads: 1));
        SamplerOptions options = model.DefaultOptions;
        UniformOptions expected = new()
        {
            Steps = 5, MaxTemperature = 0.9, MinTemperature = 0.5, EntropyBound = 20, StableSteps = 2, MeanEntropy = 0.01,
        };
        Assert.Equal(new SamplerOptions { MaxNewTokens = 20, Uniform = expected }, options);
        Assert.Equal([106, 50], model.TokensFor(exactLength: false).AlsoEndText);
    }

    [Theory]
    [InlineData("{ \"t_max\": 0.4, \"t_min\": 0.4 }", "t_max")]
    [InlineData("{ \"sampler_config\": { \"_cls_name\": \"Other\" } }", "_cls_name")]
    [InlineData("{ \"max_denoising_steps\": 0 }", "max_denoising_steps")]
    [InlineData("{ \"stability_threshold\": -1 }", "stability_threshold")]
    public void GenerationConfig_WrongValue_IsNamed(string json, string key) => Assert.Contains(
        key, Assert.Throws<CinnabarException>(() => GenerationConfig.Parse("g.json", Encoding.UTF8.GetBytes(json))).Message);

    [Fact]
    public void Weights_PublishedSizes_GiveThePublishedCount()
    {
        // The model card's 25.2 billion, of which the experts are 22.84: specification 1.2.
        ModelConfig config = Parse(
            ("\"vocab_size\": 643", "\"vocab_size\": 262144"),
            ("\"hidden_size\": 36", "\"hidden_size\": 2816"),
            ("\"num_hidden_layers\": 4", "\"num_hidden_layers\": 30"),
            ("\"num_attention_heads\": 4", "\"num_attention_heads\": 16"),
            ("\"num_key_value_heads\": 2", "\"num_key_value_heads\": 8"),
            ("\"num_global_key_value_heads\": 1", "\"num_global_key_value_heads\": 2"),
            ("\"global_head_dim\": 24, \"head_dim\": 10", "\"global_head_dim\": 512, \"head_dim\": 256"),
            ("\"intermediate_size\": 28", "\"intermediate_size\": 2112"),
            ("\"moe_intermediate_size\": 12", "\"moe_intermediate_size\": 704"),
            ("\"num_experts\": 7", "\"num_experts\": 128"),
            ("[\"sliding_attention\", \"full_attention\", \"sliding_attention\", \"full_attention\"]", Layers(30)));
        IEnumerable<NetworkWeight> weights = config.Family.Weights(config);
        Assert.InRange(weights.Where(weight => weight.Expert is not null).Sum(Count) / 1e9, 22.83, 22.85);
        Assert.InRange(config.ParameterCount / 1e9, 25.2, 25.3);

        // Of a layer: 22 tensors, among them two of experts, in full layers one less (no v), and the encoder's scalar.
        List<StoredTensor> stored = [.. StoredTensor.All(config)];
        Assert.Equal((25 * 23) + (5 * 22) + 2 + 4, stored.Count);
        Assert.Equal([8192, 2816], ShapeOf("5.self_attn.q_proj.weight"));
        Assert.Equal([128, 1408, 2816], ShapeOf("0.experts.gate_up_proj"));
        Assert.Equal([128, 2816, 704], ShapeOf("29.experts.down_proj"));
        Assert.DoesNotContain(stored, tensor => tensor.Name == "model.decoder.layers.5.self_attn.v_proj.weight");

        int[] ShapeOf(string name) => stored.Single(tensor => tensor.Name == $"model.decoder.layers.{name}").Shape;

        static long Count(NetworkWeight weight) => weight.Shape.Aggregate(1L, (product, size) => product * size);

        static string Layers(int count) =>
            $"[{string.Join(", ", Enumerable.Range(0, count).Select(i => i % 6 == 5 ? "\"full_attention\"" : "\"sliding_attention\""))}]";
    }

    [Fact]
    public void Load_TensorMissing_IsNamed()
    {
        using TinyGemma folder = new();
        folder.Write(folder.Stored.Where(tensor => tensor.Key != "model.decoder.layers.2.router.scale"));
        Assert.Contains("router.scale", Assert.Throws<CinnabarException>(() => ModelFolder.Open(folder.Path)).Message);
    }

    [Fact]
    public void Model_OfUniformNoise_ContinuesTextsAndFillsNoHoles()
    {
        using TinyGemma folder = new();
        DiffusionModel model = DiffusionModel.Load(folder.Path, KernelTable.Create(threads: 1));
        GenerationResult first = model.Generate("int Max(", model.DefaultOptions with { Seed = 4 });
        GenerationResult second = model.Generate("int Max(", model.DefaultOptions with { Seed = 4 });
        Assert.StartsWith("int Max(", first.Text);
        Assert.Equal(first.TokenIds, second.TokenIds);
        Assert.Equal(20, first.Holes[0].CanvasLength);
        Assert.InRange(first.ForwardPasses, 1, 3 * 5);

        // Steps and the bound of entropies are those of its own loop, by whatever name they are asked for.
        Assert.Equal(
            model.Generate("int Max(", model.DefaultOptions with { Uniform = model.DefaultOptions.Uniform with { Steps = 2, EntropyBound = 9 } })
                .TokenIds,
            model.Generate("int Max(", model.DefaultOptions with { Steps = 2, EntropyBound = 9 }).TokenIds);

        foreach (Action refused in (Action[])
            [
                () => model.Infill("a <fill> b"),
                () => model.CanvasFor(TextWithHoles.Parse("a <fill> b")),
                () => _ = new LikelihoodBound(model.Denoiser, model.Kernels),
            ])
        {
            Assert.Contains("random tokens", Assert.Throws<CinnabarException>(refused).Message);
        }
    }

    [Fact]
    public async Task StreamAsync_GivesTheStepsOfGenerate()
    {
        using TinyGemma folder = new();
        DiffusionModel model = DiffusionModel.Load(folder.Path, KernelTable.Create(threads: 1));
        int steps = 0;
        Canvas canvas = model.CanvasFor("int Max(").Canvas;
        await foreach (DenoisingStep step in model.StreamAsync(canvas))
        {
            Assert.Equal(++steps, step.Step);
        }

        GenerationResult expected = model.Generate("int Max(");
        Assert.Equal(expected.Steps, steps);
        Assert.Equal(expected.TokenIds, canvas.Text());
    }

    private static ModelConfig Parse(params (string Old, string New)[] changes)
    {
        string text = PlainConfigs.DiffusionGemma;
        foreach ((string old, string changed) in changes)
        {
            Assert.Contains(old, text);
            text = text.Replace(old, changed, StringComparison.Ordinal);
        }

        return ModelConfig.Parse("config.json", Encoding.UTF8.GetBytes(text));
    }
}
