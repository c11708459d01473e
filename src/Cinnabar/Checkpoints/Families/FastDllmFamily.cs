// Fast-dLLM v2: the body of Qwen2.5-Instruct, block-causal attention in blocks of 32, shifted logits, decoded in sub-blocks of 8.
// Facts: NVlabs/Fast-dLLM v2; specification A.6, B.8.
// Deviation: the reference takes the first token of a block from the clean pass over the block before; here it is committed like the
// others, its row coming from the same position.
using Cinnabar.Numerics.Kernels;
using Cinnabar.Sampling;

namespace Cinnabar.Checkpoints.Families;

/// <summary>Fast-dLLM v2.</summary>
public sealed class FastDllmFamily : ModelFamily
{
    private const int PublishedMask = 151_665;
    private const int PublishedBlock = 32;
    private const int SubBlock = 8;
    private const int MaxBlock = 1 << 12;

    /// <inheritdoc/>
    public override string Name => "fast-dllm-v2";

    /// <inheritdoc/>
    public override IReadOnlyList<(string Architecture, string ModelType)> Kinds => [("Fast_dLLM_QwenForCausalLM", "Fast_dLLM_Qwen")];

    /// <inheritdoc/>
    public override string ChatTemplate => "chatml";

    internal override bool HeedsGenerationConfig => false;

    internal override ModelConfig ReadConfig(ConfigSource source) =>
        QwenLayout.Read(source, source.Id(["mask_token_id", "mask_id"], ["|<MASK>|", "<|mask|>"], PublishedMask)) with
        {
            QueryKeyValueBias = true,
            ShiftLogits = true,
            AttentionKind = AttentionKind.BlockCausal,
            AttentionBlockSize = source.Json.OptionalInt32("bd_size", 1, MaxBlock) ?? PublishedBlock,
        };

    internal override WeightPlace PlaceOf(NetworkWeight weight, ModelConfig config) => QwenLayout.PlaceOf(weight);

    internal override SamplerOptions Defaults(ModelConfig config) => new()
    {
        BlockSize = Math.Min(SubBlock, config.AttentionBlockSize), Threshold = 0.9,
    };
}
