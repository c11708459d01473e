// The key "latents" in the config.json of a model that writes through latents:
//
//   "latents": { "downsampling": 4, "size": 64, "codebook_groups": 8, "codebook_size": 256, "token_layers": 1, "decoder": "parallel",
//                "denoiser": { "d_model": 384, "n_heads": 6, "mlp_hidden_size": 1056, "layers": [2, 2, 4],
//                              "schedule": "cosine", "schedule_shift": 1 } }
//
// The keys around it are those of the autoencoder's blocks; n_layers counts the blocks of encoder and decoder together, half of them each.
using System.Text.Json;
using Cinnabar.Diffusion;

namespace Cinnabar.Checkpoints;

/// <summary>How tokens become latents and back.</summary>
public sealed record LatentShape
{
    internal const string ConfigKey = "latents";
    internal const string DenoiserKey = "denoiser";

    /// <summary>s: tokens that one latent stands for (downsampling).</summary>
    public required int Downsampling { get; init; }

    /// <summary>d: numbers of a latent (size).</summary>
    public required int Size { get; init; }

    /// <summary>G: parts of a latent with a codebook each (codebook_groups), a divisor of d with at least two numbers a part.</summary>
    public required int CodebookGroups { get; init; }

    /// <summary>K: codes of a codebook (codebook_size); 0: latents are not replaced by codes.</summary>
    public required int CodebookSize { get; init; }

    /// <summary>Blocks of the encoder, and of a parallel decoder, that see tokens; the others see latents (token_layers).</summary>
    public required int TokenLayers { get; init; }

    /// <summary>
    /// Whether the decoder writes left to right behind the latents ("causal") instead of all tokens at once ("parallel") (decoder).
    /// Default false.
    /// </summary>
    public bool HasCausalDecoder { get; init; }

    /// <summary>The network that denoises latents; null: there is none yet.</summary>
    public LatentDenoiserShape? Denoiser { get; init; }

    /// <summary>Reads and checks the object.</summary>
    /// <param name="json">It.</param>
    /// <param name="config">The keys around it.</param>
    /// <exception cref="CinnabarException">A value is missing or wrong.</exception>
    internal static LatentShape Read(JsonSettings json, ModelConfig config)
    {
        LatentShape shape = new()
        {
            Downsampling = json.Int32("downsampling", "tokens that one latent stands for", 1, 1024),
            Size = json.Int32("size", "numbers of a latent", 2, 1 << 14),
            CodebookGroups = json.Int32("codebook_groups", "parts of a latent with a codebook each", 1, 1 << 10),
            CodebookSize = json.Int32("codebook_size", "codes of a codebook", 0, 1 << 16),
            TokenLayers = json.Int32("token_layers", "blocks of the encoder that see tokens", 0, 1 << 10),
            HasCausalDecoder = json.OptionalWord("decoder", "parallel", "causal") == "causal",
            Denoiser = json.Member(DenoiserKey) is JsonSettings denoiser ? LatentDenoiserShape.Read(denoiser) : null,
        };
        if (shape.Size % shape.CodebookGroups != 0 || shape.Size / shape.CodebookGroups < 2)
        {
            throw json.Wrong("codebook_groups", $"a divisor of size {shape.Size} that leaves at least 2", $"{shape.CodebookGroups}");
        }

        if (config.NumHiddenLayers % 2 != 0 || shape.TokenLayers > config.NumHiddenLayers / 2)
        {
            throw json.Wrong(
                "token_layers",
                $"at most half of an even n_layers, found n_layers {config.NumHiddenLayers}",
                $"token_layers {shape.TokenLayers}");
        }

        int unit = shape.Unit;
        return config.MaxSequenceLength % unit == 0
            ? shape
            : throw json.Wrong("downsampling", $"max_sequence_length to be a multiple of {unit} tokens", $"{config.MaxSequenceLength}");
    }

    /// <summary>Texts have a multiple of so many tokens: what one latent of the coarsest level of the denoiser stands for.</summary>
    public int Unit => Downsampling << ((Denoiser?.Layers.Count ?? 1) - 1);

    /// <summary>The object as JSON.</summary>
    internal string ToJson() => JsonSerializer.Serialize(
        new LatentJson(
            Downsampling, Size, CodebookGroups, CodebookSize, TokenLayers, HasCausalDecoder ? "causal" : "parallel", Denoiser?.ToJson()),
        LatentJsonContext.Default.LatentJson);
}

/// <summary>The network that denoises latents.</summary>
public sealed record LatentDenoiserShape
{
    /// <summary>Width (d_model).</summary>
    public required int HiddenSize { get; init; }

    /// <summary>Heads (n_heads).</summary>
    public required int NumAttentionHeads { get; init; }

    /// <summary>Width of the SwiGLU layer (mlp_hidden_size).</summary>
    public required int IntermediateSize { get; init; }

    /// <summary>
    /// Blocks of each level, finest first: each level halves the sequence, and all but the last have as many on the way back (layers).
    /// </summary>
    public required IReadOnlyList<int> Layers { get; init; }

    /// <summary>Whether λ falls evenly ("linear") instead of like that of a cosine ("cosine") (schedule).</summary>
    public bool IsLinear { get; init; }

    /// <summary>s of a cosine (schedule_shift). Default 1.</summary>
    public double Shift { get; init; } = 1;

    /// <summary>The law of noise.</summary>
    public GaussianSchedule Schedule => IsLinear ? GaussianSchedule.Linear() : GaussianSchedule.Cosine(Shift);

    /// <summary>Blocks in all.</summary>
    public int BlockCount => (2 * Layers.Sum()) - Layers[^1];

    /// <summary>Reads and checks the object.</summary>
    internal static LatentDenoiserShape Read(JsonSettings json)
    {
        LatentDenoiserShape shape = new()
        {
            HiddenSize = json.Int32("d_model", "width of the denoiser", 2, 1 << 14),
            NumAttentionHeads = json.Int32("n_heads", "heads of the denoiser", 1, 1 << 10),
            IntermediateSize = json.Int32("mlp_hidden_size", "width of the denoiser's feed-forward layers", 1, 1 << 16),
            Layers = json.OptionalIds("layers") ?? throw json.Wrong("layers", "blocks of each level, such as [2, 4]", "nothing"),
            IsLinear = json.OptionalWord("schedule", "cosine", "linear") == "linear",
            Shift = json.OptionalNumber("schedule_shift", 1e-3, 1e3) ?? 1,
        };
        if (shape.HiddenSize % shape.NumAttentionHeads != 0 || shape.HiddenSize / shape.NumAttentionHeads % 2 != 0)
        {
            throw json.Wrong("n_heads", $"a divisor of d_model {shape.HiddenSize} that leaves an even width", $"{shape.NumAttentionHeads}");
        }

        return shape.Layers.Count is >= 1 and <= 6 && shape.Layers.All(layers => layers is >= 1 and <= 64)
            ? shape
            : throw json.Wrong("layers", "one to six levels of 1 to 64 blocks", $"[{string.Join(", ", shape.Layers)}]");
    }

    internal LatentDenoiserJson ToJson() =>
        new(HiddenSize, NumAttentionHeads, IntermediateSize, Layers, IsLinear ? "linear" : "cosine", Shift);
}
