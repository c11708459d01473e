// How the matrices of a model are stored as integers, in the layouts of the compressed-tensors library:
//
//   8 bits   format "int-quantized"    X.weight I8 [out, in];  every matrix, the embedding table too
//   4 bits   format "pack-quantized"   X.weight_packed I32 [out, in/8], eight values q + 8 from the low bits up;  every matrix but the
//                                      embedding table and the head, which stay BF16
//   both                               X.weight_scale F32 [out, groups]
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

        for (int group = 128; group >= GroupMultiple; group -= GroupMultiple)
        {
            if (config.HiddenSize % group == 0 && config.IntermediateSize % group == 0)
            {
                return new WeightQuantization(type, group);
            }
        }

        throw new CinnabarException(
            $"Expected d_model and mlp_hidden_size with a common divisor that is a multiple of {GroupMultiple}, "
            + $"found {config.HiddenSize} and {config.IntermediateSize}.",
            "Quantize this model to int8.");
    }

    /// <summary>The type in which a weight is stored.</summary>
    internal DType StoredType(NetworkWeight weight)
    {
        bool isTable = weight.Part is "wte" or "head";
        return weight.Shape.Length == 1 || weight.Part == "router" || (Type == DType.Int4 && isTable) ? DType.BF16 : Type;
    }

    /// <summary>Columns with a common scale in a matrix of so many columns.</summary>
    internal int GroupOf(int columns) => GroupSize ?? columns;

    /// <summary>Reads the value of "quantization_config"; null if there is none.</summary>
    internal static WeightQuantization? Read(JsonSettings json, string key)
    {
        if (json.Value(key) is not JsonElement value)
        {
            return null;
        }

        int? bits = Find(value, "num_bits");
        int? group = Find(value, "group_size");
        WeightQuantization found = new(bits == 4 ? DType.Int4 : DType.Int8, group is >= GroupMultiple and <= LargestGroup ? group : null);
        json.RequireOnly(key, found.ToJson(), required: false, "how the weights are stored");
        return found.Type == DType.Int8 || found.GroupSize is not null
            ? found
            : throw json.Wrong(key, "a group_size for weights of 4 bits", "none");
    }

    /// <summary>The value of "quantization_config".</summary>
    internal string ToJson()
    {
        string strategy = GroupSize is int group ? $"\"group\", \"group_size\": {group}" : "\"channel\"";
        string weights = $$"""
            "weights": {"num_bits": {{(Type == DType.Int8 ? 8 : 4)}}, "type": "int", "symmetric": true, "strategy": {{strategy}}}
            """;
        const string Start = """{"quant_method": "compressed-tensors", "quantization_status": "compressed", """;
        return Type == DType.Int8
            ? Start + """
                "format": "int-quantized", "config_groups": {"group_0": {"targets": ["Linear", "Embedding"],
                "input_activations": {"num_bits": 8, "type": "int", "symmetric": true, "strategy": "token", "dynamic": true},
                """ + weights + "}}}"
            : Start + """
                "format": "pack-quantized", "config_groups": {"group_0": {"targets": ["Linear"],
                """ + weights + $"}}}}, \"ignore\": [\"{ModuleOf(LladaWeightNames.Embedding)}\", \"{ModuleOf(LladaWeightNames.Head)}\"]}}";
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
