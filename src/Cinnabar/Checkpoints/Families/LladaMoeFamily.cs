// LLaDA-MoE-7B-A1B: 64 experts of which a token takes 8, weights not renormalised; norms of q and k heads; full attention, logits of the
// same position. Its model_type is that of LLaDA; what dLLM trained further says lladamoe.
// Facts: ZHZisZZ/dllm pipelines/llada (lladamoe); specification A.2.
using Cinnabar.Checkpoints.Gguf;
using Cinnabar.Sampling;

namespace Cinnabar.Checkpoints.Families;

/// <summary>LLaDA-MoE.</summary>
public sealed class LladaMoeFamily : ModelFamily
{
    private const int PublishedMask = 156_895;

    /// <inheritdoc/>
    public override string Name => "llada-moe";

    /// <inheritdoc/>
    public override IReadOnlyList<(string Architecture, string ModelType)> Kinds =>
        [("LLaDAMoEModelLM", "llada"), ("LLaDAMoEModel", "llada"), ("LLaDAMoEModelLM", "lladamoe"), ("LLaDAMoEModel", "lladamoe")];

    /// <inheritdoc/>
    public override string ChatTemplate => "llada-moe";

    /// <inheritdoc/>
    public override string GgufArchitecture => "llada-moe";

    internal override ModelConfig ReadConfig(ConfigSource source)
    {
        JsonSettings json = source.Json;
        json.RequireOnly("clip_qkv", "null", required: false, "clipping of queries, keys and values");
        json.RequireOnly("attention_bias", "false", required: false, "biases of queries, keys and values");
        json.RequireOnly("shared_expert_intermediate_size", "null", required: false, "an expert that every token takes");
        json.RequireOnly("partial_rotary_factor", "1", required: false, "the part of a head that rotates");
        RequireExpertsEverywhere(json);
        return QwenLayout.Read(source, source.Id(["mask_token_id"], ["<|mask|>"], PublishedMask), intermediateKey: null) with
        {
            QueryKeyNorm = json.OptionalBoolean("qk_layernorm") ?? true,
            Experts = QwenLayout.ReadExperts(json, "expert_intermediate_size"),
        };
    }

    internal override byte[] WriteConfig(ModelConfig config)
    {
        SortedDictionary<string, string> values = QwenLayout.Write(config, "expert_intermediate_size");
        values["qk_layernorm"] = SettingsText.ValueOf(config.QueryKeyNorm);
        return SettingsText.ObjectOf(values);
    }

    internal override ModelConfig ReadGguf(GgufFile file) =>
        InGguf(GgufLayout.Read(file, shiftByDefault: true, PublishedMask) with { Experts = GgufLayout.ReadExperts(file) });

    internal override ModelConfig InGguf(ModelConfig config) =>
        config with { QueryKeyNorm = true, Experts = config.Experts! with { Renormalize = false } };

    internal override WeightPlace PlaceOf(NetworkWeight weight, ModelConfig config) => QwenLayout.PlaceOf(weight);

    internal override SamplerOptions Defaults(ModelConfig config) => new() { BlockSize = 32 };

    private static void RequireExpertsEverywhere(JsonSettings json)
    {
        int[]? frequencies = json.OptionalIds("moe_layer_freq");
        if (frequencies is not null && frequencies.Any(frequency => frequency != 1))
        {
            throw json.Wrong("moe_layer_freq", "experts in every block (only ones)", string.Join(", ", frequencies));
        }
    }
}
