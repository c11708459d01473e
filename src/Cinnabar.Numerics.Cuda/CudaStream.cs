// The order of work on a device. Commands run at once, as on any stream, but they are remembered in pieces of 64 or, before a wait, fewer:
// from the third time on that the same piece comes, byte for byte, its commands are only compared with the remembered ones while they are
// issued, and run as one CUDA graph, so that a denoising step of hundreds of kernels costs a few launches, the device starts while the host
// still issues, and nobody who issues commands needs to know. At the first command that differs, those held back are run one by one, and
// the rest of the piece as it comes.
//
// Whatever changes between two steps (token ids, positions, seeds) must therefore lie in memory that CopyToDevice fills, not in arguments.
// Steps of which the last commands differ, as fewer and fewer rows of a block are read, have all pieces but the last in common.
using System.Runtime.InteropServices;
using Cinnabar.Numerics.Cuda.Interop;

namespace Cinnabar.Numerics.Cuda;

/// <summary>One stream of commands; not thread-safe.</summary>
internal sealed unsafe partial class CudaStream
{
    private const int MostKept = 256;
    private const int MostCommands = 64;

    private readonly ProductPlans _products;
    private readonly nint _stream;
    private readonly List<CudaCommand> _issued = []; // of the current piece; they ran
    private readonly List<Piece> _known = []; // the last used first
    private Piece? _followed;
    private int _matched; // of the current piece; they are held back

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

        _followed = _followed is null && _issued.Count == 0 ? Known([], command) : _followed;
        if (_followed is not null)
        {
            ReadOnlySpan<CudaCommand> beginning = _followed.Commands.AsSpan(0, _matched);
            bool isNext = _matched < _followed.Commands.Length && IsSame(_followed.Commands[_matched], command);
            if (!isNext && Known(beginning, command) is Piece other)
            {
                (_followed, isNext) = (other, true);
            }

            if (isNext)
            {
                if (++_matched == MostCommands)
                {
                    LaunchFollowed();
                }

                return;
            }

            GiveUpFollowing();
        }

        _issued.Add(command);
        Run(command);
        if (_issued.Count == MostCommands)
        {
            Remember();
        }
    }

    /// <summary>Starts what was held back.</summary>
    public void Flush()
    {
        if (_followed is not null)
        {
            ReadOnlySpan<CudaCommand> held = _followed.Commands.AsSpan(0, _matched);
            if (Known(held) is Piece piece && piece.IsRepeated)
            {
                _followed = piece;
                LaunchFollowed();
                return;
            }

            GiveUpFollowing();
        }

        Remember();
    }

    /// <summary>Starts what was held back and waits until everything is done.</summary>
    public void Wait()
    {
        Flush();
        CudaDriver.Check(CudaDriver.cuStreamSynchronize(_stream), "cuStreamSynchronize");
    }

    private static bool IsSame(in CudaCommand a, in CudaCommand b) => AreSame(new(in a), new(in b));

    private static bool AreSame(ReadOnlySpan<CudaCommand> a, ReadOnlySpan<CudaCommand> b) =>
        MemoryMarshal.AsBytes(a).SequenceEqual(MemoryMarshal.AsBytes(b));

    // A piece that came twice, begins so and goes on with `next`.
    private Piece? Known(ReadOnlySpan<CudaCommand> beginning, in CudaCommand next)
    {
        foreach (Piece piece in _known)
        {
            if (piece.IsRepeated && piece.Commands.Length > beginning.Length && IsSame(piece.Commands[beginning.Length], next)
                && AreSame(piece.Commands.AsSpan(0, beginning.Length), beginning))
            {
                return piece;
            }
        }

        return null;
    }

    private Piece? Known(ReadOnlySpan<CudaCommand> commands)
    {
        foreach (Piece piece in _known)
        {
            if (AreSame(piece.Commands, commands))
            {
                return piece;
            }
        }

        return null;
    }

    private void GiveUpFollowing()
    {
        ReadOnlySpan<CudaCommand> held = _followed!.Commands.AsSpan(0, _matched);
        (_followed, _matched) = (null, 0);
        _issued.AddRange(held);
        RunAll(held);
    }

    // The current piece is over.
    private void Remember()
    {
        if (_issued.Count == 0)
        {
            return;
        }

        if (Known(CollectionsMarshal.AsSpan(_issued)) is Piece known)
        {
            known.IsRepeated = true;
            Use(known);
        }
        else
        {
            if (_known.Count == MostKept)
            {
                _known[^1].Dispose();
                _known.RemoveAt(MostKept - 1);
            }

            _known.Insert(0, new Piece([.. _issued]));
        }

        _issued.Clear();
    }

    private void Use(Piece piece)
    {
        _known.Remove(piece);
        _known.Insert(0, piece);
    }

    private void LaunchFollowed()
    {
        Piece piece = _followed!;
        (_followed, _matched) = (null, 0);
        Use(piece);
        piece.Graph = piece.Graph == nint.Zero ? Instantiated(piece.Commands) : piece.Graph;
        if (piece.Graph == nint.Zero)
        {
            RunAll(piece.Commands);
            return;
        }

        CudaDriver.Check(CudaDriver.cuGraphLaunch(piece.Graph, _stream), "cuGraphLaunch");
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
            _isBehindKernel = false;

            // Even if a command failed: the stream would take nothing else any more.
            error = CudaDriver.cuStreamEndCapture(_stream, out captured);
        }

        CudaDriver.Check(error, "cuStreamEndCapture");
        return captured;
    }

    private sealed class Piece(CudaCommand[] commands) : IDisposable
    {
        public CudaCommand[] Commands { get; } = commands;

        public bool IsRepeated { get; set; }

        /// <summary>0: not made yet.</summary>
        public nint Graph { get; set; }

        public void Dispose()
        {
            if (Graph != nint.Zero)
            {
                CudaDriver.cuGraphExecDestroy(Graph);
            }
        }
    }
}
