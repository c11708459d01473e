// Keys (rotated) and values of every position and layer, as they were when the position was computed last. With causal attention a
// position whose predecessors have not changed since is exact; with full attention it is an approximation, the better the less has changed.
using Cinnabar.Checkpoints;
using Cinnabar.Numerics;
using Cinnabar.Numerics.Autograd;

namespace Cinnabar.Models;

/// <summary>Keys and values of one canvas: 2 · layers · L · G·D numbers in F32.</summary>
public sealed class KeyValueCache
{
    private readonly Variable[] _keys;
    private readonly Variable[] _values;

    internal KeyValueCache(ModelConfig config, int length)
    {
        Length = length;
        Variable[] Layers() =>
        [
            .. Enumerable.Range(0, config.NumHiddenLayers)
                .Select(_ => new Variable(Tensor.Zeros(length, config.NumKeyValueHeads * config.HeadSize))),
        ];
        _keys = Layers();
        _values = Layers();
    }

    /// <summary>L: positions.</summary>
    public int Length { get; }

    /// <summary>Stores what was computed for some positions of a layer.</summary>
    /// <param name="layer">Number of the layer.</param>
    /// <param name="positions">[M].</param>
    /// <param name="keys">[M, G·D].</param>
    /// <param name="values">[M, G·D].</param>
    /// <returns>Keys and values of all positions, [L, G·D].</returns>
    internal (Variable Keys, Variable Values) Update(int layer, ReadOnlySpan<int> positions, Tensor keys, Tensor values)
    {
        for (int i = 0; i < positions.Length; i++)
        {
            keys.Row(i).CopyTo(_keys[layer].Value.Row(positions[i]));
            values.Row(i).CopyTo(_values[layer].Value.Row(positions[i]));
        }

        return (_keys[layer], _values[layer]);
    }
}
