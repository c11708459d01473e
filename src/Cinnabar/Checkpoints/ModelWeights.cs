// The weights of a model folder: a safetensors file that holds exactly the tensors which the configuration asks for and, where matrices
// are integers, the scales of each. All that can be known from its header is checked when it is opened.
using Cinnabar.Numerics;

namespace Cinnabar.Checkpoints;

/// <summary>The open weights of a model, read one tensor at a time.</summary>
public sealed class ModelWeights : IDisposable
{
    private readonly SafetensorsFile _file;
    private readonly ModelConfig _config;
    private readonly Dictionary<string, int[]> _shapes;

    private ModelWeights(SafetensorsFile file, ModelConfig config)
    {
        _file = file;
        _config = config;
        _shapes = LladaWeightNames.Expected(config).ToDictionary(weight => weight.Name, weight => weight.Shape);
    }

    /// <summary>Reads one tensor of <see cref="LladaWeightNames"/>, F32, BF16, or integers with their scales.</summary>
    /// <exception cref="CinnabarException">No such tensor, it could not be read, or a scale is negative or no number.</exception>
    public Tensor Read(string name)
    {
        DType type = _shapes.TryGetValue(name, out int[]? shape) ? TypeOf(_config, name, shape) : DType.BF16;
        if (shape is null || type == DType.BF16)
        {
            return _file.Read(name);
        }

        Tensor tensor = Tensor.Zeros(type, _config.Quantization!.GroupOf(shape[1]), shape);
        _file.ReadBytes(type == DType.Int4 ? LladaWeightNames.PackedOf(name) : name, tensor.Bytes);
        Tensor scales = _file.Read(LladaWeightNames.ScalesOf(name)).To(DType.F32);
        int wrong = scales.Floats.ToArray().AsSpan().IndexOfAnyExceptInRange(0, float.MaxValue);
        if (wrong >= 0)
        {
            throw new CinnabarException(
                $"{_file.Path}: tensor {ErrorText.Quote(LladaWeightNames.ScalesOf(name))}: "
                + $"expected scales that are not negative, found {scales.Floats[wrong]} at row {wrong / scales.Columns}.",
                "The file is damaged: fetch it again.");
        }

        scales.Floats.CopyTo(tensor.Scales!.Floats);
        return tensor;
    }

    /// <summary>Closes the file.</summary>
    public void Dispose() => _file.Dispose();

    /// <summary>The type in which a weight is stored; BF16 stands for any floating-point numbers.</summary>
    internal static DType TypeOf(ModelConfig config, string name, int[] shape) =>
        config.Quantization?.StoredType(name, shape) ?? DType.BF16;

    /// <summary>Opens a file and checks that it holds the weights of <paramref name="config"/>.</summary>
    /// <exception cref="CinnabarException">It cannot be read, breaks a rule of the format, or holds other tensors.</exception>
    internal static ModelWeights Open(string path, ModelConfig config)
    {
        SafetensorsFile file = SafetensorsFile.Open(path);
        try
        {
            CheckNames(file, config);
            CheckShapesAndTypes(file, config);
            return new ModelWeights(file, config);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private static void CheckNames(SafetensorsFile file, ModelConfig config)
    {
        HashSet<string> expected = [.. Stored(config).Select(weight => weight.Name)];
        List<string> missing = [.. expected.Where(name => !file.Tensors.ContainsKey(name))];
        List<string> unexpected = [.. file.Tensors.Keys.Where(name => !expected.Contains(name)).Order(StringComparer.Ordinal)];
        if (missing.Count > 0)
        {
            string others = unexpected.Count > 0 ? ErrorText.Some(unexpected) + " instead" : "none of that name";
            throw new CinnabarException(
                $"{file.Path}: expected {expected.Count} tensors (config.json), among them {ErrorText.Some(missing)}, found {others}.",
                "Check that the weights belong to this config.json and have the names of the LLaDA layout.");
        }

        if (unexpected.Count > 0)
        {
            throw new CinnabarException(
                $"{file.Path}: expected the {expected.Count} tensors of config.json, found besides {ErrorText.Some(unexpected)}.",
                "Check that the weights belong to this config.json; with weight_tying there is no separate head.");
        }
    }

    private static void CheckShapesAndTypes(SafetensorsFile file, ModelConfig config)
    {
        foreach ((string name, int[] shape, DType type) in Stored(config))
        {
            TensorEntry entry = file.Tensors[name];
            string where = $"{file.Path}: tensor {ErrorText.Quote(name)}, offset {entry.Offset}: ";
            if (!entry.Shape.SequenceEqual(shape.Select(size => (long)size)))
            {
                throw new CinnabarException(
                    $"{where}expected shape [{string.Join(", ", shape)}] (config.json), found {entry}.",
                    "Check that the weights belong to this config.json.");
            }

            (bool fits, string expected) = type switch
            {
                DType.Int8 => (entry.Type == SafetensorsDType.I8, "I8"),
                DType.Int4 => (entry.Type == SafetensorsDType.I32, "I32"),
                _ => (file.TypeOf(name) != DType.Int8, "floating-point numbers"),
            };
            if (!fits)
            {
                throw new CinnabarException(
                    $"{where}expected {expected} (config.json), found {entry}.", "Check that the weights belong to this config.json.");
            }
        }
    }

    // What lies in the file: the weights and, where matrices are integers, their scales.
    private static IEnumerable<(string Name, int[] Shape, DType Type)> Stored(ModelConfig config)
    {
        foreach ((string name, int[] shape) in LladaWeightNames.Expected(config))
        {
            DType type = TypeOf(config, name, shape);
            yield return type == DType.Int4
                ? (LladaWeightNames.PackedOf(name), [shape[0], shape[1] / Safetensors.Int4sInOne], type)
                : (name, shape, type);
            if (type.IsInteger())
            {
                yield return (LladaWeightNames.ScalesOf(name), [shape[0], shape[1] / config.Quantization!.GroupOf(shape[1])], DType.F32);
            }
        }
    }
}
