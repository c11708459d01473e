// LLaDA2.0 and 2.1 (mini, flash): experts by sigmoid scores with a bias for the choice and limited to the best groups, a shared expert, a
// dense first block; q, k, v in one matrix; half of each head rotates; block-causal attention in blocks of 32, logits of the same position.
// What a file leaves out is what the published configuration class has: eight groups of which four stay, weights times 2.5. No published
// file names the id that ends a text; it is the padding.
// Facts: ZHZisZZ/dllm pipelines/llada2, inclusionAI/dFactory; specification A.3, B.5. Editing (2.1) is off by default: it spoils 2.0.
using Cinnabar.Numerics.Kernels;
using Cinnabar.Sampling;

namespace Cinnabar.Checkpoints.Families;

/// <summary>LLaDA2.</summary>
public sealed class Llada2Family : ModelFamily
{
    private const int PublishedMask = 156_895;
    private const int PublishedEnd = 156_892;
    private const int PublishedBlock = 32;
    private const double RotatingPart = 0.5;
    private const int Groups = 8;
    private const int BestGroups = 4;
    private const double ExpertFactor = 2.5;
    private const int MaxBlock = 1 << 12;
    private const int MaxCount = 1 << 12;

    /// <inheritdoc/>
    public override string Name => "llada2";

    /// <inheritdoc/>
    public override IReadOnlyList<(string Architecture, string ModelType)> Kinds =>
        [("LLaDA2MoeModelLM", "llada2_moe"), ("LLaDA2MoeModel", "llada2_moe")];

    /// <inheritdoc/>
    public override string ChatTemplate => "llada2";

    internal override ModelConfig ReadConfig(ConfigSource source)
    {
        JsonSettings json = source.Json;
        json.RequireOnly("use_qkv_bias", "false", required: false, "biases of queries, keys and values");
        json.RequireOnly("use_bias", "false", required: false, "biases of the linear layers");
        json.RequireOnly("expert_capacity", "null", required: false, "experts chosen for a whole block, as in LLaDA2.2");
        json.RequireOnly("delete_token_id", "null", required: false, "tokens that delete, as in LLaDA2.2");
        json.RequireOnly("split_token_id", "null", required: false, "tokens that insert, as in LLaDA2.2");
        int mask = source.Id(["mask_token_id"], ["<|mask|>"], PublishedMask);
        int? end = json.Has("eos_token_id") ? null : source.Id(["pad_token_id"], ["<|endoftext|>"], PublishedEnd);
        ModelConfig config = QwenLayout.Read(source, mask, eosOtherwise: end) with
        {
            QueryKeyNorm = json.OptionalBoolean("use_qk_norm") ?? true,
            AttentionKind = AttentionKind.BlockCausal,
            AttentionBlockSize = json.OptionalInt32("block_size", 1, MaxBlock) ?? PublishedBlock,
        };
        int? rotary = json.OptionalInt32("rotary_dim", 2, config.HeadSize);
        double factor = json.Member("rope_parameters")?.OptionalNumber("partial_rotary_factor", 0, 1, aboveLeast: true)
            ?? json.OptionalNumber("partial_rotary_factor", 0, 1, aboveLeast: true) ?? RotatingPart;
        int rotating = rotary ?? (int)(config.HeadSize * factor);
        if (rotating < 2 || rotating % 2 != 0)
        {
            throw json.Wrong("rotary_dim", "an even number of dimensions, at least 2", $"{rotating}");
        }

        return config with { RotaryDimensions = rotating, Experts = ReadExperts(json) };
    }

    internal override WeightPlace PlaceOf(NetworkWeight weight, ModelConfig config)
    {
        string layer = $"model.layers.{weight.Block}.";
        int query = config.NumAttentionHeads * config.HeadSize;
        int keyValue = config.NumKeyValueHeads * config.HeadSize;
        return weight.Part switch
        {
            "wte" => new WeightPlace("model.word_embeddings.weight"),
            "q_proj" => Fused(0, query),
            "k_proj" => Fused(query, keyValue),
            "v_proj" => Fused(query + keyValue, keyValue),
            "q_norm" => new WeightPlace(layer + "attention.query_layernorm.weight"),
            "k_norm" => new WeightPlace(layer + "attention.key_layernorm.weight"),
            "attn_out" => new WeightPlace(layer + "attention.dense.weight"),
            "router_bias" => new WeightPlace(layer + "mlp.gate.expert_bias"),
            "ff_proj" when weight.IsShared => new WeightPlace(layer + "mlp.shared_experts.gate_proj.weight"),
            "up_proj" when weight.IsShared => new WeightPlace(layer + "mlp.shared_experts.up_proj.weight"),
            "ff_out" when weight.IsShared => new WeightPlace(layer + "mlp.shared_experts.down_proj.weight"),
            _ => QwenLayout.PlaceOf(weight),
        };

        WeightPlace Fused(int first, int count) => new(layer + "attention.query_key_value.weight")
        {
            Rows = [.. Enumerable.Range(first, count)],
            StoredRows = query + (2 * keyValue),
        };
    }

    internal override SamplerOptions Defaults(ModelConfig config) => new() { BlockSize = config.AttentionBlockSize, Threshold = 0.95 };

    private static ExpertConfig ReadExperts(JsonSettings json)
    {
        string score = json.OptionalWord("score_function", "sigmoid", "softmax") ?? "sigmoid";
        ExpertConfig experts = QwenLayout.ReadExperts(json) with
        {
            Scoring = score == "sigmoid" ? ExpertScoring.Sigmoid : ExpertScoring.Softmax,
            Renormalize = json.OptionalBoolean("norm_topk_prob") ?? true,
            ScalingFactor = json.OptionalNumber("routed_scaling_factor", 0, 1e6) ?? ExpertFactor,
            HasSelectionBias = json.OptionalBoolean("moe_router_enable_expert_bias") ?? true,
            GroupCount = json.OptionalInt32("n_group", 1, MaxCount) ?? Groups,
            ActiveGroups = json.OptionalInt32("topk_group", 1, MaxCount) ?? BestGroups,
            DenseBlocks = json.OptionalInt32("first_k_dense_replace", 0, MaxCount) ?? 0,
        };
        if (experts.Count % experts.GroupCount != 0 || experts.ActiveGroups > experts.GroupCount
            || experts.ActiveGroups * (experts.Count / experts.GroupCount) < experts.ActiveCount)
        {
            throw json.Wrong(
                "topk_group",
                $"groups that divide num_experts {experts.Count} and hold num_experts_per_tok {experts.ActiveCount}",
                $"{experts.ActiveGroups} of n_group {experts.GroupCount}");
        }

        int shared = json.OptionalInt32("num_shared_experts", 0, MaxCount) ?? 0;
        return experts with { SharedIntermediateSize = shared == 0 ? null : checked(shared * experts.IntermediateSize) };
    }
}
