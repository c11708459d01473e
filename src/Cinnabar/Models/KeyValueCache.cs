// Keys (rotated) and values of every position and layer, as they were when the position was computed last. With causal attention a
// position whose predecessors have not changed since is exact; with full attention it is an approximation, the better the less has changed.
using Cinnabar.Checkpoints;
using Cinnabar.Numerics;
using Cinnabar.Numerics.Autograd;

namespace Cinnabar.Models;

/// <summary>Keys and values of one canvas: 2 · layers · L · G·D numbers, as the network's attention reads them.</summary>
public sealed class KeyValueCache : IDisposable
{
    private static long s_last;

    private readonly Tensor[] _memory; // keys of all layers, then values
    private readonly Tensor[] _rows; // the first L rows of each
    private readonly int _firstLayer;

    internal KeyValueCache(ModelConfig config, Tape tape, int length)
        : this(config, tape, length, firstLayer: 0, config.NumHiddenLayers)
    {
    }

    /// <summary>Of some layers: the others are on other machines.</summary>
    internal KeyValueCache(ModelConfig config, Tape tape, int length, int firstLayer, int layers)
    {
        Number = Interlocked.Increment(ref s_last);
        _firstLayer = firstLayer;
        _memory = [.. Enumerable.Range(0, 2 * layers).Select(_ => tape.CacheRows(length, Width(config)))];
        _rows = new Tensor[_memory.Length];
        TryReset(length);
    }

    /// <summary>L: positions.</summary>
    public int Length { get; private set; }

    /// <summary>What other machines know it by: a number that no other cache of this process has.</summary>
    internal long Number { get; }

    /// <summary>Told its number when nobody needs it any more.</summary>
    internal Action<long>? Released { get; set; }

    /// <summary>The most positions there is room for.</summary>
    internal int Capacity => _memory[0].Rows;

    /// <summary>Bytes of the keys and values of so many positions in so many layers, where they are F32.</summary>
    internal static long BytesOf(ModelConfig config, int positions, int layers) => 2L * layers * positions * Width(config) * sizeof(float);

    /// <summary>Empties the cache for a canvas of another length.</summary>
    /// <param name="length">L.</param>
    /// <returns>False: it was made for fewer positions, and is as it was.</returns>
    public bool TryReset(int length)
    {
        if (length > Capacity)
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

    /// <summary>Lets other machines give up their part at once; a cache that nobody has any more is given up in the end without.</summary>
    public void Dispose() => Released?.Invoke(Number);

    /// <summary>Keys and values of all positions in a layer, [L, G·D].</summary>
    /// <param name="layer">Number of the layer.</param>
    internal (Tensor Keys, Tensor Values) Of(int layer) => (_rows[layer - _firstLayer], _rows[layer - _firstLayer + (_rows.Length / 2)]);

    // G·D
    private static int Width(ModelConfig config) => config.NumKeyValueHeads * config.HeadSize;
}
