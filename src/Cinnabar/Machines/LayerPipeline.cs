// The last layers of a network, on other machines, one behind the other:
//
//   this machine    embedding, first layers ──h──▶ machine 1: the next layers ──h──▶ … ──h──▶ this machine: norm and head
//
// Every layer is computed as it would be here, and h travels in F32, so the result is the same bits wherever layers are, if the machines'
// kernels are the same (CINNABAR_ISA, --device). A pass over the positions of a canvas costs one way there and back, however many tokens it
// writes; what a network that writes left to right pays for each token. Keys and values stay with their layers.
// The sequences of a pass are computed in groups, so that several machines work at once: while one has a group, the machine before it has
// the next. One sequence cannot be divided, as its positions see each other.
using Cinnabar.Checkpoints;
using Cinnabar.Models;
using Cinnabar.Numerics;
using Cinnabar.Numerics.Autograd;
using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Machines;

/// <summary>Machines with the last layers of one network. Not thread-safe.</summary>
internal sealed class LayerPipeline : IDisposable
{
    private const int GroupsPerMachine = 2; // so that a group is waited for seldom, and products still have many rows

    private readonly List<(LayerMachine Machine, int First, int End)> _stages = [];
    private readonly List<(long Number, WeakReference<KeyValueCache> Cache)> _caches = [];
    private readonly List<PassRows> _groups = [];
    private readonly ModelConfig _config;
    private float[] _h = []; // of all groups

    private LayerPipeline(ModelConfig config, int firstLayer) => (_config, FirstLayer) = (config, firstLayer);

    /// <summary>Number of the first layer that is elsewhere.</summary>
    public int FirstLayer { get; }

    /// <summary>Which layers are where, in words.</summary>
    public string Placement => string.Join(
        ", ",
        _stages.Select(stage => $"{LayerPlan.InWords(stage.First, stage.End)} on {stage.Machine.Address} ({stage.Machine.Kernels})")
            .Prepend($"{LayerPlan.InWords(0, FirstLayer)} here"));

    /// <summary>Connects to machines and shares the layers out.</summary>
    /// <param name="machines">Where they are.</param>
    /// <param name="config">Of the network.</param>
    /// <param name="model">What people call it.</param>
    /// <param name="precision">Rounding of matrix-product operands.</param>
    /// <param name="kernels">Where the layers run that stay here.</param>
    /// <exception cref="CinnabarException">A machine is not there or cannot do it, or there are too few layers.</exception>
    public static LayerPipeline Connect(
        MachineList machines, ModelConfig config, string model, MatMulPrecision precision, KernelTable kernels)
    {
        List<LayerMachine> connected = [];
        try
        {
            foreach (MachineAddress address in machines.Addresses)
            {
                connected.Add(LayerMachine.Connect(address, machines.Key));
            }

            long tables = (config.WeightTying ? 1L : 2L) * config.EmbeddingSize * config.HiddenSize * sizeof(ushort);
            long here = Math.Max(0, LayerWorkerOptions.StandardMemory(kernels) - tables);
            int[] layers = LayerPlan.Share(
                config.NumHiddenLayers,
                [here, .. connected.Select(machine => machine.Memory)],
                [null, .. machines.Addresses.Select(address => address.Layers)]);
            LayerPipeline pipeline = new(config, layers[0]);
            int first = layers[0];
            for (int i = 0; i < connected.Count; i++)
            {
                int end = first + layers[i + 1];
                connected[i].Begin(LayerAssignment.Of(config, model, first, end - first, precision));
                pipeline._stages.Add((connected[i], first, end));
                first = end;
            }

            return pipeline;
        }
        catch
        {
            connected.ForEach(machine => machine.Dispose());
            throw;
        }
    }

    /// <summary>Sends a weight to the machine whose layer it is of.</summary>
    /// <exception cref="CinnabarException">The machine cannot take it, or is gone.</exception>
    public void Send(NetworkWeight weight, Tensor value) =>
        _stages.Find(stage => weight.Block < stage.End).Machine.Send(weight, value);

    /// <summary>Tells the machines that all weights are there.</summary>
    /// <inheritdoc cref="Send" path="/exception"/>
    public void Complete() => _stages.ForEach(stage => stage.Machine.Complete());

    /// <summary>Lets the machines give up what they keep of a canvas when its cache is, or when nobody here has it any more.</summary>
    public void Watch(KeyValueCache cache)
    {
        cache.Released = Forget;
        _caches.Add((cache.Number, new WeakReference<KeyValueCache>(cache)));
    }

    /// <summary>All layers on the rows of a pass.</summary>
    /// <param name="tape">Where the first layers run.</param>
    /// <param name="pass">The rows.</param>
    /// <param name="firstLayers">What the layers that are here make of the rows of a pass, [T, C].</param>
    /// <returns>[T, C].</returns>
    /// <exception cref="DeviceException">A machine could not, or is gone.</exception>
    public Variable Forward(Tape tape, PassRows pass, Func<PassRows, Variable> firstLayers)
    {
        _caches.FindAll(cache => !cache.Cache.TryGetTarget(out _)).ForEach(cache => Forget(cache.Number));
        int numbers = pass.Count * _config.HiddenSize;
        _h = _h.Length < numbers ? new float[numbers] : _h;
        Divide(pass);
        List<Task> elsewhere = [];
        try
        {
            int begin = 0;
            foreach (PassRows group in _groups.Where(group => group.Count > 0))
            {
                int mark = tape.Mark();
                Memory<float> h = _h.AsMemory(begin, group.Count * _config.HiddenSize);
                firstLayers(group).Value.Floats.CopyTo(h.Span);
                tape.ReleaseSince(mark);
                begin += h.Length;
                if (h.Length == numbers)
                {
                    Finish(group, h); // the only one
                    break;
                }

                // On a thread of its own: it waits for machines, and the pool's threads are few.
                elsewhere.Add(Task.Factory.StartNew(
                    () => Finish(group, h), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default));
            }
        }
        finally
        {
            // Nothing may still write into h when the next pass uses it, and no cache is held until then.
            Task.WhenAll(elsewhere).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing).GetAwaiter().GetResult();
            _groups.ForEach(group => group.Clear());
        }

        Task.WhenAll(elsewhere).GetAwaiter().GetResult();
        return tape.Input(_h.AsSpan(0, numbers), pass.Count, _config.HiddenSize);
    }

    public void Dispose() => _stages.ForEach(stage => stage.Machine.Dispose());

    private void Forget(long cache)
    {
        if (_caches.RemoveAll(known => known.Number == cache) > 0)
        {
            _stages.ForEach(stage => stage.Machine.Forget(cache));
        }
    }

    private void Finish(PassRows group, Memory<float> h) => _stages.ForEach(stage => stage.Machine.Forward(group, h.Span));

    // Groups of about as many rows: a group ends with the sequence that its share of all rows ends in, and leaves one for each behind it.
    private void Divide(PassRows pass)
    {
        int groups = Math.Min(pass.Sequences.Length, GroupsPerMachine * (_stages.Count + 1));
        int first = 0;
        for (int i = 0; i < groups; i++)
        {
            if (i == _groups.Count)
            {
                _groups.Add(new PassRows(_config));
            }

            int most = pass.Sequences.Length - (groups - 1 - i);
            int end = first + 1;
            while (end < most && pass.EndOf(end - 1) < (long)pass.Count * (i + 1) / groups)
            {
                end++;
            }

            _groups[i].Attention = pass.Attention;
            _groups[i].AddSequences(pass, first, end);
            first = end;
        }
    }
}
