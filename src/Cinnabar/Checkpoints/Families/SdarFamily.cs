// SDAR and TraDo, dense and with experts: the body of Qwen3 (norms of q and k heads), block-causal attention, logits of the same position.
// The published config.json has no block_size: models with other blocks than 4 say theirs in their name (SDAR-8B-Chat-b32).
// Facts: JetAstra/SDAR, InternLM/lmdeploy; specification A.5, B.5.
using System.Globalization;
using Cinnabar.Numerics.Kernels;
using Cinnabar.Sampling;

namespace Cinnabar.Checkpoints.Families;

/// <summary>SDAR.</summary>
public sealed class SdarFamily : ModelFamily
{
    /// <summary>The key of the block.</summary>
    internal const string BlockKey = "block_size";

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
        int? block = json.OptionalInt32(BlockKey, 1, MaxBlock);
        return QwenLayout.Read(source, mask, hasExperts ? null : "intermediate_size") with
        {
            QueryKeyNorm = true,
            AttentionKind = AttentionKind.BlockCausal,
            AttentionBlockSize = block ?? BlockIn(source.ModelName) ?? PublishedBlock,
            AttentionBlockIsAssumed = block is null,
            Experts = hasExperts ? QwenLayout.ReadExperts(json) : null,
        };
    }

    internal override WeightPlace PlaceOf(NetworkWeight weight, ModelConfig config) => QwenLayout.PlaceOf(weight);

    internal override SamplerOptions Defaults(ModelConfig config) => new()
    {
        BlockSize = config.AttentionBlockSize, Threshold = 0.85, Temperature = 0.6, TopK = 20, TopP = 0.95,
    };

    // 32 of "SDAR-8B-Chat-b32" and of "SDAR-8B-Chat-b32-bf16".
    private static int? BlockIn(string? name)
    {
        foreach (string part in (name ?? "").Split('-').Skip(1).Reverse())
        {
            if (part.StartsWith('b')
                && int.TryParse(part.AsSpan(1), NumberStyles.None, CultureInfo.InvariantCulture, out int block)
                && block is >= 1 and <= MaxBlock)
            {
                return block;
            }
        }

        return null;
    }
}
