// Weights in safetensors files: exactly the tensors which the configuration asks for and, where matrices are integers, the scales of each.
// All that can be known from the headers is checked when they are opened. Buffers that some exporters write along are ignored.
using Cinnabar.Checkpoints.Families;
using Cinnabar.Checkpoints.Gguf;
using Cinnabar.Numerics;

namespace Cinnabar.Checkpoints;

/// <summary>The open safetensors files of a model.</summary>
internal sealed class SafetensorsWeights : ModelWeights
{
    private readonly SafetensorsShards _file;

    private SafetensorsWeights(SafetensorsShards file, ModelConfig config, string prefix)
        : base(config) => (_file, Prefix) = (file, prefix);

    private const int MostCounted = 1 << 16;

    /// <summary>What stands before every name in the files: the family's, or nothing.</summary>
    public string Prefix { get; }

    /// <inheritdoc/>
    public override void Dispose() => _file.Dispose();

    /// <summary>The type in which a tensor of the file is stored; BF16 stands for any floating-point numbers.</summary>
    internal static DType TypeOf(ModelConfig config, NetworkWeight weight) => config.Quantization?.StoredType(weight) ?? DType.BF16;

    /// <summary>Opens the files at <paramref name="path"/> and checks that they hold the weights of <paramref name="config"/>.</summary>
    /// <exception cref="CinnabarException">They cannot be read, break a rule of the format, or hold other tensors.</exception>
    internal static SafetensorsWeights Open(string path, ModelConfig config)
    {
        SafetensorsShards file = SafetensorsShards.Open(path);
        try
        {
            string prefix = PrefixIn(file, config.Family.OptionalPrefix);
            config = config.Family.InSafetensors(config, name => file.Tensors.ContainsKey(prefix + name));

            // A configuration may ask for millions of tensors that the file does not have: one too many is enough to refuse it.
            int most = Math.Max(file.Tensors.Count, MostCounted) + 1;
            List<StoredTensor> stored =
                [.. StoredTensor.All(config).Take(most).Select(tensor => tensor with { Name = prefix + tensor.Name })];
            CheckNames(file, config, stored);
            CheckShapesAndTypes(file, stored);
            return new SafetensorsWeights(file, config, prefix);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    internal override GgmlType NearestType(NetworkWeight weight) => TypeOf(Config, weight).IsInteger()
        ? GgmlType.Q8_0
        : _file.Tensors[Prefix + Config.Family.PlaceOf(weight, Config).Tensor].Type switch
        {
            SafetensorsDType.F16 => GgmlType.F16,
            SafetensorsDType.F32 or SafetensorsDType.F64 => GgmlType.F32,
            _ => GgmlType.BF16, // 8 bits too, of which it holds every value
        };

    private protected override (Tensor Tensor, StoredForm Stored) ReadStored(NetworkWeight weight, WeightForm? form)
    {
        WeightPlace place = Config.Family.PlaceOf(weight, Config);
        place = place with { Tensor = Prefix + place.Tensor };
        DType type = TypeOf(Config, weight);
        Tensor tensor = type.IsInteger() ? ReadIntegers(place.Tensor, type, StoredTensor.ShapeOf(weight, place))
            : IsReadRounded(weight, form, _file.Fits(place.Tensor, place.Slice)) ? _file.ReadRounded(place.Tensor, place.Slice)
            : place.Slice is int slice ? _file.Read(place.Tensor, slice)
            : _file.Read(place.Tensor);
        bool isHalf = !type.IsInteger() && _file.Tensors[place.Tensor].Type == SafetensorsDType.F16;
        return (Chosen(tensor, place), isHalf ? StoredForm.F16 : StoredForm.Own);
    }

    private Tensor ReadIntegers(string name, DType type, int[] shape)
    {
        Tensor tensor = Tensor.Zeros(type, Config.Quantization!.GroupOf(shape[1]), shape);
        _file.ReadBytes(type == DType.Int4 ? LladaWeightNames.PackedOf(name) : name, tensor.Bytes);
        Tensor scales = _file.Read(LladaWeightNames.ScalesOf(name)).To(DType.F32);
        int wrong = scales.Floats.ToArray().AsSpan().IndexOfAnyExceptInRange(0, float.MaxValue);
        if (wrong >= 0)
        {
            throw new CinnabarException(
                $"{_file.PathOf(LladaWeightNames.ScalesOf(name))}: tensor {ErrorText.Quote(LladaWeightNames.ScalesOf(name))}: "
                + $"expected scales that are not negative, found {scales.Floats[wrong]} at row {wrong / scales.Columns}.",
                "The file is damaged: fetch it again.");
        }

        scales.Floats.CopyTo(tensor.Scales!.Floats);
        return tensor;
    }

    private static string PrefixIn(SafetensorsShards file, string? optional) =>
        optional is not null && file.Tensors.Keys.Any(name => name.StartsWith(optional, StringComparison.Ordinal)) ? optional : "";

    private static void CheckNames(SafetensorsShards file, ModelConfig config, List<StoredTensor> stored)
    {
        HashSet<string> expected = [.. stored.Select(tensor => tensor.Name)];
        List<string> missing = [.. expected.Where(name => !file.Tensors.ContainsKey(name))];
        List<string> unexpected =
        [
            .. file.Tensors.Keys
                .Where(name => !expected.Contains(name) && !config.Family.Ignores(name, config))
                .Order(StringComparer.Ordinal),
        ];
        if (missing.Count > 0)
        {
            string others = unexpected.Count > 0 ? ErrorText.Some(unexpected) + " instead" : "none of that name";
            throw new CinnabarException(
                $"{file.Path}: expected {(expected.Count > MostCounted ? "more than " : "")}{expected.Count} tensors (config.json), "
                + $"among them {ErrorText.Some(missing)}, found {others}.",
                $"Check that the weights belong to this config.json and have the names of the family {config.Family.Name}.");
        }

        if (unexpected.Count > 0)
        {
            throw new CinnabarException(
                $"{file.Path}: expected the {expected.Count} tensors of config.json, found besides {ErrorText.Some(unexpected)}.",
                "Check that the weights belong to this config.json; with weight_tying (tie_word_embeddings) there is no separate head.");
        }
    }

    private static void CheckShapesAndTypes(SafetensorsShards file, List<StoredTensor> stored)
    {
        foreach (StoredTensor tensor in stored)
        {
            TensorEntry entry = file.Tensors[tensor.Name];
            string where = $"{file.PathOf(tensor.Name)}: tensor {ErrorText.Quote(tensor.Name)}, offset {entry.Offset}: ";
            if (!entry.Shape.SequenceEqual(tensor.Shape.Select(size => (long)size)))
            {
                throw new CinnabarException(
                    $"{where}expected shape [{string.Join(", ", tensor.Shape)}] (config.json), found {entry}.",
                    "Check that the weights belong to this config.json.");
            }

            (bool fits, string expected) = tensor.Type switch
            {
                DType.Int8 => (entry.Type == SafetensorsDType.I8, "I8"),
                DType.Int4 => (entry.Type == SafetensorsDType.I32, "I32"),
                _ => (file.TypeOf(tensor.Name) != DType.Int8, "floating-point numbers"),
            };
            if (!fits)
            {
                throw new CinnabarException(
                    $"{where}expected {expected} (config.json), found {entry}.", "Check that the weights belong to this config.json.");
            }
        }
    }
}
