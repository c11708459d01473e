// How the matrices of a model are stored as integers, in the layouts of the compressed-tensors library:
//
//   8 bits   format "int-quantized"    X.weight I8 [out, in];  every matrix, the embedding table too
//   4 bits   format "pack-quantized"   X.weight_packed I32 [out, in/8], eight values q + 8 from the low bits up;  every matrix but the
//                                      embedding table and the head, which stay BF16
//   both                               X.weight_scale F32 [out, groups]; what may not be rounded (NetworkWeight.MayRound) stays as it is
//
// symmetric, one scale for a row ("channel") or for each group of columns ("group"). Deviation: no X.weight_shape, which config.json tells.
using System.Text.Json;
using Cinnabar.Numerics;

namespace Cinnabar.Checkpoints;

/// <summary>Integers instead of floating-point numbers in the matrices of a model.</summary>
/// <param name="Type">Int8 or Int4.</param>
/// <param name="GroupSize">Columns with a common scale; null: a whole row. Needed for Int4.</param>
public sealed record WeightQuantization(DType Type, int? GroupSize)
{
    /// <summary>A group is a block of K of a product, and these are multiples of 16.</summary>
    public const int GroupMultiple = 16;

    /// <summary>The key of config.json.</summary>
    internal const string ConfigKey = "quantization_config";

    private const int LargestGroup = 1 << 16;

    /// <summary>
    /// The quantisation called <paramref name="type"/> with the largest group of at most 128 columns that fits a network.
    /// </summary>
    /// <param name="type">Int8: one scale a row; Int4: groups.</param>
    /// <param name="config">The network.</param>
    /// <exception cref="CinnabarException">No group fits.</exception>
    public static WeightQuantization For(DType type, ModelConfig config)
    {
        if (type == DType.Int8)
        {
            return new WeightQuantization(type, null);
        }

        int[] columns = ColumnsOf(new WeightQuantization(type, null), config);
        for (int group = 128; group >= GroupMultiple; group -= GroupMultiple)
        {
            if (Array.TrueForAll(columns, count => count % group == 0))
            {
                return new WeightQuantization(type, group);
            }
        }

        throw new CinnabarException(
            $"Expected matrices whose rows have a common divisor that is a multiple of {GroupMultiple}, "
            + $"found rows of {string.Join(", ", columns)}.",
            "Quantize this model to int8.");
    }

    /// <summary>The type in which a weight is stored.</summary>
    internal DType StoredType(NetworkWeight weight)
    {
        bool isTable = weight.Part is "wte" or "head";
        return !weight.MayRound || (Type == DType.Int4 && isTable) ? DType.BF16 : Type;
    }

    /// <summary>Columns with a common scale in a matrix of so many columns.</summary>
    internal int GroupOf(int columns) => GroupSize ?? columns;

    /// <summary>Reads the value of "quantization_config" of a network; null if there is none.</summary>
    internal static WeightQuantization? Read(JsonSettings json, ModelConfig config)
    {
        if (json.Value(ConfigKey) is not JsonElement value)
        {
            return null;
        }

        int? bits = Find(value, "num_bits");
        int? group = Find(value, "group_size");
        WeightQuantization found = new(bits == 4 ? DType.Int4 : DType.Int8, group is >= 1 and <= LargestGroup ? group : null);
        json.RequireOnly(ConfigKey, found.ToJson(config), required: false, "how the weights are stored");
        if (found is { Type: DType.Int4, GroupSize: null })
        {
            throw json.Wrong(ConfigKey, "a group_size for weights of 4 bits", "none");
        }

        // Products take four neighbouring values of k at once.
        int divisor = found.GroupSize ?? 4;
        int[] columns = ColumnsOf(found, config);
        return (found.GroupSize is null || divisor % GroupMultiple == 0) && Array.TrueForAll(columns, count => count % divisor == 0)
            ? found
            : throw json.Wrong(
                ConfigKey,
                $"groups of a multiple of {GroupMultiple} that divide the rows of the matrices, {string.Join(", ", columns)}, "
                + "or rows of a multiple of 4",
                $"groups of {divisor}");
    }

    /// <summary>The value of "quantization_config" of a network.</summary>
    internal string ToJson(ModelConfig config)
    {
        string strategy = GroupSize is int group ? $"\"group\", \"group_size\": {group}" : "\"channel\"";
        string weights = $$"""
            "weights": {"num_bits": {{(Type == DType.Int8 ? 8 : 4)}}, "type": "int", "symmetric": true, "strategy": {{strategy}}}
            """;
        const string Start = """{"quant_method": "compressed-tensors", "quantization_status": "compressed", """;
        string[] ignored = [.. IgnoredBy(config).Select(module => $"\"{module}\"")];
        string ignore = ignored.Length == 0 ? "" : $", \"ignore\": [{string.Join(", ", ignored)}]";
        return Type == DType.Int8
            ? Start + """
                "format": "int-quantized", "config_groups": {"group_0": {"targets": ["Linear", "Embedding"],
                "input_activations": {"num_bits": 8, "type": "int", "symmetric": true, "strategy": "token", "dynamic": true},
                """ + weights + "}}" + ignore + "}"
            : Start + """
                "format": "pack-quantized", "config_groups": {"group_0": {"targets": ["Linear"],
                """ + weights + "}}" + ignore + "}";
    }

    // Columns of the matrices that are integers.
    private static int[] ColumnsOf(WeightQuantization quantization, ModelConfig config) =>
    [
        .. config.Family.Weights(config).Where(weight => quantization.StoredType(weight).IsInteger())
            .Select(weight => weight.Shape[1]).Distinct(),
    ];

    // The modules of matrices that stay floating-point numbers; the head is named even where it is the embedding table.
    private IEnumerable<string> IgnoredBy(ModelConfig config)
    {
        IEnumerable<NetworkWeight> tables =
        [
            new(LladaWeightNames.Embedding, [config.EmbeddingSize, config.HiddenSize], "wte"),
            new(LladaWeightNames.Head, [config.EmbeddingSize, config.HiddenSize], "head"),
        ];
        return (Type == DType.Int4 ? tables : [])
            .Concat(config.Family.Weights(config).Where(weight => weight.Shape.Length > 1 && !weight.MayRound))
            .Select(weight => ModuleOf(config.Family.PlaceOf(weight, config).Tensor));
    }

    private static string ModuleOf(string weight) => weight[..weight.LastIndexOf('.')];

    // config_groups.group_0.weights.NAME, if it is a whole number.
    private static int? Find(JsonElement value, string name)
    {
        foreach (string step in (string[])["config_groups", "group_0", "weights", name])
        {
            if (value.ValueKind != JsonValueKind.Object || !value.TryGetProperty(step, out value))
            {
                return null;
            }
        }

        return value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out int number) ? number : null;
    }
}
