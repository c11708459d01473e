// Which layers of which network a machine is to compute: what of a ModelConfig its layers need, and no more, as JSON.
using System.Text.Json;
using System.Text.Json.Serialization;
using Cinnabar.Checkpoints;
using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Machines;

/// <summary>Some neighbouring layers of a network. For the sizes see <see cref="ModelConfig"/>.</summary>
internal sealed record LayerAssignment
{
    // Far above any open model; they keep products within 64 bits and loops short.
    private const int MostLayers = 1 << 10;
    private const int MostWidth = 1 << 17;
    private const int MostPositions = 1 << 24;
    private const int MostExperts = 1 << 18; // of all layers together

    /// <summary>What people call the model.</summary>
    public required string Model { get; init; }

    /// <summary>Number of the first layer.</summary>
    public required int First { get; init; }

    /// <summary>How many layers.</summary>
    public required int Count { get; init; }

    /// <summary>Rounding of matrix-product operands.</summary>
    public required MatMulPrecision Precision { get; init; }

    public required int HiddenSize { get; init; }

    public required int NumHiddenLayers { get; init; }

    public required int NumAttentionHeads { get; init; }

    public required int NumKeyValueHeads { get; init; }

    public required int HeadSize { get; init; }

    public required int IntermediateSize { get; init; }

    public required int MaxSequenceLength { get; init; }

    public required double RmsNormEps { get; init; }

    public required double RopeTheta { get; init; }

    public required int RotaryDimensions { get; init; }

    public required bool LearnedPositions { get; init; }

    public required int AttentionBlockSize { get; init; }

    public required bool QueryKeyValueBias { get; init; }

    public required bool QueryKeyNorm { get; init; }

    public required ExpertConfig? Experts { get; init; }

    /// <summary>Some layers of a network.</summary>
    public static LayerAssignment Of(ModelConfig config, string model, int first, int count, MatMulPrecision precision) => new()
    {
        Model = model,
        First = first,
        Count = count,
        Precision = precision,
        HiddenSize = config.HiddenSize,
        NumHiddenLayers = config.NumHiddenLayers,
        NumAttentionHeads = config.NumAttentionHeads,
        NumKeyValueHeads = config.NumKeyValueHeads,
        HeadSize = config.HeadSize,
        IntermediateSize = config.IntermediateSize,
        MaxSequenceLength = config.MaxSequenceLength,
        RmsNormEps = config.RmsNormEps,
        RopeTheta = config.RopeTheta,
        RotaryDimensions = config.RotaryDimensions,
        LearnedPositions = config.LearnedPositions,
        AttentionBlockSize = config.AttentionBlockSize,
        QueryKeyValueBias = config.QueryKeyValueBias,
        QueryKeyNorm = config.QueryKeyNorm,
        Experts = config.Experts,
    };

    /// <summary>Reads and checks what another machine sent.</summary>
    /// <exception cref="InvalidDataException">It is no assignment, or one of impossible sizes.</exception>
    public static LayerAssignment Parse(string json)
    {
        LayerAssignment? read;
        try
        {
            read = JsonSerializer.Deserialize(json, LayerAssignmentJson.Default.LayerAssignment);
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"Expected layers of a network as JSON, found something else: {e.Message}", e);
        }

        return read is not null && read.IsPossible
            ? read
            : throw new InvalidDataException("Expected layers of a network, found sizes that no network has.");
    }

    /// <summary>The JSON that <see cref="Parse"/> reads.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, LayerAssignmentJson.Default.LayerAssignment);

    /// <summary>The network as its layers see it; it has no tokens.</summary>
    public ModelConfig ToConfig() => new()
    {
        HiddenSize = HiddenSize,
        NumHiddenLayers = NumHiddenLayers,
        NumAttentionHeads = NumAttentionHeads,
        NumKeyValueHeads = NumKeyValueHeads,
        HeadSize = HeadSize,
        IntermediateSize = IntermediateSize,
        MaxSequenceLength = MaxSequenceLength,
        RmsNormEps = RmsNormEps,
        RopeTheta = RopeTheta,
        RotaryDimensions = RotaryDimensions,
        LearnedPositions = LearnedPositions,
        AttentionBlockSize = AttentionBlockSize,
        QueryKeyValueBias = QueryKeyValueBias,
        QueryKeyNorm = QueryKeyNorm,
        Experts = Experts,
        VocabularySize = 1,
        EmbeddingSize = 1,
        MaskTokenId = 0,
        EosTokenId = 0,
        PadTokenId = 0,
    };

    private bool IsPossible =>
        Within(NumHiddenLayers, MostLayers) && Within(Count, NumHiddenLayers) && First >= 0 && First <= NumHiddenLayers - Count
        && Within(HiddenSize, MostWidth) && Within(IntermediateSize, MostWidth) && Within(MaxSequenceLength, MostPositions)
        && Within(NumAttentionHeads, MostWidth) && Within(NumKeyValueHeads, NumAttentionHeads)
        && NumAttentionHeads % NumKeyValueHeads == 0
        && Within(HeadSize, ModelConfig.WidestHead) && (long)NumAttentionHeads * HeadSize <= 4L * MostWidth
        && RotaryDimensions >= 0 && RotaryDimensions <= HeadSize && RotaryDimensions % 2 == 0
        && RmsNormEps is > 0 and < 1 && RopeTheta is >= 1 and <= 1e12 && Within(AttentionBlockSize, MostPositions)
        && Enum.IsDefined(Precision) && (Experts is null || ArePossible(Experts, NumHiddenLayers));

    private static bool ArePossible(ExpertConfig experts, int layers) =>
        Within(experts.Count, MostExperts / layers) && Within(experts.ActiveCount, experts.Count)
        && Within(experts.IntermediateSize, MostWidth)
        && Enum.IsDefined(experts.Scoring) && double.IsFinite(experts.ScalingFactor)
        && Within(experts.GroupCount, experts.Count) && experts.Count % experts.GroupCount == 0
        && Within(experts.ActiveGroups, experts.GroupCount)
        && experts.ActiveCount <= experts.Count / experts.GroupCount * experts.ActiveGroups
        && (experts.SharedIntermediateSize is null || Within(experts.SharedIntermediateSize.Value, MostWidth))
        && experts.DenseBlocks is >= 0 and <= MostLayers;

    private static bool Within(int value, int most) => value >= 1 && value <= most;
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(LayerAssignment))]
internal sealed partial class LayerAssignmentJson : JsonSerializerContext;
