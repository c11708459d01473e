// Weights in a GGUF file. Everything is checked against the header when the file is opened: each weight has a tensor of its shape. Tensors
// that no weight is read from are ignored, but for those without which the network would be another: biases, and frequencies of rotary
// positions (rope_freqs, rope_factors).
using Cinnabar.Checkpoints.Families;
using Cinnabar.Numerics;

namespace Cinnabar.Checkpoints.Gguf;

/// <summary>The weights of an open GGUF file.</summary>
internal sealed class GgufWeights : ModelWeights
{
    private readonly GgufFile _file;

    /// <summary>Takes over <paramref name="file"/>.</summary>
    /// <exception cref="CinnabarException">A tensor is missing or has another shape.</exception>
    public GgufWeights(GgufFile file, ModelConfig config)
        : base(config)
    {
        _file = file;
        Check(file, config);
    }

    /// <inheritdoc/>
    public override void Dispose() => _file.Dispose();

    /// <summary>Checks names and shapes.</summary>
    public static void Check(GgufFile file, ModelConfig config)
    {
        HashSet<string> read = new(StringComparer.Ordinal);
        foreach (NetworkWeight weight in config.Family.Weights(config))
        {
            WeightPlace place = config.Family.GgufPlaceOf(weight, config);
            if (!file.Tensors.TryGetValue(place.Tensor, out GgufTensor? tensor))
            {
                throw ErrorText.NoTensor(
                    file.Path, place.Tensor, [.. file.Tensors.Keys], "Check that the file is complete and of a supported architecture.");
            }

            read.Add(place.Tensor);
            int[] shape = StoredTensor.ShapeOf(weight, place);
            if (!tensor.Shape.SequenceEqual(shape.Select(size => (long)size)))
            {
                throw new CinnabarException(
                    $"{file.Path}: tensor {ErrorText.Quote(tensor.Name)}, offset {tensor.Offset}: expected shape "
                    + $"[{string.Join(", ", shape)}] (metadata), found {tensor}.",
                    "Convert the model again.");
            }
        }

        string[] others = [.. file.Tensors.Keys.Where(name => !read.Contains(name) && Matters(name) && !config.Family.KnowsInGguf(name))];
        if (others.Length > 0)
        {
            throw new CinnabarException(
                $"{file.Path}: expected only the biases and rotary positions that networks of the family {config.Family.Name} have, "
                + $"found besides {ErrorText.Some(others)}.",
                "This variant of the architecture is not supported.");
        }
    }

    /// <inheritdoc/>
    internal override GgmlType NearestType(NetworkWeight weight)
    {
        GgmlType type = _file.Tensors[Config.Family.GgufPlaceOf(weight, Config).Tensor].Type;
        return BlockEncoder.IsSupported(type) ? type : GgmlType.Q8_0;
    }

    private protected override (Tensor Tensor, StoredForm Stored) ReadStored(NetworkWeight weight, WeightForm? form)
    {
        WeightPlace place = Config.Family.GgufPlaceOf(weight, Config);
        bool exact = form == WeightForm.Exact || !weight.MayRound;
        Tensor tensor = IsReadRounded(weight, form, _file.Fits(place.Tensor, place.Slice))
            ? _file.ReadRounded(place.Tensor, place.Slice)
            : (place.Slice, exact) switch
            {
                (int slice, true) => _file.Read(place.Tensor, slice),
                (int slice, false) => _file.ReadStored(place.Tensor, slice),
                (null, true) => _file.Read(place.Tensor),
                (null, false) => _file.ReadStored(place.Tensor),
            };
        bool isHalf = _file.Tensors[place.Tensor].Type == GgmlType.F16;
        return (Chosen(tensor, place), isHalf ? StoredForm.F16 : StoredForm.Own);
    }

    private static bool Matters(string tensor) => tensor.EndsWith(".bias", StringComparison.Ordinal)
        || tensor.Contains("rope_freqs", StringComparison.Ordinal) || tensor.Contains("rope_factors", StringComparison.Ordinal);
}
