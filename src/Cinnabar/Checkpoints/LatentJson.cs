using System.Text.Json.Serialization;

namespace Cinnabar.Checkpoints;

/// <summary>What <see cref="LatentShape"/> looks like in config.json.</summary>
internal sealed record LatentJson(
    int Downsampling, int Size, int CodebookGroups, int CodebookSize, int TokenLayers, string Decoder, LatentDenoiserJson? Denoiser)
{
    /// <summary>All keys; one of the denoiser as denoiser.d_model.</summary>
    public static IEnumerable<string> Keys =>
    [
        .. LatentJsonContext.Default.LatentJson.Properties.Select(key => key.Name),
        .. LatentJsonContext.Default.LatentDenoiserJson.Properties.Select(key => $"{LatentShape.DenoiserKey}.{key.Name}"),
    ];
}

/// <summary>What <see cref="LatentDenoiserShape"/> looks like.</summary>
internal sealed record LatentDenoiserJson(
    [property: JsonPropertyName("d_model")] int HiddenSize,
    [property: JsonPropertyName("n_heads")] int Heads,
    [property: JsonPropertyName("mlp_hidden_size")] int IntermediateSize,
    IReadOnlyList<int> Layers,
    string Schedule,
    double ScheduleShift);

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(LatentJson))]
internal sealed partial class LatentJsonContext : JsonSerializerContext;
