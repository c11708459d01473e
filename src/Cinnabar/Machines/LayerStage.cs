// The layers that a machine computes of one network: their weights, and the keys and values that they keep of each canvas.
using Cinnabar.Checkpoints;
using Cinnabar.Models;
using Cinnabar.Numerics;
using Cinnabar.Numerics.Autograd;

namespace Cinnabar.Machines;

/// <summary>Some layers of a network; not thread-safe.</summary>
/// <param name="assignment">Which.</param>
/// <param name="kernels">Where they run.</param>
/// <param name="memory">What weights and caches are taken from.</param>
internal sealed class LayerStage(LayerAssignment assignment, KernelTable kernels, MemoryBudget.Share memory)
{
    private readonly ModelConfig _config = assignment.ToConfig();
    private readonly Tape _tape = new(kernels, recording: false, assignment.Precision);
    private readonly Dictionary<string, Parameter> _weights = [];
    private readonly PassRows _pass = new(assignment.ToConfig());
    private readonly Dictionary<long, KeyValueCache> _caches = [];
    private TransformerBlocks? _blocks;
    private float[] _h = [];
    private int _count;

    /// <summary>The weights that it takes, by name.</summary>
    public IReadOnlyDictionary<string, NetworkWeight> Expected { get; } = LladaWeightNames.Expected(assignment.ToConfig())
        .Where(weight => weight.Block >= assignment.First && weight.Block < assignment.First + assignment.Count)
        .ToDictionary(weight => weight.Name);

    /// <summary>[T, C]: what the layers before made of the rows of the pass that was read, then what these made of it.</summary>
    public Span<float> H => _h.AsSpan(0, _count);

    /// <summary>Makes room for a weight that comes.</summary>
    /// <exception cref="InvalidDataException">It is there already, or there is no room for it.</exception>
    public void Announce(WeightHeader weight)
    {
        if (_blocks is not null || _weights.ContainsKey(weight.Name))
        {
            throw new InvalidDataException($"Expected each weight once, found {weight.Name} again.");
        }

        memory.Take(weight.Bytes, weight.Name);
    }

    /// <summary>Takes the weight.</summary>
    /// <exception cref="InvalidDataException">As these kernels hold it, there is no room for it.</exception>
    public void Add(WeightHeader weight, Tensor value)
    {
        Parameter parameter = LeanWeight.Of(Expected[weight.Name], value, _config, _tape, assignment.Precision);
        memory.Take(parameter.HeldBytes - weight.Bytes, weight.Name);
        _weights.Add(weight.Name, parameter);
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
    public ReceivedPass Read(MessageStream stream)
    {
        if (_blocks is null)
        {
            throw new InvalidDataException("Expected weights, found a pass.");
        }

        ReceivedPass pass = PassMessage.Read(stream, _config, ref _h);
        _count = pass.Positions.Length * _config.HiddenSize;
        return pass;
    }

    /// <summary>Computes the layers.</summary>
    /// <param name="received">The pass that was read.</param>
    /// <exception cref="InvalidDataException">There is no room for its caches.</exception>
    public void Forward(ReceivedPass received)
    {
        Array.ForEach(received.Forgotten, Forget);
        _pass.Clear();
        _pass.Attention = received.Attention; // a network may be read in two ways
        foreach (ReceivedSequence sequence in received.Sequences)
        {
            KeyValueCache? cache = sequence.Cache == 0 ? null : CacheOf(sequence);
            _pass.AddRows(sequence.Length, sequence.Shadows, cache, received.Positions.AsSpan(sequence.First, sequence.Rows));
        }

        _tape.Reset();
        Variable h = _tape.Input(H, _pass.Count, _config.HiddenSize);
        _blocks!.Forward(_tape, h, default, _pass.LongestSequence, _pass).Value.Floats.CopyTo(H);
    }

    private KeyValueCache CacheOf(ReceivedSequence sequence)
    {
        if (!_caches.TryGetValue(sequence.Cache, out KeyValueCache? cache) || cache.Capacity < sequence.Capacity)
        {
            Forget(sequence.Cache);
            memory.Take(KeyValueCache.BytesOf(_config, sequence.Capacity, assignment.Count), "keys and values");
            cache = _caches[sequence.Cache] = _blocks!.CreateCache(_tape, sequence.Capacity);
        }

        cache.TryReset(sequence.Length);
        return cache;
    }

    private void Forget(long number)
    {
        if (_caches.Remove(number, out KeyValueCache? cache))
        {
            memory.Take(-KeyValueCache.BytesOf(_config, cache.Capacity, assignment.Count), "keys and values");
        }
    }
}
