using Cinnabar.Checkpoints;
using Cinnabar.Numerics;
using Cinnabar.Numerics.Kernels;
using Cinnabar.Sampling;
using Cinnabar.Tests.Models;
using static Cinnabar.Tests.Models.DiffusionTransformerFolder;

namespace Cinnabar.Tests.Checkpoints.Families;

public sealed class DiffusionTransformerFamiliesTests
{
    // What the published checkpoints of the OpenWebText models say.
    private const string MdlmOwt = """
        {
          "architectures": ["MDLM"], "cond_dim": 128, "dropout": 0.1, "hidden_dim": 768, "model_length": 1024, "model_type": "mdlm",
          "n_blocks": 12, "n_heads": 12, "return_dict": false, "time_conditioning": false, "vocab_size": 50258
        }
        """;

    [Fact]
    public void Parse_MdlmOwt_HasItsSizes()
    {
        ModelConfig config = Parse(MdlmOwt);
        Assert.Equal("mdlm", config.Family.Name);
        Assert.Equal((768, 12, 12, 64, 3072), (
            config.HiddenSize, config.NumHiddenLayers, config.NumAttentionHeads, config.HeadSize, config.IntermediateSize));
        Assert.Equal((50_258, 50_257, 50_256, 1024), (
            config.VocabularySize, config.MaskTokenId, config.EosTokenId, config.MaxSequenceLength));
        Assert.Equal(new NoiseConditioning { Size = 128 }, config.NoiseConditioning);
        Assert.Equal(AttentionKind.Full, config.AttentionKind);

        // Summed by hand: tables 2·V·d + V, sigma 256·128 + 128·128 + 2·128, each block 12·d² + 2·d + 5·d + 6·d·129, last norm d + 2·d·129.
        long block = (12L * 768 * 768) + (7 * 768) + (6 * 768 * 129);
        Assert.Equal((2L * 50_258 * 768) + 50_258 + 49_408 + (12 * block) + 768 + (2 * 768 * 129), config.ParameterCount);
    }

    [Fact]
    public void Defaults_AreTheReferencesSamplers()
    {
        ModelConfig mdlm = Parse(Mdlm), bd3lm = Parse(Bd3lm), sedd = Parse(Sedd);
        SamplerOptions ancestral = new() { Remasking = Remasking.Random, Temperature = 1 };
        Assert.Equal(ancestral, mdlm.Family.Defaults(mdlm));
        Assert.Equal(ancestral, sedd.Family.Defaults(sedd));
        Assert.Equal(ancestral with { TopP = 0.9, BlockSize = Block }, bd3lm.Family.Defaults(bd3lm));
    }

    [Fact]
    public void Parse_Bd3lm_AttendsInBlocks()
    {
        ModelConfig config = Parse(Bd3lm);
        Assert.Equal((AttentionKind.BlockCausal, Block), (config.AttentionKind, config.AttentionBlockSize));
        Assert.Equal(AttentionKind.Full, Parse(With(Bd3lm, "cross_attn", "false")).AttentionKind);
        Assert.Null(Parse(With(Bd3lm, "adaln", "false")).NoiseConditioning);
    }

    [Fact]
    public void Parse_Sedd_IsKnownByItsTrainingConfiguration()
    {
        ModelConfig config = Parse(Sedd);
        Assert.Equal("sedd", config.Family.Name);
        Assert.Equal((Vocabulary, Mask), (config.VocabularySize, config.MaskTokenId));
        Assert.Equal(new NoiseConditioning { Size = 5, IsTold = true }, config.NoiseConditioning);
    }

    [Fact]
    public void Open_TokenizerWithAMask_TakesIt()
    {
        using DiffusionTransformerFolder folder = new(
            With(Mdlm, "eos_token_id", null),
            tokenizer: """{"added_tokens": [{"id": 7, "content": "[MASK]"}, {"id": 6, "content": "[SEP]"}]}""");
        Assert.Equal((7, 6), (Checkpoint.Open(folder.Path).Config.MaskTokenId, Checkpoint.Open(folder.Path).Config.EosTokenId));
    }

    [Theory]
    [InlineData(Mdlm, "cond_dim", null)]
    [InlineData(Mdlm, "cond_dim", "0")]
    [InlineData(Mdlm, "hidden_dim", "1.5")]
    [InlineData(Mdlm, "hidden_dim", "99999999")]
    [InlineData(Mdlm, "n_heads", "5")]
    [InlineData(Mdlm, "n_heads", "12")]
    [InlineData(Mdlm, "n_blocks", "-1")]
    [InlineData(Mdlm, "model_length", null)]
    [InlineData(Mdlm, "vocab_size", "1")]
    [InlineData(Mdlm, "vocab_size", "\"19\"")]
    [InlineData(Mdlm, "time_conditioning", "1")]
    [InlineData(Mdlm, "eos_token_id", null)]
    [InlineData(Mdlm, "eos_token_id", "19")]
    [InlineData(Mdlm, "mask_token_id", "19")]
    [InlineData(Mdlm, "mask_token_id", "3")]
    [InlineData(Bd3lm, "block_size", null)]
    [InlineData(Bd3lm, "block_size", "0")]
    [InlineData(Bd3lm, "causal", "true")]
    [InlineData(Bd3lm, "cross_attn", "\"yes\"")]
    [InlineData(Bd3lm, "adaln", "2")]
    [InlineData(Bd3lm, "time_conditioning", "true")]
    [InlineData(Sedd, "tokens", "0")]
    [InlineData(Sedd, "model", null)]
    [InlineData(Sedd, "model/hidden_size", null)]
    [InlineData(Sedd, "model/length", "0")]
    [InlineData(Sedd, "model/cond_dim", null)]
    [InlineData(Sedd, "graph/type", "\"uniform\"")]
    [InlineData(Sedd, "noise/type", "\"geometric\"")]
    public void Parse_WrongValue_IsRefusedByItsKey(string config, string key, string? json)
    {
        CinnabarException failure = Assert.Throws<CinnabarException>(() => Parse(With(config, key, json)));
        Assert.Contains(key[(key.IndexOf('/', StringComparison.Ordinal) + 1)..], failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_AWeightMissing_NamesIt()
    {
        using DiffusionTransformerFolder folder = new(With(Mdlm, "n_blocks", "3"), "backbone.");
        CinnabarException failure = Assert.Throws<CinnabarException>(() => Checkpoint.Open(folder.Path));
        Assert.Contains("'backbone.blocks.2.adaLN_modulation.weight'", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_AnotherConditionSize_NamesTheTensorAndBothShapes()
    {
        using DiffusionTransformerFolder folder = new(With(Mdlm, "cond_dim", "6"));
        CinnabarException failure = Assert.Throws<CinnabarException>(() => Checkpoint.Open(folder.Path));
        Assert.Contains("'sigma_map.mlp.0.weight'", failure.Message, StringComparison.Ordinal);
        Assert.Contains("expected shape [6, 256]", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_WeightsOfAdaptiveNormsWithoutAdaln_AreNotIgnored()
    {
        using DiffusionTransformerFolder folder = new(With(Bd3lm, "adaln", "false"));
        CinnabarException failure = Assert.Throws<CinnabarException>(() => Checkpoint.Open(folder.Path));
        Assert.Contains("adaLN_modulation", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_SplitsTheFusedProjection()
    {
        using DiffusionTransformerFolder folder = new(Mdlm, "backbone.");
        using ModelWeights weights = Checkpoint.Open(folder.Path).OpenWeights();
        Tensor fused = folder.Tensors["blocks.1.attn_qkv.weight"];
        string[] parts = ["q_proj", "k_proj", "v_proj"];
        for (int i = 0; i < parts.Length; i++)
        {
            Tensor part = weights.Read(LladaWeightNames.OfBlock(1, parts[i]));
            Assert.Equal(fused.Floats.Slice(i * part.Count, part.Count).ToArray(), part.Floats.ToArray());
        }
    }

    private static ModelConfig Parse(string json) => ModelConfig.Parse("config.json", System.Text.Encoding.UTF8.GetBytes(json));
}
