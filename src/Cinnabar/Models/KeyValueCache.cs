// Keys (rotated) and values of every position and layer, as they were when the position was computed last. With causal attention a
// position whose predecessors have not changed since is exact; with full attention it is an approximation, the better the less has changed.
using Cinnabar.Checkpoints;
using Cinnabar.Numerics;
using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Models;

/// <summary>Keys and values of one canvas: 2 · layers · L · G·D numbers in F32.</summary>
public sealed class KeyValueCache
{
    private readonly Tensor[] _memory; // keys of all layers, then values
    private readonly Tensor[] _rows; // the first L rows of each

    internal KeyValueCache(ModelConfig config, int length)
    {
        int count = 2 * config.NumHiddenLayers;
        _memory = [.. Enumerable.Range(0, count).Select(_ => Tensor.Zeros(length, config.NumKeyValueHeads * config.HeadSize))];
        _rows = new Tensor[count];
        TryReset(length);
    }

    /// <summary>L: positions.</summary>
    public int Length { get; private set; }

    /// <summary>Empties the cache for a canvas of another length.</summary>
    /// <param name="length">L.</param>
    /// <returns>False: it was made for fewer positions, and is as it was.</returns>
    public bool TryReset(int length)
    {
        if (length > _memory[0].Rows)
        {
            return false;
        }

        Length = length;
        for (int i = 0; i < _rows.Length; i++)
        {
            _rows[i] = _memory[i].View(length, _memory[i].Columns);
        }

        return true;
    }

    /// <summary>Stores what was computed for some positions of a layer.</summary>
    /// <param name="copyRows">Where it runs.</param>
    /// <param name="layer">Number of the layer.</param>
    /// <param name="positions">[M].</param>
    /// <param name="keys">[first + M or more, G·D].</param>
    /// <param name="values">[first + M or more, G·D].</param>
    /// <param name="first">The row of the first position.</param>
    /// <returns>Keys and values of all positions, [L, G·D].</returns>
    internal (Tensor Keys, Tensor Values) Update(
        ICopyRows copyRows, int layer, ReadOnlySpan<int> positions, Tensor keys, Tensor values, int first)
    {
        Tensor allKeys = _rows[layer];
        Tensor allValues = _rows[layer + (_rows.Length / 2)];
        copyRows.Forward(keys, first, positions, allKeys);
        copyRows.Forward(values, first, positions, allValues);
        return (allKeys, allValues);
    }
}
