using System.Text;
using System.Text.Json;
using Cinnabar.Checkpoints;
using Cinnabar.Numerics;
using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Tests.Checkpoints;

public sealed class ModelConfigTests
{
    [Fact]
    public void Parse_Llada8B_HasItsSizes()
    {
        ModelConfig config = Parse(LladaConfigs.Llada8B);
        Assert.Equal(
            (4096, 32, 32, 32, 12288),
            (config.HiddenSize, config.NumHiddenLayers, config.NumAttentionHeads, config.NumKeyValueHeads, config.IntermediateSize));
        Assert.Equal((126464, 126464, 4096, 128), (config.VocabularySize, config.EmbeddingSize, config.MaxSequenceLength, config.HeadSize));
        Assert.Equal((126336, 126081, 126081, null), (config.MaskTokenId, config.EosTokenId, config.PadTokenId, config.BosTokenId));
        Assert.Equal(
            (1e-5, 500_000.0, false, AttentionKind.Full, false),
            (config.RmsNormEps, config.RopeTheta, config.WeightTying, config.AttentionKind, config.ShiftLogits));
        // 8.02 billion in the paper, 6.98 without the embeddings on both sides; here the head counts as a matrix product.
        Assert.Equal(8_015_581_184, config.ParameterCount);
        Assert.Equal(8_015_581_184 - (126464L * 4096), config.NonEmbeddingParameterCount);
    }

    [Theory]
    [InlineData(AttentionKind.Causal, true, true)]
    [InlineData(AttentionKind.Causal, false, false)]
    [InlineData(AttentionKind.Full, true, false)]
    [InlineData(AttentionKind.BlockCausal, true, false)]
    public void IsAutoregressive_TakesCausalAttentionAndShiftedLogits(AttentionKind kind, bool shift, bool expected) =>
        Assert.Equal(expected, (Parse(LladaConfigs.Tiny) with { AttentionKind = kind, ShiftLogits = shift }).IsAutoregressive);

    [Fact]
    public void Parse_Tiny_FillsInWhatMayBeAbsent()
    {
        ModelConfig config = Parse(LladaConfigs.Tiny);
        Assert.Equal(11, config.EmbeddingSize);
        Assert.Equal(config.ParameterCount, config.NonEmbeddingParameterCount);
        Assert.Equal(4, ModelConfig.Parse("c", LladaConfigs.TinyWith("n_kv_heads", null)).NumKeyValueHeads);
        Assert.Equal(4, ModelConfig.Parse("c", LladaConfigs.TinyWith("n_kv_heads", "null")).NumKeyValueHeads);
        Assert.Equal(3, ModelConfig.Parse("c", LladaConfigs.TinyWith("bos_token_id", "3")).BosTokenId);
    }

    [Fact]
    public void ToJson_ThenParse_SameConfigurationAndSameBytes()
    {
        ModelConfig config = Parse(LladaConfigs.Tiny) with
        {
            AttentionKind = AttentionKind.BlockCausal, AttentionBlockSize = 4, ShiftLogits = true, BosTokenId = 3,
            RmsNormEps = 1e-6, RopeTheta = 12345.5,
            EmbeddingSize = 128, WeightTying = false,
        };
        ModelConfig own = Parse(LladaConfigs.Tiny) with { ClosesHoles = true, ShiftLogits = true, CausalInfill = true };
        foreach (ModelConfig each in (ModelConfig[])[config, own])
        {
            byte[] json = each.ToJson();
            Assert.Equal(each, ModelConfig.Parse("c", json));
            Assert.Equal(json, ModelConfig.Parse("c", json).ToJson());
        }
    }

    [Fact]
    public void ToJson_PlainModel_HasEveryLladaKeyInOrderAndNoneOfOurs()
    {
        using JsonDocument json = JsonDocument.Parse(Parse(LladaConfigs.Llada8B).ToJson());
        string[] keys = [.. json.RootElement.EnumerateObject().Select(property => property.Name)];
        Assert.Equal(keys.Order(StringComparer.Ordinal), keys);
        using JsonDocument published = JsonDocument.Parse(LladaConfigs.Llada8B);
        foreach (JsonProperty property in published.RootElement.EnumerateObject().Where(property => property.Name != "some_new_key"))
        {
            Assert.True(json.RootElement.TryGetProperty(property.Name, out JsonElement value), property.Name);
            Assert.True(JsonElement.DeepEquals(property.Value, value), $"{property.Name}: {value}");
        }

        string[] own = ["attention_kind", "attention_block_size", "shift_logits", "closes_holes", "causal_infill"];
        Assert.Empty(keys.Intersect(own));
    }

    [Fact]
    public void Save_ThenLoad_SameConfiguration()
    {
        using TemporaryFolder folder = new();
        ModelConfig config = Parse(LladaConfigs.Tiny);
        config.Save(folder["config.json"]);
        Assert.Equal(config, ModelConfig.Load(folder["config.json"]));
    }

    [Fact]
    public void FirstDifference_OfEveryProperty_IsFound()
    {
        ModelConfig config = Parse(LladaConfigs.Tiny) with { AttentionKind = AttentionKind.BlockCausal, AttentionBlockSize = 4 };
        (string Key, ModelConfig Other)[] others =
        [
            ("attention_block_size", config with { AttentionBlockSize = 8 }),
            ("attention_kind", config with { AttentionKind = AttentionKind.Causal }),
            ("bos_token_id", config with { BosTokenId = 3 }),
            ("causal_infill", config with { CausalInfill = true }),
            ("closes_holes", config with { ClosesHoles = true }),
            ("d_model", config with { HiddenSize = 16 }),
            ("embedding_size", config with { EmbeddingSize = 12 }),
            ("eos_token_id", config with { EosTokenId = 5 }),
            ("latents", config with { Latents = TinyModelFolder.WithLatents(config).Latents }),
            ("mask_token_id", config with { MaskTokenId = 5 }),
            ("max_sequence_length", config with { MaxSequenceLength = 17 }),
            ("mlp_hidden_size", config with { IntermediateSize = 13 }),
            ("n_heads", config with { NumAttentionHeads = 2 }),
            ("n_kv_heads", config with { NumKeyValueHeads = 1 }),
            ("n_layers", config with { NumHiddenLayers = 1 }),
            ("pad_token_id", config with { PadTokenId = 5 }),
            ("quantization_config", config with { Quantization = new(DType.Int8, null) }),
            ("rms_norm_eps", config with { RmsNormEps = 1e-6 }),
            ("rope", config with { LearnedPositions = true }),
            ("rope_theta", config with { RopeTheta = 10_001 }),
            ("shift_logits", config with { ShiftLogits = true }),
            ("vocab_size", config with { VocabularySize = 10 }),
            ("weight_tying", config with { WeightTying = false }),
        ];
        Assert.All(others, other => Assert.Equal(other.Key, config.FirstDifference(other.Other)?.Key));

        // What the LLaDA layout does not have, other families have.
        string[] foreign =
        [
            nameof(ModelConfig.Family), nameof(ModelConfig.HeadSize), nameof(ModelConfig.RotaryDimensions), nameof(ModelConfig.Experts),
            nameof(ModelConfig.QueryKeyValueBias), nameof(ModelConfig.QueryKeyNorm), nameof(ModelConfig.AlsoEndText),
            nameof(ModelConfig.Gemma), nameof(ModelConfig.NoiseConditioning), nameof(ModelConfig.AttentionBlockIsAssumed),
        ];
        Assert.Equal(
            typeof(ModelConfig).GetProperties().Count(property => property.CanWrite && !foreign.Contains(property.Name)), others.Length);
        Assert.Equal(("rope_theta", "10000.0", "10001.0"), config.FirstDifference(config with { RopeTheta = 10_001, VocabularySize = 10 }));
        Assert.Null(config.FirstDifference(ModelConfig.Parse("c", config.ToJson())));
    }

    [Fact]
    public void ToJson_SizesThatDoNotFit_Throws() =>
        Assert.Throws<CinnabarException>(() => (Parse(LladaConfigs.Tiny) with { NumAttentionHeads = 3 }).ToJson());

    [Fact]
    public void ToJson_HeadsTooWideForTheirAngles_Throws()
    {
        ModelConfig config = Parse(LladaConfigs.Tiny) with { HiddenSize = 4 * ModelConfig.WidestHead };
        Assert.Null(config.FirstDifference(ModelConfig.Parse("c", config.ToJson())));
        ModelConfig wider = config with { HiddenSize = 4 * (ModelConfig.WidestHead + 2) };
        string message = Assert.Throws<CinnabarException>(() => wider.ToJson()).Message;
        Assert.Contains("an even width of at most 4096", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("d_model", "width of the hidden states")]
    [InlineData("n_layers", "number of transformer blocks")]
    [InlineData("n_heads", "number of attention heads")]
    [InlineData("mlp_hidden_size", "width of the feed-forward layer")]
    [InlineData("vocab_size", "number of token ids")]
    [InlineData("max_sequence_length", "longest sequence")]
    [InlineData("rms_norm_eps", "RMSNorm")]
    [InlineData("rope_theta", "rotary frequencies")]
    [InlineData("weight_tying", "whether the head")]
    [InlineData("mask_token_id", "masked position")]
    [InlineData("eos_token_id", "ends a text")]
    [InlineData("pad_token_id", "fills up a batch")]
    [InlineData("activation_type", "activation")]
    [InlineData("architectures", "architecture")]
    [InlineData("block_type", "transformer block")]
    [InlineData("layer_norm_type", "norm")]
    [InlineData("model_type", "family")]
    [InlineData("rope", "rotations")]
    public void Parse_MissingKey_NamesItAndItsPurpose(string key, string purpose)
    {
        foreach (string? json in (string?[])[null, "null"])
        {
            CinnabarException error = Assert.Throws<CinnabarException>(
                () => ModelConfig.Parse("dir/config.json", LladaConfigs.TinyWith(key, json)));
            Assert.Contains($"dir/config.json: expected the key {key} (", error.Message, StringComparison.Ordinal);
            Assert.Contains(purpose, error.Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("d_model", "0", "from 1 to 131072")]
    [InlineData("d_model", "-8", "'-8'")]
    [InlineData("d_model", "8.0", "a whole number")]
    [InlineData("d_model", "\"8\"", "'\"8\"'")]
    [InlineData("d_model", "1e999", "'1e999'")]
    [InlineData("d_model", "99999999999999999999", "a whole number")]
    [InlineData("d_model", "[8]", "'[8]'")]
    [InlineData("d_model", "7", "a divisor of d_model 7")]
    [InlineData("n_layers", "0", "from 1 to 1024")]
    [InlineData("n_layers", "2147483647", "from 1 to 1024")]
    [InlineData("n_heads", "3", "a divisor of d_model 8", "found 3")]
    [InlineData("n_heads", "8", "an even width", "width 1")]
    [InlineData("n_kv_heads", "3", "a divisor of n_heads 4", "found 3")]
    [InlineData("n_kv_heads", "8", "a divisor of n_heads 4")]
    [InlineData("n_kv_heads", "0", "from 1")]
    [InlineData("mlp_hidden_size", "true", "'true'")]
    [InlineData("vocab_size", "0", "from 1")]
    [InlineData("vocab_size", "2147483647", "from 1 to 16777216")]
    [InlineData("vocab_size", "2", "mask_token_id: expected an id below vocab_size 2, found 2")]
    [InlineData("embedding_size", "10", "at least vocab_size 11", "found 10")]
    [InlineData("max_sequence_length", "0", "from 1")]
    [InlineData("rms_norm_eps", "0", "a number from 1E-12 to 0.1")]
    [InlineData("rms_norm_eps", "1e999", "'1e999'")]
    [InlineData("rms_norm_eps", "\"NaN\"", "a number")]
    [InlineData("rope_theta", "0.5", "a number from 1")]
    [InlineData("rope_theta", "-1", "'-1'")]
    [InlineData("mask_token_id", "11", "an id below vocab_size 11", "found 11")]
    [InlineData("mask_token_id", "-1", "from 0")]
    [InlineData("mask_token_id", "1", "an id of its own", "also eos_token_id")]
    [InlineData("eos_token_id", "11", "an id below vocab_size 11")]
    [InlineData("eos_token_id", "[1,2]", "'[1,2]'")]
    [InlineData("pad_token_id", "99", "an id below vocab_size 11")]
    [InlineData("bos_token_id", "11", "an id below vocab_size 11")]
    [InlineData("weight_tying", "1", "true or false")]
    [InlineData("weight_tying", "\"true\"", "true or false")]
    [InlineData("attention_kind", "\"sliding\"", "\"full\" or \"block_causal\" or \"causal\"", "'\"sliding\"'")]
    [InlineData("attention_kind", "\"block_causal\"", "attention_block_size")]
    [InlineData("attention_block_size", "0", "from 1")]
    [InlineData("shift_logits", "0", "true or false")]
    [InlineData("closes_holes", "1", "true or false")]
    [InlineData("causal_infill", "\"yes\"", "true or false")]
    [InlineData("causal_infill", "true", "causal_infill: ", "with attention_kind", "shift_logits", "found true")]
    [InlineData("closes_holes", "true, \"attention_kind\": \"causal\"", "closes_holes: ", "attention does not see", "found true")]
    public void Parse_WrongValue_NamesKeyExpectedAndFound(string key, string json, params string[] expected)
    {
        CinnabarException error = Assert.Throws<CinnabarException>(
            () => ModelConfig.Parse("dir/config.json", LladaConfigs.TinyWith(key, json)));
        Assert.Contains("dir/config.json: ", error.Message, StringComparison.Ordinal);
        Assert.All(expected, text => Assert.Contains(text, error.Message, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("activation_type", "\"swiglu\"")]
    [InlineData("alibi", "true")]
    [InlineData("architectures", "[\"LlamaForCausalLM\"]")]
    [InlineData("attention_layer_norm", "true")]
    [InlineData("bias_for_layer_norm", "true")]
    [InlineData("block_group_size", "4")]
    [InlineData("block_type", "\"sequential\"")]
    [InlineData("clip_qkv", "8.0")]
    [InlineData("include_bias", "true")]
    [InlineData("include_qkv_bias", "true")]
    [InlineData("input_emb_norm", "true")]
    [InlineData("layer_norm_type", "\"default\"")]
    [InlineData("layer_norm_with_affine", "false")]
    [InlineData("model_type", "\"llama\"")]
    [InlineData("multi_query_attention", "true")]
    [InlineData("quantization_config", "{\"bits\":4}")]
    [InlineData("rope_scaling", "{\"type\":\"yarn\"}")]
    [InlineData("scale_logits", "true")]
    public void Parse_UnsupportedVariant_NamesKeyAndValue(string key, string json)
    {
        CinnabarException error = Assert.Throws<CinnabarException>(
            () => ModelConfig.Parse("dir/config.json", LladaConfigs.TinyWith(key, json)));
        Assert.Contains($"dir/config.json: {key} (", error.Message, StringComparison.Ordinal);
        Assert.Contains($"found '{json}'", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("3")]
    [InlineData("null")]
    [InlineData("{")]
    [InlineData("{}x")]
    [InlineData("{\"d_model\":8,\"d_model\":8}")]
    [InlineData("{\"d_model\":8,\"d_mode\\u006c\":8}")]
    [InlineData("{\"\\ud800\":8}")]
    [InlineData("{\"a\":NaN}")]
    [InlineData("{\"a\":1,}")]
    public void Parse_NotAJsonObject_NamesTheFile(string json)
    {
        CinnabarException error = Assert.Throws<CinnabarException>(() => Parse(json));
        Assert.Contains("config.json: expected a", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Parse_Hostile_NeverFailsOtherwise()
    {
        byte[][] inputs =
        [
            [0xFF, 0xFE], [.. "{\"d_model\":\""u8, 0xC3, .. "\"}"u8], Encoding.UTF8.GetBytes(
                string.Concat(Enumerable.Repeat("{\"a\":", 10_000))),
            Encoding.UTF8.GetBytes(new string('[', 100_000)), LladaConfigs.TinyWith("model_type", "\"\\ud800\""), LladaConfigs.TinyWith(
                "attention_kind", "\"\\ud800\""),
            LladaConfigs.TinyWith("block_type", $"\"{new string('x', 100_000)}\""), LladaConfigs.TinyWith("d_model", "\"\\u001b[2J\""),
        ];
        foreach (byte[] input in inputs)
        {
            CinnabarException error = Assert.Throws<CinnabarException>(() => ModelConfig.Parse("config.json", input));
            Assert.True(error.Message.Length < 1000);
            Assert.DoesNotContain(error.Message, char.IsControl);
        }
    }

    [Fact]
    public void Load_TooLong_IsRefusedBeforeReading()
    {
        using TemporaryFolder folder = new();
        string path = folder.Write("config.json", new byte[(1 << 20) + 1]);
        CinnabarException error = Assert.Throws<CinnabarException>(() => ModelConfig.Load(path));
        Assert.Contains("at most 1048576 bytes", error.Message, StringComparison.Ordinal);
    }

    private static ModelConfig Parse(string json) => ModelConfig.Parse("dir/config.json", Encoding.UTF8.GetBytes(json));
}
