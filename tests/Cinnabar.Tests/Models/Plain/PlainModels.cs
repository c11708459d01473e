using System.Text.Json.Nodes;

namespace Cinnabar.Tests.Models.Plain;

/// <summary>A tiny checkpoint and what its network computes.</summary>
/// <param name="Name">Of the family.</param>
/// <param name="Config">Text of config.json.</param>
/// <param name="Tensors">Every tensor.</param>
/// <param name="Logits">Row i predicts the token at i: where a family shifts, this is the output of position i − 1.</param>
/// <param name="Shifts">Whether the family shifts.</param>
/// <param name="BlockSize">Of block-causal families; null: every position sees every other.</param>
internal sealed record PlainModel(
    string Name,
    string Config,
    IReadOnlyList<PlainTensor> Tensors,
    Func<PlainWeights, int[], double[][]> Logits,
    bool Shifts,
    int? BlockSize)
{
    private const ulong Seed = 2026;

    /// <summary>The same each time.</summary>
    public PlainWeights Weights { get; } = PlainWeights.Random(Tensors, Seed);
}

/// <summary>The families; sizes are read from the configurations, by the keys of the specification.</summary>
internal static class PlainModels
{
    public static PlainModel Mdlm { get; } = DiffusionTransformer("mdlm", PlainConfigs.Mdlm);

    public static PlainModel Bd3lm { get; } = DiffusionTransformer("bd3lm", PlainConfigs.Bd3lm);

    /// <summary>Shapes of the transformers.</summary>
    public static IReadOnlyDictionary<string, (string Config, PlainTransformerShape Shape)> Transformers { get; } =
        new Dictionary<string, (string Config, PlainTransformerShape Shape)>
        {
            ["llada"] = (PlainConfigs.Llada, LladaShape(Parse(PlainConfigs.Llada))),
            ["llada-moe"] = (PlainConfigs.LladaMoe, QwenShape(Parse(PlainConfigs.LladaMoe)) with { NormsHeads = true }),
            ["llada2"] = (PlainConfigs.Llada2, Llada2Shape(Parse(PlainConfigs.Llada2))),
            ["dream"] = (PlainConfigs.Dream, QwenShape(Parse(PlainConfigs.Dream)) with { HasQkvBias = true, Shifts = true }),
            ["sdar"] = (PlainConfigs.Sdar, QwenShape(Parse(PlainConfigs.Sdar)) with { NormsHeads = true }),
            ["sdar-moe"] = (PlainConfigs.SdarMoe, QwenShape(Parse(PlainConfigs.SdarMoe)) with { NormsHeads = true }),
            ["fast-dllm-v2"] = (
                PlainConfigs.FastDllm,
                QwenShape(Parse(PlainConfigs.FastDllm)) with { HasQkvBias = true, Shifts = true, BlockSize = 32 }),
            ["open-dcoder"] = (
                PlainConfigs.OpenDcoder, QwenShape(Parse(PlainConfigs.OpenDcoder)) with { HasQkvBias = true, Shifts = true }),
            ["a2d-qwen2"] = (PlainConfigs.A2dQwen2, QwenShape(Parse(PlainConfigs.A2dQwen2)) with { HasQkvBias = true }),
            ["a2d-qwen3"] = (PlainConfigs.A2dQwen3, QwenShape(Parse(PlainConfigs.A2dQwen3)) with { NormsHeads = true }),
            ["a2d-qwen3-bd3lm"] = (
                WithBlocks(PlainConfigs.A2dQwen3, 8), QwenShape(Parse(WithBlocks(PlainConfigs.A2dQwen3, 8))) with { NormsHeads = true }),
            ["rnd1"] = (PlainConfigs.Rnd1, QwenShape(Parse(PlainConfigs.Rnd1)) with { NormsHeads = true, Shifts = true }),
        };

    public static PlainModel Transformer(string name)
    {
        (string config, PlainTransformerShape shape) = Transformers[name];
        return new PlainModel(
            name,
            config,
            [.. shape.Tensors()],
            (weights, ids) => new PlainTransformer(shape, weights).Logits(ids),
            shape.Shifts,
            shape.BlockSize);
    }

    public static PlainGemmaShape Gemma { get; } = GemmaShape(Parse(PlainConfigs.DiffusionGemma)["text_config"]!.AsObject());

    private static JsonObject Parse(string config) => JsonNode.Parse(config)!.AsObject();

    private static string WithBlocks(string config, int size) => $"{{ \"block_size\": {size}, {config.TrimStart()[1..]}";

    private static int Integer(JsonObject config, string key) => (int)config[key]!;

    private static double Number(JsonObject config, string key) => (double)config[key]!;

    private static PlainModel DiffusionTransformer(string name, string text)
    {
        JsonObject config = Parse(text);
        PlainDiffusionTransformerShape shape = new(
            Integer(config, "hidden_dim"),
            Integer(config, "cond_dim"),
            Integer(config, "n_blocks"),
            Integer(config, "n_heads"),
            Integer(config, "vocab_size"),
            (int?)config["block_size"]);
        return new PlainModel(
            name,
            text,
            [.. shape.Tensors()],
            (weights, ids) => new PlainDiffusionTransformer(shape, weights).Logits(ids),
            Shifts: false,
            shape.BlockSize);
    }

    private static PlainTransformerShape LladaShape(JsonObject config)
    {
        int size = Integer(config, "d_model") / Integer(config, "n_heads");
        return new PlainTransformerShape
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
        };
    }

    // LLaDA-MoE, SDAR, Dream, Fast-dLLM v2, Open-dCoder, A2D and RND1. What no key says (biases, norms of heads, shift) the caller adds.
    private static PlainTransformerShape QwenShape(JsonObject config)
    {
        int size = (int?)config["head_dim"] ?? (Integer(config, "hidden_size") / Integer(config, "num_attention_heads"));
        return new PlainTransformerShape
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
            Router = config["num_experts"] is null ? null : new PlainRouter(Integer(config, "num_experts"), Integer(config, "num_experts_per_tok"))
            {
                Renormalises = (bool)config["norm_topk_prob"]!,
            },
            ExpertWidth = (int?)(config["moe_intermediate_size"] ?? config["expert_intermediate_size"]) ?? 0,
        };
    }

    private static PlainTransformerShape Llada2Shape(JsonObject config)
    {
        PlainTransformerShape shape = QwenShape(config);
        return shape with
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
        };
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
