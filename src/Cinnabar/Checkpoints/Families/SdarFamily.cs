// SDAR and TraDo, dense and with experts: the body of Qwen3 (norms of q and k heads), block-causal attention, logits of the same position.
// Facts: JetAstra/SDAR, InternLM/lmdeploy; specification A.5, B.5.
using Cinnabar.Numerics.Kernels;
using Cinnabar.Sampling;

namespace Cinnabar.Checkpoints.Families;

/// <summary>SDAR.</summary>
public sealed class SdarFamily : ModelFamily
{
    private const int PublishedMask = 151_669;
    private const int PublishedBlock = 4;
    private const int MaxBlock = 1 << 12;

    /// <inheritdoc/>
    public override string Name => "sdar";

    /// <inheritdoc/>
    public override IReadOnlyList<(string Architecture, string ModelType)> Kinds =>
        [("SDARForCausalLM", "sdar"), ("SDARMoeForCausalLM", "sdar_moe")];

    /// <inheritdoc/>
    public override string ChatTemplate => "chatml";

    internal override ModelConfig ReadConfig(ConfigSource source)
    {
        JsonSettings json = source.Json;
        bool hasExperts = json.OptionalText("model_type") == "sdar_moe" || json.FirstText("architectures") == "SDARMoeForCausalLM";
        json.RequireOnly("attention_bias", "false", required: false, "biases of queries, keys and values");
        int mask = source.Id(["mask_token_id"], ["<|MASK|>", "<MASK>", "<|mask|>"], PublishedMask);
        return QwenLayout.Read(source, mask, hasExperts ? null : "intermediate_size") with
        {
            QueryKeyNorm = true,
            AttentionKind = AttentionKind.BlockCausal,
            AttentionBlockSize = json.OptionalInt32("block_size", 1, MaxBlock) ?? PublishedBlock,
            Experts = hasExperts ? QwenLayout.ReadExperts(json) : null,
        };
    }

    internal override WeightPlace PlaceOf(NetworkWeight weight, ModelConfig config) => QwenLayout.PlaceOf(weight);

    internal override SamplerOptions Defaults(ModelConfig config) => new()
    {
        BlockSize = config.AttentionBlockSize, Threshold = 0.85, Temperature = 0.6, TopK = 20, TopP = 0.95,
    };
}
