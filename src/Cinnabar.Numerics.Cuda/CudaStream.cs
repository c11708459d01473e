// The order of work on a device. Commands run at once, as on any stream, but what was issued between two waits is remembered: from the
// third time on that the same commands come, byte for byte, they are only compared with the remembered ones while they are issued, and
// run as CUDA graphs of 64 commands each, so that a denoising step of hundreds of kernels costs a few launches, the device starts
// while the host still issues, and nobody who issues commands needs to know. At the first command that differs, those held back are run
// one by one, and the rest as they come.
//
// Whatever changes between two steps (token ids, positions, seeds) must therefore lie in memory that CopyToDevice fills, not in arguments.
using System.Runtime.InteropServices;
using Cinnabar.Numerics.Cuda.Interop;

namespace Cinnabar.Numerics.Cuda;

/// <summary>One order of commands, on a stream and on side streams that begin and end within it; not thread-safe.</summary>
internal sealed unsafe partial class CudaStream
{
    // Longer sequences are training steps, whose launches the device outlasts anyway.
    private const int LongestGraph = 8_192;

    private const int MostKept = 16;
    private const int GraphLength = 64;

    private readonly ProductPlans _products;
    private readonly nint _stream;
    private readonly List<CudaCommand> _issued = [];
    private readonly List<Sequence> _known = []; // the last used first
    private Sequence? _followed;
    private int _matched;

    public CudaStream(ProductPlans products)
    {
        _products = products;
        CudaDriver.Check(CudaDriver.cuStreamCreate(out _stream, CudaDriver.NonBlockingStream), "cuStreamCreate");
    }

    /// <summary>The driver's handle.</summary>
    public nint Handle => _stream;

    /// <summary>Graphs launched so far.</summary>
    public long GraphLaunches { get; private set; }

    /// <summary>Receives every command that runs, and an event of the driver behind it; null: nobody wants to know.</summary>
    public List<(CudaCommand Command, nint Event)>? Trace { get; set; }

    /// <summary>Runs a command, or holds it back as part of a graph.</summary>
    public void Issue(in CudaCommand command)
    {
        if (Trace is not null)
        {
            Run(command);
            CudaDriver.Check(CudaDriver.cuEventCreate(out nint done, 0), "cuEventCreate");
            CudaDriver.Check(CudaDriver.cuEventRecord(done, _stream), "cuEventRecord");
            Trace.Add((command, done));
            _isBehindKernel = false;
            return;
        }

        if (_followed is null && _issued.Count == 0)
        {
            Follow(command);
        }

        if (_followed is not null)
        {
            if ((_matched < _followed.Commands.Length && IsSame(_followed.Commands[_matched], command)) || Switch(command))
            {
                _matched++;
                if (_matched % GraphLength == 0)
                {
                    Launch(_followed, (_matched / GraphLength) - 1);
                }

                return;
            }

            GiveUpFollowing();
        }

        if (_issued.Count <= LongestGraph)
        {
            _issued.Add(command);
        }

        Run(command);
    }

    /// <summary>Starts what was held back.</summary>
    public void Flush()
    {
        if (_followed is not null && _matched == _followed.Commands.Length)
        {
            if (_matched % GraphLength != 0)
            {
                Launch(_followed, _matched / GraphLength);
            }

            _known.Remove(_followed);
            _known.Insert(0, _followed);
            (_followed, _matched) = (null, 0);
            return;
        }

        GiveUpFollowing();
        Join();
        Remember();
        _issued.Clear();
    }

    /// <summary>Starts what was held back and waits until everything is done.</summary>
    public void Wait()
    {
        Flush();
        CudaDriver.Check(CudaDriver.cuStreamSynchronize(_stream), "cuStreamSynchronize");
    }

    private static bool IsSame(in CudaCommand a, in CudaCommand b)
    {
        ReadOnlySpan<byte> bytes = MemoryMarshal.AsBytes(new ReadOnlySpan<CudaCommand>(in a));
        return bytes.SequenceEqual(MemoryMarshal.AsBytes(new ReadOnlySpan<CudaCommand>(in b)));
    }

    private void Follow(in CudaCommand first)
    {
        foreach (Sequence sequence in _known)
        {
            if (sequence.IsRepeated && IsSame(sequence.Commands[0], first))
            {
                (_followed, _matched) = (sequence, 0);
                return;
            }
        }
    }

    // Another known sequence with the same beginning that goes on with this command.
    private bool Switch(in CudaCommand command)
    {
        ReadOnlySpan<byte> beginning = MemoryMarshal.AsBytes(_followed!.Commands.AsSpan(0, _matched));
        foreach (Sequence sequence in _known)
        {
            if (sequence.IsRepeated && sequence != _followed && sequence.Commands.Length > _matched
                && IsSame(sequence.Commands[_matched], command)
                && MemoryMarshal.AsBytes(sequence.Commands.AsSpan(0, _matched)).SequenceEqual(beginning))
            {
                _followed = sequence;
                return true;
            }
        }

        return false;
    }

    private void GiveUpFollowing()
    {
        if (_followed is null)
        {
            return;
        }

        int launched = _matched / GraphLength * GraphLength;
        _issued.AddRange(_followed.Commands.AsSpan(0, _matched));
        RunAll(_followed.Commands.AsSpan(launched, _matched - launched));
        (_followed, _matched) = (null, 0);
    }

    private void Remember()
    {
        if (_issued.Count is 0 or > LongestGraph)
        {
            return;
        }

        ReadOnlySpan<byte> issued = MemoryMarshal.AsBytes(CollectionsMarshal.AsSpan(_issued));
        for (int i = 0; i < _known.Count; i++)
        {
            if (MemoryMarshal.AsBytes(_known[i].Commands.AsSpan()).SequenceEqual(issued))
            {
                _known[i].IsRepeated = true;
                return;
            }
        }

        if (_known.Count == MostKept)
        {
            _known[^1].Dispose();
            _known.RemoveAt(MostKept - 1);
        }

        _known.Insert(0, new Sequence([.. _issued]));
    }

    private void Launch(Sequence sequence, int graph)
    {
        int first = graph * GraphLength;
        ReadOnlySpan<CudaCommand> commands = sequence.Commands.AsSpan(first, Math.Min(GraphLength, sequence.Commands.Length - first));
        if (sequence.Graphs[graph] == nint.Zero)
        {
            sequence.Graphs[graph] = Instantiated(commands);
        }

        if (sequence.Graphs[graph] == nint.Zero)
        {
            RunAll(commands);
            return;
        }

        CudaDriver.Check(CudaDriver.cuGraphLaunch(sequence.Graphs[graph], _stream), "cuGraphLaunch");
        _isBehindKernel = false;
        GraphLaunches++;
    }

    // 0 if there is no room: a graph takes memory of the device, and tensors may have all of it.
    private nint Instantiated(ReadOnlySpan<CudaCommand> commands)
    {
        nint captured = Captured(commands);
        int error = CudaDriver.cuGraphInstantiateWithFlags(out nint executable, captured, 0);
        CudaDriver.Check(CudaDriver.cuGraphDestroy(captured), "cuGraphDestroy");
        if (error == CudaDriver.OutOfMemory)
        {
            return nint.Zero;
        }

        CudaDriver.Check(error, "cuGraphInstantiate");
        return executable;
    }

    private nint Captured(ReadOnlySpan<CudaCommand> commands)
    {
        CudaDriver.Check(CudaDriver.cuStreamBeginCapture_v2(_stream, CudaDriver.ThreadLocalCapture), "cuStreamBeginCapture");
        int error;
        nint captured;
        _isBehindKernel = false;
        try
        {
            RunAll(commands);
        }
        finally
        {
            (_isBehindKernel, _lane) = (false, 0);

            // Even if a command failed: the stream would take nothing else any more.
            error = CudaDriver.cuStreamEndCapture(_stream, out captured);
        }

        CudaDriver.Check(error, "cuStreamEndCapture");
        return captured;
    }

    private sealed class Sequence(CudaCommand[] commands) : IDisposable
    {
        public CudaCommand[] Commands { get; } = commands;

        public nint[] Graphs { get; } = new nint[(commands.Length + GraphLength - 1) / GraphLength];

        public bool IsRepeated { get; set; }

        public void Dispose()
        {
            foreach (nint graph in Graphs)
            {
                if (graph != nint.Zero)
                {
                    CudaDriver.cuGraphExecDestroy(graph);
                }
            }
        }
    }
}
