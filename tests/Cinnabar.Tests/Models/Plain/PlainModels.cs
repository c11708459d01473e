using System.Text.Json.Nodes;

namespace Cinnabar.Tests.Models.Plain;

/// <summary>A tiny checkpoint and what its network computes.</summary>
/// <param name="Name">Of the family.</param>
/// <param name="Config">Text of config.json.</param>
/// <param name="Tensors">Every tensor.</param>
/// <param name="Logits">Row i predicts the token at i: where a family shifts, this is the output of position i − 1.</param>
/// <param name="Shifts">Whether the family shifts.</param>
/// <param name="BlockSize">Of block-causal families; null: every position sees every other.</param>
/// <param name="MaskTokenId">The id of noise.</param>
/// <param name="HasSubs">
/// Whether a prediction is never the mask and that of a known token is the token (SUBS, A.10); <paramref name="Logits"/> are without it.
/// </param>
internal sealed record PlainModel(
    string Name,
    string Config,
    IReadOnlyList<PlainTensor> Tensors,
    Func<PlainWeights, int[], double[][]> Logits,
    bool Shifts,
    int? BlockSize,
    int MaskTokenId,
    bool HasSubs)
{
    private const ulong Seed = 2026;

    /// <summary>The same each time.</summary>
    public PlainWeights Weights { get; } = PlainWeights.Random(Tensors, Seed);
}

/// <summary>The families; sizes are read from the configurations, by the keys of the specification.</summary>
internal static class PlainModels
{
    /// <summary>Transformers of LLaDA's and Qwen's kind.</summary>
    public static IReadOnlyDictionary<string, (string Config, PlainTransformerShape Shape)> Transformers { get; } =
        new Dictionary<string, (string Config, PlainTransformerShape Shape)>
        {
            ["llada"] = Llada(PlainConfigs.Llada),
            ["llada, tied"] = Llada(Changed(PlainConfigs.Llada, "weight_tying", true)),
            ["llada-moe"] = Qwen(PlainConfigs.LladaMoe, shape => shape with { NormsHeads = true }),
            ["llada-moe, no head_dim"] =
                Qwen(Changed(PlainConfigs.LladaMoe, "head_dim", null), shape => shape with { NormsHeads = true }),
            ["llada2"] = Llada2(PlainConfigs.Llada2),
            ["dream"] = Qwen(PlainConfigs.Dream, shape => shape with { HasQkvBias = true, Shifts = true }),
            ["sdar"] = Qwen(PlainConfigs.Sdar, shape => shape with { NormsHeads = true }),
            ["sdar, no block_size"] =
                Qwen(Changed(PlainConfigs.Sdar, "block_size", null), shape => shape with { NormsHeads = true, BlockSize = 4 }),
            ["sdar-moe"] = Qwen(PlainConfigs.SdarMoe, shape => shape with { NormsHeads = true }),
            ["fast-dllm-v2"] =
                Qwen(PlainConfigs.FastDllm, shape => shape with { HasQkvBias = true, Shifts = true, BlockSize = 32 }),
            ["fast-dllm-v2, tied"] = Qwen(
                Changed(PlainConfigs.FastDllm, "tie_word_embeddings", true),
                shape => shape with { HasQkvBias = true, Shifts = true, BlockSize = 32 }),
            ["fast-dllm-v2, bd_size 16"] = Qwen(
                Changed(PlainConfigs.FastDllm, "bd_size", 16),
                shape => shape with { HasQkvBias = true, Shifts = true, BlockSize = 16 }),
            ["open-dcoder"] = Qwen(PlainConfigs.OpenDcoder, shape => shape with { HasQkvBias = true, Shifts = true }),
            ["a2d-qwen2"] = Qwen(PlainConfigs.A2dQwen2, shape => shape with { HasQkvBias = true }),
            ["a2d-qwen2, untied, bd3lm"] = Qwen(
                Changed(Changed(PlainConfigs.A2dQwen2, "block_size", 8), "tie_word_embeddings", false),
                shape => shape with { HasQkvBias = true }),
            ["a2d-qwen3"] = Qwen(PlainConfigs.A2dQwen3, shape => shape with { NormsHeads = true }),
            ["a2d-qwen3, bd3lm"] =
                Qwen(Changed(PlainConfigs.A2dQwen3, "block_size", 8), shape => shape with { NormsHeads = true }),
            ["a2d-qwen3, rope_parameters"] = (
                Changed(
                    Changed(PlainConfigs.A2dQwen3, "rope_theta", null),
                    "rope_parameters",
                    new JsonObject { ["rope_theta"] = 4321.0, ["rope_type"] = "default" }),
                Qwen(PlainConfigs.A2dQwen3, shape => shape with { NormsHeads = true }).Shape),
            ["rnd1"] = Qwen(PlainConfigs.Rnd1, shape => shape with { NormsHeads = true, Shifts = true }),
        };

    /// <summary>The DiT.</summary>
    public static IReadOnlyDictionary<string, string> DiffusionTransformers { get; } =
        new Dictionary<string, string> { ["mdlm"] = PlainConfigs.Mdlm, ["bd3lm"] = PlainConfigs.Bd3lm };

    /// <summary>A model of either kind.</summary>
    public static PlainModel Get(string name) =>
        DiffusionTransformers.TryGetValue(name, out string? text) ? DiffusionTransformer(name, text) : Transformer(name);

    public static PlainModel Transformer(string name)
    {
        (string config, PlainTransformerShape shape) = Transformers[name];
        return new PlainModel(
            name,
            config,
            [.. shape.Tensors()],
            (weights, ids) => new PlainTransformer(shape, weights).Logits(ids),
            shape.Shifts,
            shape.BlockSize,
            MaskTokenId: 0,
            HasSubs: false);
    }

    public static PlainGemmaShape Gemma { get; } = GemmaShape(Parse(PlainConfigs.DiffusionGemma)["text_config"]!.AsObject());

    public static PlainDiffusionTransformerShape DiffusionTransformerShape(string text)
    {
        JsonObject config = Parse(text);
        return new PlainDiffusionTransformerShape(
            Integer(config, "hidden_dim"),
            Integer(config, "cond_dim"),
            Integer(config, "n_blocks"),
            Integer(config, "n_heads"),
            Integer(config, "vocab_size"),
            (int?)config["block_size"]);
    }

    private static JsonObject Parse(string config) => JsonNode.Parse(config)!.AsObject();

    // The text with one key set, or without it (null).
    private static string Changed(string config, string key, JsonNode? value)
    {
        JsonObject changed = Parse(config);
        changed.Remove(key);
        if (value is not null)
        {
            changed.Add(key, value);
        }

        return changed.ToJsonString();
    }

    private static int Integer(JsonObject config, string key) => (int)config[key]!;

    private static double Number(JsonObject config, string key) => (double)config[key]!;

    private static PlainModel DiffusionTransformer(string name, string text)
    {
        PlainDiffusionTransformerShape shape = DiffusionTransformerShape(text);
        return new PlainModel(
            name,
            text,
            [.. shape.Tensors()],
            (weights, ids) => new PlainDiffusionTransformer(shape, weights).Logits(ids),
            Shifts: false,
            shape.BlockSize,
            MaskTokenId: shape.Vocabulary - 1,
            HasSubs: true);
    }

    private static (string Config, PlainTransformerShape Shape) Llada(string text)
    {
        JsonObject config = Parse(text);
        int size = Integer(config, "d_model") / Integer(config, "n_heads");
        PlainTransformerShape shape = new()
        {
            Layout = PlainLayout.Llada,
            Hidden = Integer(config, "d_model"),
            Layers = Integer(config, "n_layers"),
            Heads = Integer(config, "n_heads"),
            KeyHeads = Integer(config, "n_kv_heads"),
            HeadDim = size,
            RotaryDim = size,
            Width = Integer(config, "mlp_hidden_size"),
            Vocabulary = Integer(config, "embedding_size"),
            Epsilon = Number(config, "rms_norm_eps"),
            Theta = Number(config, "rope_theta"),
            IsTied = (bool)config["weight_tying"]!,
        };
        return (text, shape);
    }

    // LLaDA-MoE, SDAR, Dream, Fast-dLLM v2, Open-dCoder, A2D and RND1. What no key says (biases, norms of heads, shift) the caller adds.
    private static (string Config, PlainTransformerShape Shape) Qwen(
        string text, Func<PlainTransformerShape, PlainTransformerShape> rest)
    {
        JsonObject config = Parse(text);
        int size = (int?)config["head_dim"] ?? (Integer(config, "hidden_size") / Integer(config, "num_attention_heads"));
        PlainTransformerShape shape = new()
        {
            Layout = PlainLayout.Qwen,
            Hidden = Integer(config, "hidden_size"),
            Layers = Integer(config, "num_hidden_layers"),
            Heads = Integer(config, "num_attention_heads"),
            KeyHeads = Integer(config, "num_key_value_heads"),
            HeadDim = size,
            RotaryDim = size,
            Width = (int?)config["intermediate_size"] ?? 0,
            Vocabulary = Integer(config, "vocab_size"),
            Epsilon = Number(config, "rms_norm_eps"),
            Theta = Number(config, "rope_theta"),
            IsTied = (bool)config["tie_word_embeddings"]!,
            BlockSize = (int?)config["block_size"],
            Router = config["num_experts"] is null
                ? null
                : new PlainRouter(Integer(config, "num_experts"), Integer(config, "num_experts_per_tok"))
                {
                    Renormalises = (bool)config["norm_topk_prob"]!,
                },
            ExpertWidth = (int?)(config["moe_intermediate_size"] ?? config["expert_intermediate_size"]) ?? 0,
        };
        return (text, rest(shape));
    }

    private static (string Config, PlainTransformerShape Shape) Llada2(string text)
    {
        JsonObject config = Parse(text);
        return Qwen(text, shape => shape with
        {
            Layout = PlainLayout.Llada2,
            NormsHeads = true,
            RotaryDim = (int)(shape.HeadDim * Number(config, "partial_rotary_factor")),
            BlockSize = 32,
            DenseLayers = Integer(config, "first_k_dense_replace"),
            SharedWidth = Integer(config, "moe_intermediate_size") * Integer(config, "num_shared_experts"),
            Router = shape.Router! with
            {
                IsSigmoid = true,
                HasBias = true,
                Groups = Integer(config, "n_group"),
                ChosenGroups = Integer(config, "topk_group"),
                Factor = Number(config, "routed_scaling_factor"),
            },
        });
    }

    private static PlainGemmaShape GemmaShape(JsonObject text)
    {
        JsonObject sliding = text["rope_parameters"]!["sliding_attention"]!.AsObject();
        JsonObject full = text["rope_parameters"]!["full_attention"]!.AsObject();
        return new PlainGemmaShape
        {
            Hidden = Integer(text, "hidden_size"),
            IsFull = [.. text["layer_types"]!.AsArray().Select(type => (string)type! == "full_attention")],
            Heads = Integer(text, "num_attention_heads"),
            SlidingKeyHeads = Integer(text, "num_key_value_heads"),
            SlidingHeadDim = Integer(text, "head_dim"),
            FullKeyHeads = Integer(text, "num_global_key_value_heads"),
            FullHeadDim = Integer(text, "global_head_dim"),
            Width = Integer(text, "intermediate_size"),
            ExpertWidth = Integer(text, "moe_intermediate_size"),
            Experts = Integer(text, "num_experts"),
            Chosen = Integer(text, "top_k_experts"),
            Window = Integer(text, "sliding_window"),
            SlidingTheta = Number(sliding, "rope_theta"),
            FullTheta = Number(full, "rope_theta"),
            FullRotaryFactor = Number(full, "partial_rotary_factor"),
            SoftCap = Number(text, "final_logit_softcapping"),
            Epsilon = Number(text, "rms_norm_eps"),
            Vocabulary = Integer(text, "vocab_size"),
        };
    }
}
