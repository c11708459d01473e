// A2D of dLLM: Qwen2 and Qwen3 turned into diffusion models, with full attention (mdlm) or in blocks of 32 (bd3lm); logits of the same
// position. Both kinds say the same in config.json, so a bd3lm model needs the key "block_size" there; without it attention is full.
// Facts: ZHZisZZ/dllm pipelines/a2d; specification table 0.
using Cinnabar.Numerics.Kernels;
using Cinnabar.Sampling;

namespace Cinnabar.Checkpoints.Families;

/// <summary>A2D-Qwen2 and A2D-Qwen3.</summary>
public sealed class A2dFamily : ModelFamily
{
    private const int MaxBlock = 1 << 12;

    /// <inheritdoc/>
    public override string Name => "a2d";

    /// <inheritdoc/>
    public override IReadOnlyList<(string Architecture, string ModelType)> Kinds =>
        [("A2DQwen2LMHeadModel", "a2d-qwen2"), ("A2DQwen3LMHeadModel", "a2d-qwen3")];

    /// <inheritdoc/>
    public override string ChatTemplate => "chatml";

    internal override bool HeedsGenerationConfig => false;

    internal override ModelConfig ReadConfig(ConfigSource source)
    {
        JsonSettings json = source.Json;
        bool isQwen3 = json.OptionalText("model_type") == "a2d-qwen3" || json.FirstText("architectures") == "A2DQwen3LMHeadModel";
        int? block = json.OptionalInt32("block_size", 1, MaxBlock);
        return QwenLayout.Read(source, source.Id(["mask_token_id"], ["<|mask|>"], otherwise: null)) with
        {
            QueryKeyNorm = isQwen3,
            QueryKeyValueBias = !isQwen3,
            AttentionKind = block is null ? AttentionKind.Full : AttentionKind.BlockCausal,
            AttentionBlockSize = block ?? 1,
        };
    }

    internal override WeightPlace PlaceOf(NetworkWeight weight, ModelConfig config) => QwenLayout.PlaceOf(weight);

    internal override SamplerOptions Defaults(ModelConfig config) =>
        new() { BlockSize = config.AttentionKind == AttentionKind.Full ? 32 : config.AttentionBlockSize };
}
