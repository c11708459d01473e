// Weights in a GGUF file. Everything is checked against the header when the file is opened: each weight has a tensor of its shape.
// Deviation from llama.cpp: tensors that no weight is read from are ignored, as converters write tables of their own (rope_freqs).
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
        foreach (NetworkWeight weight in config.Family.Weights(config))
        {
            WeightPlace place = config.Family.GgufPlaceOf(weight, config);
            if (!file.Tensors.TryGetValue(place.Tensor, out GgufTensor? tensor))
            {
                throw new CinnabarException(
                    $"{file.Path}: expected a tensor {ErrorText.Quote(place.Tensor)}, found {file.Tensors.Count} others: "
                    + $"{ErrorText.Some([.. file.Tensors.Keys])}.",
                    "Check that the file is complete and of a supported architecture.");
            }

            int[] shape = StoredTensor.ShapeOf(weight, place);
            if (!tensor.Shape.SequenceEqual(shape.Select(size => (long)size)))
            {
                throw new CinnabarException(
                    $"{file.Path}: tensor {ErrorText.Quote(tensor.Name)}, offset {tensor.Offset}: expected shape "
                    + $"[{string.Join(", ", shape)}] (metadata), found {tensor}.",
                    "Convert the model again.");
            }
        }
    }

    /// <inheritdoc/>
    internal override GgmlType NearestType(NetworkWeight weight)
    {
        GgmlType type = _file.Tensors[Config.Family.GgufPlaceOf(weight, Config).Tensor].Type;
        return BlockEncoder.IsSupported(type) ? type : GgmlType.Q8_0;
    }

    private protected override (Tensor Tensor, StoredForm Stored) ReadStored(NetworkWeight weight, WeightForm form)
    {
        WeightPlace place = Config.Family.GgufPlaceOf(weight, Config);
        bool exact = form is WeightForm.Exact or WeightForm.BF16 || !weight.MayRound;
        Tensor tensor = (place.Slice, exact) switch
        {
            (int slice, true) => _file.Read(place.Tensor, slice),
            (int slice, false) => _file.ReadStored(place.Tensor, slice),
            (null, true) => _file.Read(place.Tensor),
            (null, false) => _file.ReadStored(place.Tensor),
        };
        bool isHalf = _file.Tensors[place.Tensor].Type == GgmlType.F16;
        return (Chosen(tensor, place), isHalf ? StoredForm.F16 : StoredForm.Own);
    }
}
