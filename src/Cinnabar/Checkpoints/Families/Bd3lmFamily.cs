// BD3-LM (Arriola et al. 2025): MDLM in blocks. Training runs over [x_t; x_0], noisy and clean tokens with the same positions, and allows
//   noisy q → noisy k of its own block;    noisy q → clean k of earlier blocks;    clean q → clean k of its own and earlier blocks.
// When a block is sampled, every block before it is clean, so there is one copy of each token, and its keys may be called noisy or clean:
//   rows of the noisy block see their own block and all earlier ones;    rows of a clean block see their own and all earlier ones.
// That is block-causal attention, ⌊k/block⌋ ≤ ⌊q/block⌋. A clean block sees nothing that is still to change, so its keys and values are
// final once it was computed clean, and a cache of them is exact. The reference samples the same way, with the clean part of the mask.
//
// Without cross_attn attention is full, as in MDLM; without adaln the norms are not adaptive. Blocks with time_conditioning are refused:
// keys of clean blocks would depend on the noise of the block that is sampled. var_min and sampling_eps_* concern training alone.
// Facts: kuleshov-group/bd3lms; specification A.10, B.9 (nucleus 0.9 is the reference's).
using Cinnabar.Numerics.Kernels;
using Cinnabar.Sampling;

namespace Cinnabar.Checkpoints.Families;

/// <summary>BD3-LM.</summary>
public sealed class Bd3lmFamily : DiffusionTransformerFamily
{
    /// <inheritdoc/>
    public override string Name => "bd3lm";

    /// <inheritdoc/>
    public override IReadOnlyList<(string Architecture, string ModelType)> Kinds => [("BD3LM", "bd3lm")];

    internal override ModelConfig ReadConfig(ConfigSource source)
    {
        JsonSettings json = source.Json;
        json.RequireOnly("causal", "false", required: false, "attention from left to right");
        int block = json.Int32("block_size", "tokens that are denoised together", 1, DiffusionTransformerLayout.MaxLength);
        bool hasBlocks = json.OptionalBoolean("cross_attn") ?? true;
        if (hasBlocks)
        {
            json.RequireOnly("time_conditioning", "false", required: false, "telling blocks the noise level");
        }

        int vocabulary = json.Int32("vocab_size", "number of token ids", 2, DiffusionTransformerLayout.MaxVocabulary);
        return DiffusionTransformerLayout.Read(source, json, vocabulary, "hidden_dim", "model_length") with
        {
            NoiseConditioning = json.OptionalBoolean("adaln") ?? true ? DiffusionTransformerLayout.ReadConditioning(json) : null,
            AttentionKind = hasBlocks ? AttentionKind.BlockCausal : AttentionKind.Full,
            AttentionBlockSize = hasBlocks ? block : 1,
        };
    }

    internal override SamplerOptions Defaults(ModelConfig config) => new()
    {
        Remasking = Remasking.Random,
        Temperature = 1,
        TopP = 0.9,
        BlockSize = config.AttentionKind == AttentionKind.BlockCausal ? config.AttentionBlockSize : null,
    };
}
