// The tensors of a file, put together from the weights of a network: the way back from WeightPlace.
//
//   one weight               its rows
//   Rows                     row r of the tensor is row i of the weight with Rows[i] = r: another order (rotary pairs of GGUF "llada"), or
//                            several weights in one matrix (q, k and v)
//   Slice                    one matrix after the other: experts [E, out, in]
//
// Values come in runs of rows of a few million, in whatever form the source holds them, so that nothing but the weights of one matrix is
// in memory.
using Cinnabar.Checkpoints.Families;
using Cinnabar.Numerics;

namespace Cinnabar.Checkpoints.Conversion;

/// <summary>One tensor of a file and the weights that lie in it.</summary>
internal sealed class PlacedTensor
{
    private const int ChunkValues = 1 << 22;

    private readonly List<(NetworkWeight Weight, WeightPlace Place)> _parts = [];

    private PlacedTensor(string name, int[] shape, NetworkWeight first)
    {
        Name = name;
        Shape = shape;
        First = first;
    }

    /// <summary>Name in the file.</summary>
    public string Name { get; }

    /// <summary>Sizes in the file.</summary>
    public int[] Shape { get; }

    /// <summary>The first of its weights; the others are of the same kind.</summary>
    public NetworkWeight First { get; }

    /// <summary>The tensors of a network in the order of its weights.</summary>
    /// <param name="config">The network.</param>
    /// <param name="placeOf">Where a weight lies.</param>
    public static IReadOnlyList<PlacedTensor> All(ModelConfig config, Func<NetworkWeight, ModelConfig, WeightPlace> placeOf)
    {
        OrderedDictionary<string, PlacedTensor> tensors = new(StringComparer.Ordinal);
        foreach (NetworkWeight weight in config.Family.Weights(config))
        {
            WeightPlace place = placeOf(weight, config);
            if (!tensors.TryGetValue(place.Tensor, out PlacedTensor? tensor))
            {
                tensor = new PlacedTensor(place.Tensor, StoredTensor.ShapeOf(weight, place), weight);
                tensors.Add(place.Tensor, tensor);
            }

            tensor._parts.Add((weight, place));
        }

        return [.. tensors.Values];
    }

    /// <summary>The values, in runs of whole rows.</summary>
    /// <param name="weights">Where the weights are read from; may have more rows than the network here.</param>
    public IEnumerable<Tensor> Parts(ModelWeights weights) =>
        _parts.GroupBy(part => part.Place.Slice ?? 0).OrderBy(slice => slice.Key).SelectMany(slice => Matrix([.. slice], weights));

    private static IEnumerable<Tensor> Matrix((NetworkWeight Weight, WeightPlace Place)[] parts, ModelWeights weights)
    {
        Tensor[] tensors = [.. parts.Select(part => weights.Read(part.Weight.Name))];
        if (parts[0].Weight.Shape.Length == 1 && parts[0].Place.Rows is null)
        {
            yield return tensors[0];
            yield break;
        }

        (int Tensor, int Row)[] rows = RowsOf(parts);
        int most = Math.Max(1, ChunkValues / tensors[0].Columns);
        for (int start = 0; start < rows.Length;)
        {
            int source = rows[start].Tensor;
            int end = start + 1;
            while (end < rows.Length && end - start < most && rows[end].Tensor == source)
            {
                end++;
            }

            yield return tensors[source].SelectRows([.. rows[start..end].Select(row => row.Row)]);
            start = end;
        }
    }

    // For each row of the matrix, the weight and its row.
    private static (int Tensor, int Row)[] RowsOf((NetworkWeight Weight, WeightPlace Place)[] parts)
    {
        WeightPlace first = parts[0].Place;
        (int Tensor, int Row)[] rows = new (int, int)[first.Rows is null ? parts[0].Weight.Shape[0] : first.StoredRows];
        for (int tensor = 0; tensor < parts.Length; tensor++)
        {
            (NetworkWeight weight, WeightPlace place) = parts[tensor];
            for (int row = 0; row < weight.Shape[0]; row++)
            {
                rows[place.Rows is null ? row : place.Rows[row]] = (tensor, row);
            }
        }

        return rows;
    }
}
