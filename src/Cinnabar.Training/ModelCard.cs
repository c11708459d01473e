// The README.md that goes with trained weights: what they are, from what, and how good; with the front matter of a Hugging Face model card.
using System.Globalization;
using Cinnabar.Checkpoints;
using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Training;

/// <summary>Writes the model card of a finished run.</summary>
public static class ModelCard
{
    /// <summary>A card with what the run itself knows; results of evaluations are added by their commands' user.</summary>
    public static string Write(TrainingOptions options, TrainingProgressMark mark)
    {
        ModelConfig config = options.ModelConfig;
        string heldOut = mark.HeldOutBitsPerByte == 0
            ? "not measured"
            : string.Create(CultureInfo.InvariantCulture, $"{mark.HeldOutBitsPerByte:F3} bits per byte");
        (string kind, string tags, string measure) = config.Latents is { } latents
            ? (latents.Denoiser is null ? "The autoencoder of a latent-diffusion" : "A latent-diffusion",
                "diffusion-language-model, latent-diffusion",
                latents.Denoiser is null ? "rebuilt from its latents" : "decoded from latents denoised in one pass")
            : config.IsAutoregressive
            ? ("An autoregressive", "autoregressive", "exact likelihood")
            : config.AttentionKind == AttentionKind.BlockCausal
            ? ("A block-diffusion", "diffusion-language-model, block-diffusion", "likelihood bound")
            : ("A masked-diffusion", "diffusion-language-model, masked-diffusion", "likelihood bound");
        string sizes = $"{config.NumHiddenLayers}, {config.HiddenSize}, {config.NumAttentionHeads}, {config.IntermediateSize}";
        return string.Create(CultureInfo.InvariantCulture, $"""
            ---
            library_name: cinnabar
            pipeline_tag: text-generation
            tags: [{tags}]
            ---
            # {Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(options.Output)))}

            {kind} language model{(config.Latents is null ? " in the LLaDA layout" : "")}, trained by Cinnabar.

            | | |
            |---|---|
            | parameters | {config.ParameterCount:N0} ({config.NonEmbeddingParameterCount:N0} without the embedding, with the head) |
            | layers, width, heads, feed-forward | {sizes} |
            | vocabulary, context | {config.VocabularySize}, {config.MaxSequenceLength} |
            | training tokens | {mark.Tokens:N0} in {mark.Step:N0} steps |
            | training compute (6·N·positions) | {mark.Flops:E2} FLOPs |
            | held-out text, {measure} | {heldOut} |

            The training configuration is in `options.json` of the run.
            """) + "\n";
    }
}
