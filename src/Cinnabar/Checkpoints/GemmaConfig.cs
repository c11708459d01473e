// What DiffusionGemma has besides the sizes in ModelConfig, which are those of its sliding layers: layers of two kinds, uniform noise.
//
//   sliding layer  NumKeyValueHeads heads of HeadSize, rotary base RopeTheta, causal attention to the last SlidingWindow positions
//   full layer     GlobalKeyValueHeads heads of GlobalHeadSize, keys are the values too, of the GlobalHeadSize/2 rotary pairs the first
//                  GlobalRotaryPairs rotate, with the frequencies GlobalRopeTheta^(−2i/GlobalHeadSize)
//
// Source: huggingface/transformers, models/diffusion_gemma; keys in brackets are those of its text_config.
using Cinnabar.Sampling;

namespace Cinnabar.Checkpoints;

/// <summary>Sizes and constants of DiffusionGemma.</summary>
public sealed record GemmaConfig
{
    /// <summary>Tokens that are denoised together (canvas_length, beside text_config).</summary>
    public required int CanvasLength { get; init; }

    /// <summary>For each layer whether its attention is limited to the window (layer_types).</summary>
    public required IReadOnlyList<bool> SlidingLayers { get; init; }

    /// <summary>Positions that a query of a sliding layer sees, its own included (sliding_window).</summary>
    public required int SlidingWindow { get; init; }

    /// <summary>Head width of full layers (global_head_dim).</summary>
    public required int GlobalHeadSize { get; init; }

    /// <summary>Key heads of full layers (num_global_key_value_heads).</summary>
    public required int GlobalKeyValueHeads { get; init; }

    /// <summary>Base of the rotary frequencies of full layers.</summary>
    public required double GlobalRopeTheta { get; init; }

    /// <summary>Rotary pairs of a head of a full layer that rotate (partial_rotary_factor).</summary>
    public required int GlobalRotaryPairs { get; init; }

    /// <summary>Limit of the logits (final_logit_softcapping).</summary>
    public required double LogitCap { get; init; }

    /// <summary>Factor of the embeddings, √C; the reference rounds it to the type of its weights.</summary>
    public required float EmbeddingScale { get; init; }

    /// <summary>Ids that stand for images, which only the vision part of the model can read.</summary>
    public IReadOnlyList<int> ImageTokenIds { get; init; } = [];

    /// <summary>How canvases are denoised, where the file says so (GGUF: diffusion.eb_*). Default: as DiffusionGemma.</summary>
    public UniformOptions Sampling { get; init; } = new();

    /// <summary>
    /// For each layer whether the files have its factor of known text, or else that of the canvas stands for both. Null: they have all.
    /// </summary>
    internal IReadOnlyList<bool>? HasTextScalars { get; init; }

    /// <summary>Whether gate and up of the experts are tensors of their own in a GGUF file.</summary>
    internal bool SplitsExperts { get; init; }

    /// <summary>Whether the files have no factor of known text for a layer.</summary>
    internal bool LacksTextScalar(int layer) => HasTextScalars is not null && !HasTextScalars[layer];

    /// <summary>Head width of a layer.</summary>
    internal int HeadSizeOf(int layer, ModelConfig config) => SlidingLayers[layer] ? config.HeadSize : GlobalHeadSize;

    /// <summary>Key heads of a layer.</summary>
    internal int KeyValueHeadsOf(int layer, ModelConfig config) => SlidingLayers[layer] ? config.NumKeyValueHeads : GlobalKeyValueHeads;
}
