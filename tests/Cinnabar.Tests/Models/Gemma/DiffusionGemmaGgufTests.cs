using Cinnabar.Checkpoints;
using Cinnabar.Checkpoints.Conversion;
using Cinnabar.Checkpoints.Gguf;
using Cinnabar.Models;
using Cinnabar.Numerics;
using Cinnabar.Numerics.Kernels;
using Cinnabar.Sampling;
using Cinnabar.Tests.Checkpoints;

namespace Cinnabar.Tests.Models.Gemma;

/// <summary>The plain network's weights in a GGUF file give its logits; what a file may leave out or write in another way.</summary>
public sealed class DiffusionGemmaGgufTests
{
    private static readonly int[] s_text = [3, 200, 17, 41, 8, 8, 299, 5, 60, 61];
    private static readonly int[] s_canvas = [0, 299, 12, 77];

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Logits_OfGguf_AreThoseOfSafetensors(bool splitsExperts)
    {
        using TinyGemma model = new();
        using TemporaryFolder folder = new();
        string path = Write(folder, model, Metadata(), splitsExperts);
        Assert.Equal(Logits(Checkpoint.Open(model.Path)), Logits(Checkpoint.Open(path)));
    }

    [Fact]
    public void Read_NoFactorsOfText_TakesThoseOfTheCanvas()
    {
        using TinyGemma model = new();
        using TemporaryFolder folder = new();
        string path = Write(folder, model, Metadata(), leaveOut: "enc_layer_output_scale");
        for (int layer = 0; layer < 4; layer++)
        {
            Tensor scalar = model.Stored[$"model.decoder.layers.{layer}.layer_scalar"];
            model.Stored[$"model.encoder.language_model.layers.{layer}.layer_scalar"] = scalar;
        }

        float[] found = Logits(Checkpoint.Open(path));
        model.Write(model.Stored);
        Assert.Equal(Logits(Checkpoint.Open(model.Path)), found);

        // A folder may leave them out as well.
        model.Write(model.Stored.Where(tensor => !tensor.Key.StartsWith("model.encoder.language_model.layers.", StringComparison.Ordinal)));
        Assert.Equal(Logits(Checkpoint.Open(model.Path)), found);
    }

    [Fact]
    public void Read_Metadata_SetsTheLoop()
    {
        using TinyGemma model = new();
        using TemporaryFolder folder = new();
        Dictionary<string, object> metadata = Metadata();
        metadata["diffusion.eb_max_steps"] = 7u;
        metadata["diffusion.eb_t_min"] = 0.25f;
        ModelConfig config = Checkpoint.Open(Write(folder, model, metadata)).Config;
        SamplerOptions expected = new() { MaxNewTokens = 9, Uniform = new() { Steps = 7, MinTemperature = 0.25 } };
        Assert.Equal(expected, config.Family.Defaults(config));
        Assert.Equal((1, 0, 2), (config.EosTokenId, config.PadTokenId, config.BosTokenId));
        Assert.Equal([106], config.AlsoEndText);
    }

    // A key names one of them at most. The third is ordinary text of that spelling.
    [Fact]
    public void Read_EndsOfTurns_AreFoundByTheirNames()
    {
        using TinyGemma model = new();
        using TemporaryFolder folder = new();
        Dictionary<string, object> metadata = Metadata();
        string[] tokens = (string[])metadata["tokenizer.ggml.tokens"];
        (tokens[106], tokens[50], tokens[60]) = ("<turn|>", "<|tool_response>", "<turn|>");
        metadata["tokenizer.ggml.token_type"] = tokens.Select((_, id) => id == 106 ? 3 : id == 50 ? 4 : 1).ToArray();
        Assert.Equal([106, 50], Checkpoint.Open(Write(folder, model, metadata)).Config.AlsoEndText);
        metadata.Remove("tokenizer.ggml.eot_token_id");
        Assert.Equal([50, 106], Checkpoint.Open(Write(folder, model, metadata)).Config.AlsoEndText);
    }

    [Theory]
    [InlineData("diffusion.canvas_length", null)]
    [InlineData("diffusion-gemma.rope.scaling.type", "yarn")]
    [InlineData("diffusion.eb_t_min", 0.9f)]
    [InlineData("diffusion-gemma.attention.sliding_window_pattern", null)]
    [InlineData("diffusion-gemma.attention.sliding_window_pattern", 6u)]
    [InlineData("diffusion-gemma.attention.head_count_kv", 2u)]
    [InlineData("diffusion-gemma.attention.key_length", 25u)]
    [InlineData("diffusion-gemma.attention.head_count", 5u)]
    [InlineData("diffusion-gemma.final_logit_softcapping", 0f)]
    [InlineData("diffusion-gemma.block_count", 5u)]
    public void Read_WrongMetadata_IsRefused(string key, object? value)
    {
        using TinyGemma model = new();
        using TemporaryFolder folder = new();
        Dictionary<string, object> metadata = Metadata();
        metadata.Remove(key);
        if (value is not null)
        {
            metadata.Add(key, value);
        }

        string path = Write(folder, model, metadata);
        Assert.Throws<CinnabarException>(() => Checkpoint.Open(path));
    }

    [Fact]
    public void Conversion_EitherWay_IsRefused()
    {
        using TinyGemma model = new();
        using TemporaryFolder folder = new();
        Checkpoint gguf = Checkpoint.Open(Write(folder, model, Metadata()));
        Assert.Contains("diffusion-gemma", Assert.Throws<CinnabarException>(() => FolderExport.Write(gguf, folder["written"])).Message);
        Assert.Contains(
            "diffusion-gemma",
            Assert.Throws<CinnabarException>(() => GgufExport.Write(Checkpoint.Open(model.Path), folder["written.gguf"])).Message);
    }

    private static Dictionary<string, object> Metadata() => new()
    {
        ["general.architecture"] = "diffusion-gemma",
        ["diffusion.canvas_length"] = 9u,
        ["diffusion-gemma.block_count"] = 4u,
        ["diffusion-gemma.context_length"] = 128u,
        ["diffusion-gemma.embedding_length"] = 36u,
        ["diffusion-gemma.feed_forward_length"] = 28u,
        ["diffusion-gemma.attention.head_count"] = 4u,
        ["diffusion-gemma.attention.head_count_kv"] = new[] { 2, 1, 2, 1 },
        ["diffusion-gemma.attention.key_length"] = 24u,
        ["diffusion-gemma.attention.key_length_swa"] = 10u,
        ["diffusion-gemma.attention.sliding_window"] = 7u,
        ["diffusion-gemma.attention.sliding_window_pattern"] = new[] { true, false, true, false },
        ["diffusion-gemma.attention.layer_norm_rms_epsilon"] = 0.001f,
        ["diffusion-gemma.rope.freq_base"] = 54321f,
        ["diffusion-gemma.rope.freq_base_swa"] = 321f,
        ["diffusion-gemma.expert_count"] = 7u,
        ["diffusion-gemma.expert_used_count"] = 3u,
        ["diffusion-gemma.expert_feed_forward_length"] = 12u,
        ["diffusion-gemma.final_logit_softcapping"] = 3f,
        ["tokenizer.ggml.tokens"] = Enumerable.Range(0, 643).Select(id => $"token {id}").ToArray(),
        ["tokenizer.ggml.eos_token_id"] = 1u,
        ["tokenizer.ggml.eot_token_id"] = 106u,
        ["tokenizer.ggml.padding_token_id"] = 0u,
        ["tokenizer.ggml.bos_token_id"] = 2u,
        ["tokenizer.ggml.add_bos_token"] = true,
    };

    private static string Write(
        TemporaryFolder folder, TinyGemma model, Dictionary<string, object> metadata, bool splitsExperts = false, string? leaveOut = null)
    {
        Tensor divisors = Tensor.From([1, 1, 1, .. Enumerable.Repeat(1e30f, 9)], 12);
        List<GgufTensorSource> tensors = [new("rope_freqs.weight", GgmlType.F32, divisors)];
        foreach ((string name, Tensor tensor) in model.Stored)
        {
            if (splitsExperts && name.EndsWith("gate_up_proj", StringComparison.Ordinal))
            {
                string block = NameOf(name).Replace("gate_up_exps.weight", "", StringComparison.Ordinal);
                tensors.Add(new($"{block}gate_exps.weight", GgmlType.F32, Half(tensor, 0)));
                tensors.Add(new($"{block}up_exps.weight", GgmlType.F32, Half(tensor, 1)));
            }
            else if (NameOf(name) is { Length: > 0 } found && (leaveOut is null || !found.Contains(leaveOut, StringComparison.Ordinal)))
            {
                tensors.Add(new(found, GgmlType.F32, tensor));
            }
        }

        string path = folder["model.gguf"];
        GgufWriter.Write(path, metadata.Select(pair => KeyValuePair.Create(pair.Key, new GgufValue(pair.Value))), tensors);
        return path;
    }

    // [E, 2W, C] → [E, W, C]: one half of the rows of each expert.
    private static Tensor Half(Tensor tensor, int half)
    {
        float[][] experts = [.. tensor.Floats.ToArray().Chunk(12 * 36).Where((_, i) => i % 2 == half)];
        return Tensor.From(experts.SelectMany(values => values).ToArray(), 7, 12, 36);
    }

    // The table of the specification, from one name to the other; empty: not in GGUF files.
    private static string NameOf(string name)
    {
        string[] parts = name.Split('.');
        string block = name.Contains(".layers.") ? $"blk.{parts[Array.IndexOf(parts, "layers") + 1]}." : "";
        string rest = block.Length > 0 ? string.Join('.', parts[(Array.IndexOf(parts, "layers") + 2)..]) : string.Join('.', parts[2..]);
        return (parts[1], rest) switch
        {
            ("encoder", "layer_scalar") => block + "enc_layer_output_scale.weight",
            ("encoder", _) => "",
            (_, "layer_scalar") => block + "layer_output_scale.weight",
            (_, "embed_tokens.weight") => "token_embd.weight",
            (_, "norm.weight") => "output_norm.weight",
            (_, "self_conditioning.pre_norm.weight") => "self_cond_pre_norm.weight",
            (_, "self_conditioning.gate_proj.weight") => "self_cond_gate.weight",
            (_, "self_conditioning.up_proj.weight") => "self_cond_up.weight",
            (_, "self_conditioning.down_proj.weight") => "self_cond_down.weight",
            (_, "input_layernorm.weight") => block + "attn_norm.weight",
            (_, "post_attention_layernorm.weight") => block + "post_attention_norm.weight",
            (_, "pre_feedforward_layernorm.weight") => block + "ffn_norm.weight",
            (_, "pre_feedforward_layernorm_2.weight") => block + "pre_ffw_norm_2.weight",
            (_, "post_feedforward_layernorm.weight") => block + "post_ffw_norm.weight",
            (_, "post_feedforward_layernorm_1.weight") => block + "post_ffw_norm_1.weight",
            (_, "post_feedforward_layernorm_2.weight") => block + "post_ffw_norm_2.weight",
            (_, "self_attn.q_proj.weight") => block + "attn_q.weight",
            (_, "self_attn.k_proj.weight") => block + "attn_k.weight",
            (_, "self_attn.v_proj.weight") => block + "attn_v.weight",
            (_, "self_attn.o_proj.weight") => block + "attn_output.weight",
            (_, "self_attn.q_norm.weight") => block + "attn_q_norm.weight",
            (_, "self_attn.k_norm.weight") => block + "attn_k_norm.weight",
            (_, "mlp.gate_proj.weight") => block + "ffn_gate.weight",
            (_, "mlp.up_proj.weight") => block + "ffn_up.weight",
            (_, "mlp.down_proj.weight") => block + "ffn_down.weight",
            (_, "router.proj.weight") => block + "ffn_gate_inp.weight",
            (_, "router.scale") => block + "ffn_gate_inp.scale",
            (_, "router.per_expert_scale") => block + "ffn_down_exps.scale",
            (_, "experts.gate_up_proj") => block + "ffn_gate_up_exps.weight",
            (_, "experts.down_proj") => block + "ffn_down_exps.weight",
            _ => "",
        };
    }

    private static float[] Logits(Checkpoint checkpoint)
    {
        using ModelWeights weights = checkpoint.OpenWeights();
        GemmaDenoiser network = (GemmaDenoiser)checkpoint.Config.Family.CreateNetwork(
            checkpoint.Config, name => weights.Read(name, WeightForm.Exact), KernelTable.Create(threads: 1), MatMulPrecision.F32);
        IUniformContext context = network.Open();
        context.Append(s_text);
        context.Logits(s_canvas);
        context.Condition(0.7);
        return context.Logits(s_canvas).Floats.ToArray();
    }
}
