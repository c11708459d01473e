// Configurations of Qwen's kind as they are published: what they leave out, and what the name of a model says instead.
using System.Text;
using Cinnabar.Checkpoints;
using Cinnabar.Checkpoints.Conversion;
using Cinnabar.Numerics;
using Cinnabar.Tests.Models.Plain;
using Cinnabar.Tests.Tokenizers;
using static Cinnabar.Tests.Models.DiffusionTransformerFolder;

namespace Cinnabar.Tests.Checkpoints.Families;

public sealed class QwenFamiliesTests : IDisposable
{
    // config.json of inclusionAI/LLaDA2.0-mini.
    private const string Llada2Mini = """
        {
          "architectures": ["LLaDA2MoeModelLM"], "attention_dropout": 0.0,
          "auto_map": {"AutoConfig": "configuration_llada2_moe.LLaDA2MoeConfig", "AutoModel": "modeling_llada2_moe.LLaDA2MoeModel"},
          "dtype": "bfloat16", "embedding_dropout": 0.0, "first_k_dense_replace": 1, "head_dim": 128, "hidden_act": "silu",
          "hidden_size": 2048, "initializer_range": 0.02, "intermediate_size": 5120, "max_position_embeddings": 32768,
          "max_window_layers": 28, "model_type": "llada2_moe", "moe_intermediate_size": 512, "moe_router_enable_expert_bias": true,
          "n_group": 8, "norm_head": false, "norm_topk_prob": true, "num_attention_heads": 16, "num_experts": 256,
          "num_experts_per_tok": 8, "num_hidden_layers": 20, "num_key_value_heads": 4, "num_shared_experts": 1, "output_dropout": 0.0,
          "output_router_logits": false, "pad_token_id": 156892, "partial_rotary_factor": 0.5, "rms_norm_eps": 1e-06,
          "rope_scaling": null, "rope_theta": 600000, "rotary_dim": 64, "routed_scaling_factor": 2.5, "router_dtype": "fp32",
          "score_function": "sigmoid", "sliding_window": 4096, "tie_word_embeddings": false, "topk_group": 4, "use_bias": false,
          "use_cache": true, "use_qk_norm": true, "use_qkv_bias": false, "use_rmsnorm": true, "use_sliding_window": false,
          "vocab_size": 157184
        }
        """;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Parse_Llada2AsPublished_EndsTextsWithItsPadding()
    {
        ModelConfig config = Parse(Llada2Mini);
        Assert.Equal((156_892, 156_892, 156_895), (config.EosTokenId, config.PadTokenId, config.MaskTokenId));
        Assert.Empty(config.AlsoEndText);
        Assert.Equal(7, Parse(With(Llada2Mini, "eos_token_id", "7")).EosTokenId);
    }

    [Fact]
    public void Load_Llada2WithoutPadding_EndsTextsWithTheTokenOrThePublishedOne()
    {
        string config = _folder.Write("config.json", Encoding.UTF8.GetBytes(With(Llada2Mini, "pad_token_id", null)));
        Assert.Equal(156_892, ModelConfig.Load(config).EosTokenId);
        _folder.Write("tokenizer.json", """{"added_tokens": [{"id": 156891, "content": "<|endoftext|>"}]}"""u8.ToArray());
        Assert.Equal(156_891, ModelConfig.Load(config).EosTokenId);
    }

    [Fact]
    public void Parse_Llada2WithoutKeys_HasWhatItsClassHas()
    {
        string text = Llada2Mini;
        foreach (string key in (string[])["n_group", "topk_group", "routed_scaling_factor", "partial_rotary_factor", "rotary_dim"])
        {
            text = With(text, key, null);
        }

        ModelConfig config = Parse(text);
        Assert.Equal(64, config.RotaryDimensions);
        Assert.Equal((8, 4, 2.5), (config.Experts!.GroupCount, config.Experts.ActiveGroups, config.Experts.ScalingFactor));
        Assert.Equal(Parse(Llada2Mini).Experts, config.Experts);

        // As newer versions of transformers write it.
        config = Parse(With(text, "rope_parameters", """{"rope_type": "default", "rope_theta": 600000, "partial_rotary_factor": 0.25}"""));
        Assert.Equal(32, config.RotaryDimensions);
    }

    [Theory]
    [InlineData("SDAR-8B-Chat-b32", 32)]
    [InlineData("SDAR-1.7B-Chat-b8", 8)]
    [InlineData("SDAR-4B-Chat", 4)]
    [InlineData("SDAR-4B-Chat-b0", 4)]
    [InlineData("SDAR-4B-Chat-b99999", 4)]
    [InlineData("SDAR-4B-Chat-b32-bf16", 32)]
    [InlineData("b32", 4)]
    [InlineData("models--JetLM--SDAR-1.7B-Chat-b64/snapshots/0123", 64)]
    public void Load_SdarWithoutBlock_TakesTheOneOfItsName(string folder, int block)
    {
        ModelConfig config = ModelConfig.Load(WriteConfig(folder, With(RandomShapes.All["sdar-4b"], "block_size", null)));
        Assert.Equal((block, true), (config.AttentionBlockSize, config.AttentionBlockIsAssumed));
        Assert.Equal(block, config.Family.Defaults(config).BlockSize);
    }

    [Fact]
    public void Load_SdarWithBlock_TakesTheKey()
    {
        ModelConfig config = ModelConfig.Load(WriteConfig("SDAR-8B-Chat-b32", RandomShapes.All["sdar-4b"]));
        Assert.Equal((4, false), (config.AttentionBlockSize, config.AttentionBlockIsAssumed));
    }

    [Fact]
    public void Quantize_SdarWithoutBlock_WritesTheBlockOfTheOldName()
    {
        PlainModel plain = PlainModels.Transformer("sdar");
        string folder = Path.GetDirectoryName(WriteConfig("sdar-b8", With(plain.Config, "block_size", null)))!;
        File.Copy(TokenizerData.SmallPath, Path.Combine(folder, "tokenizer.json"));
        Safetensors.Write(Path.Combine(folder, "model.safetensors"), [.. plain.Weights.Tensors.Select(pair => (pair.Key, pair.Value))]);

        QuantizedExport.Write(ModelFolder.Open(folder), _folder["integers"], new WeightQuantization(DType.Int8, null), "# sdar");
        ModelConfig config = ModelFolder.Open(_folder["integers"]).Config;
        Assert.Equal((8, false), (config.AttentionBlockSize, config.AttentionBlockIsAssumed));
    }

    [Theory]
    [InlineData("151644", 151_644)]
    [InlineData("null", 151_643)]
    [InlineData(null, 151_643)]
    [InlineData("-1", 151_643)]
    [InlineData("-7", 151_643)]
    [InlineData("152064", 151_643)] // without a row
    [InlineData("151666", 151_643)] // the mask
    public void Parse_Padding_IsTheFilesOrTheEndOfText(string? json, int expected) =>
        Assert.Equal(expected, Parse(With(RandomShapes.All["dream-7b"], "pad_token_id", json)).PadTokenId);

    [Fact]
    public void Parse_LladaMoeOfDllm_IsOfTheFamily()
    {
        ModelConfig config = Parse(With(PlainConfigs.LladaMoe, "model_type", "\"lladamoe\""));
        Assert.Equal("llada-moe", config.Family.Name);
        Assert.Equal(Parse(PlainConfigs.LladaMoe).Experts, config.Experts);
    }

    private static ModelConfig Parse(string json) => ModelConfig.Parse("config.json", Encoding.UTF8.GetBytes(json));

    private string WriteConfig(string folder, string json)
    {
        Directory.CreateDirectory(_folder[folder]);
        return _folder.Write(Path.Combine(folder, "config.json"), Encoding.UTF8.GetBytes(json));
    }
}
