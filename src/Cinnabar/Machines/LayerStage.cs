// The layers that a machine computes of one network: their weights, and the keys and values that they keep of each canvas.
using Cinnabar.Checkpoints;
using Cinnabar.Models;
using Cinnabar.Numerics;
using Cinnabar.Numerics.Autograd;
using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Machines;

/// <summary>Some layers of a network; not thread-safe.</summary>
/// <param name="assignment">Which.</param>
/// <param name="kernels">Where they run.</param>
internal sealed class LayerStage(LayerAssignment assignment, KernelTable kernels)
{
    private readonly ModelConfig _config = assignment.ToConfig();
    private readonly Tape _tape = new(kernels, recording: false, assignment.Precision);
    private readonly Dictionary<string, Parameter> _weights = [];
    private readonly Dictionary<AttentionKind, PassRows> _passes = []; // a network may be read in two ways
    private readonly Dictionary<long, KeyValueCache> _caches = [];
    private TransformerBlocks? _blocks;
    private float[] _h = [];
    private int _count;

    /// <summary>The weights that it takes, by name.</summary>
    public IReadOnlyDictionary<string, NetworkWeight> Expected { get; } = LladaWeightNames.Expected(assignment.ToConfig())
        .Where(weight => weight.Block >= assignment.First && weight.Block < assignment.First + assignment.Count)
        .ToDictionary(weight => weight.Name);

    /// <summary>What its weights take as they came.</summary>
    public long Bytes { get; private set; }

    /// <summary>[T, C]: what the layers before made of the rows of the pass that was read, then what these made of it.</summary>
    public Span<float> H => _h.AsSpan(0, _count);

    /// <summary>Takes a weight.</summary>
    /// <exception cref="InvalidDataException">It is there already, or none more are taken.</exception>
    public void Add(NetworkWeight weight, Tensor value)
    {
        long bytes = value.Bytes.Length + (value.Scales?.Bytes.Length ?? 0);
        if (_blocks is not null || !_weights.TryAdd(weight.Name, LeanWeight.Of(weight, value, _config, _tape, assignment.Precision)))
        {
            throw new InvalidDataException($"Expected each weight once, found {weight.Name} again.");
        }

        Bytes += bytes;
    }

    /// <summary>Makes the layers.</summary>
    /// <exception cref="InvalidDataException">A weight is missing.</exception>
    public void Complete()
    {
        if (_weights.Count != Expected.Count)
        {
            string missing = Expected.Keys.First(name => !_weights.ContainsKey(name));
            throw new InvalidDataException($"Expected {Expected.Count} weights, found {_weights.Count}; {missing} is missing.");
        }

        _blocks = new TransformerBlocks(_config, _weights, assignment.First, assignment.Count);
    }

    /// <summary>Reads a pass; <see cref="Forward"/> computes it.</summary>
    /// <exception cref="InvalidDataException">It is none, does not fit, or weights are missing.</exception>
    public PassRows Read(MessageStream stream)
    {
        if (_blocks is null)
        {
            throw new InvalidDataException("Expected weights, found a pass.");
        }

        AttentionKind attention = PassMessage.ReadStart(stream, number => _caches.Remove(number));
        if (!_passes.TryGetValue(attention, out PassRows? pass))
        {
            pass = _passes[attention] = new PassRows(_config with { AttentionKind = attention });
        }

        PassMessage.Read(stream, _config, pass, CacheOf, ref _h);
        _count = pass.Count * _config.HiddenSize;
        return pass;
    }

    /// <summary>Computes the layers.</summary>
    /// <param name="pass">The rows.</param>
    public void Forward(PassRows pass)
    {
        _tape.Reset();
        Variable h = _tape.Input(H, pass.Count, _config.HiddenSize);
        _blocks!.Forward(_tape, h, default, pass.LongestSequence, pass).Value.Floats.CopyTo(H);
    }

    private KeyValueCache CacheOf(long number, int capacity, int length)
    {
        if (!_caches.TryGetValue(number, out KeyValueCache? cache) || cache.Capacity < capacity)
        {
            cache = _caches[number] = new KeyValueCache(_config, _tape, capacity, assignment.First, assignment.Count);
        }

        cache.TryReset(length);
        return cache;
    }
}
