// What lies in the safetensors files of a model: each tensor that some weight of the network is read from, once, and the scales of those
// that are integers. Several weights may share a tensor (q, k and v in one matrix, stacked experts).
using Cinnabar.Checkpoints.Families;
using Cinnabar.Numerics;

namespace Cinnabar.Checkpoints;

/// <summary>One tensor of a model's files.</summary>
/// <param name="Name">Its name there.</param>
/// <param name="Shape">Its sizes there.</param>
/// <param name="Type">How it is stored; BF16 stands for any floating-point numbers, F32 for scales.</param>
internal readonly record struct StoredTensor(string Name, int[] Shape, DType Type)
{
    /// <summary>The tensors of a configuration, in the order of the network's weights.</summary>
    public static IEnumerable<StoredTensor> All(ModelConfig config)
    {
        HashSet<string> seen = [];
        foreach (NetworkWeight weight in config.Family.Weights(config))
        {
            WeightPlace place = config.Family.PlaceOf(weight, config);
            if (!seen.Add(place.Tensor))
            {
                continue;
            }

            int[] shape = ShapeOf(weight, place);
            DType type = SafetensorsWeights.TypeOf(config, weight);
            yield return type == DType.Int4
                ? new(LladaWeightNames.PackedOf(place.Tensor), [shape[0], shape[1] / Safetensors.Int4sInOne], type)
                : new(place.Tensor, shape, type);
            if (type.IsInteger())
            {
                int groups = shape[1] / config.Quantization!.GroupOf(shape[1]);
                yield return new(LladaWeightNames.ScalesOf(place.Tensor), [shape[0], groups], DType.F32);
            }
        }
    }

    /// <summary>The shape of the tensor that a weight lies in.</summary>
    public static int[] ShapeOf(NetworkWeight weight, WeightPlace place)
    {
        int[] rows = place.Rows is null ? weight.Shape : [place.StoredRows, .. weight.Shape[1..]];
        return place.Slice is null ? rows : [place.StoredSlices, .. rows];
    }
}
