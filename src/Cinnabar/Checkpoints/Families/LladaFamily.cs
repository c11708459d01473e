// LLaDA 8B (Base, Instruct, 1.5) and Cinnabar's own models: the layout that the network's weights are named after.
// Facts: ML-GSAI/LLaDA; specification A.1, A.11.
using Cinnabar.Checkpoints.Gguf;

namespace Cinnabar.Checkpoints.Families;

/// <summary>LLaDA.</summary>
public sealed class LladaFamily : ModelFamily
{
    internal const string Architecture = "LLaDAModelLM";
    internal const string ModelType = "llada";

    // Of the published LLaDA-8B checkpoints: <|mdm_mask|>, <|endoftext|> and <|eot_id|>.
    private const int PublishedMask = 126_336;
    private const int EndOfText = 126_081;
    private const int EndOfTurn = 126_348;

    private LladaFamily()
    {
    }

    /// <summary>The one instance.</summary>
    public static LladaFamily Instance { get; } = new();

    /// <inheritdoc/>
    public override string Name => "llada";

    /// <inheritdoc/>
    public override IReadOnlyList<(string Architecture, string ModelType)> Kinds => [(Architecture, ModelType)];

    /// <inheritdoc/>
    public override string ChatTemplate => "llada";

    /// <inheritdoc/>
    public override string GgufArchitecture => "llada";

    internal override ModelConfig ReadConfig(ConfigSource source)
    {
        ModelConfig config = ModelConfigJson.Read(source.Json, Architecture, ModelType);
        return config.EosTokenId == EndOfText && config.VocabularySize > EndOfTurn ? config with { AlsoEndText = [EndOfTurn] } : config;
    }

    internal override byte[] WriteConfig(ModelConfig config) => ModelConfigJson.Write(config);

    internal override ModelConfig ReadGguf(GgufFile file) => GgufLayout.Read(file, shiftByDefault: false, PublishedMask);

    internal override WeightPlace GgufPlaceOf(NetworkWeight weight, ModelConfig config) =>
        GgufLayout.PlaceOf(weight, config, hasRotaryPairs: true);

    internal override WeightPlace PlaceOf(NetworkWeight weight, ModelConfig config) => new(weight.Name);

    internal override bool Ignores(string tensor, ModelConfig config) => false;
}
