namespace Cinnabar.Checkpoints.Families;

/// <summary>The families that are supported.</summary>
public static class ModelFamilies
{
    /// <summary>All of them.</summary>
    public static IReadOnlyList<ModelFamily> All { get; } =
    [
        LladaFamily.Instance,
        new LladaMoeFamily(),
        new Llada2Family(),
        new DreamFamily(),
        new SdarFamily(),
        new FastDllmFamily(),
        new A2dFamily(),
        new OpenDcoderFamily(),
        new Rnd1Family(),
        new DiffusionGemmaFamily(),
        new MdlmFamily(),
        new Bd3lmFamily(),
        new SeddFamily(),
        new LatentFamily(),
    ];

    /// <summary>The family of a config.json.</summary>
    /// <exception cref="CinnabarException">It is of none; the message lists what is supported.</exception>
    internal static ModelFamily Of(JsonSettings json)
    {
        foreach (ModelFamily family in All)
        {
            if (family.Recognizes(json))
            {
                return family;
            }
        }

        throw NoFamily(json, json.FirstText("architectures"), json.OptionalText("model_type"));
    }

    private static CinnabarException NoFamily(JsonSettings json, string? architecture, string? modelType)
    {
        List<(string Architecture, string ModelType)> kinds = [.. All.SelectMany(family => family.Kinds)];
        string supported = "Supported are " + string.Join(", ", kinds.Select(kind => $"{kind.Architecture} ({kind.ModelType})")) + ".";
        if (architecture is null)
        {
            return new CinnabarException(
                $"{json.File}: expected the key architectures (the architecture of the network), found none.", supported);
        }

        if (modelType is null)
        {
            return new CinnabarException($"{json.File}: expected the key model_type (the family of the model), found none.", supported);
        }

        string types = string.Join(" or ", kinds.Where(kind => kind.Architecture == architecture).Select(kind => $"\"{kind.ModelType}\""));
        return types.Length > 0
            ? new CinnabarException(
                $"{json.File}: model_type (the family of the model): expected {types} beside architectures {architecture}, "
                + $"found {ErrorText.Quote($"\"{modelType}\"")}.",
                supported)
            : new CinnabarException(
                $"{json.File}: architectures (the architecture of the network): expected a supported one, "
                + $"found {ErrorText.Quote($"[\"{architecture}\"]")} (model_type {ErrorText.Quote(modelType)}).",
                supported);
    }
}
