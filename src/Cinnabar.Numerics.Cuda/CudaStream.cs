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
    private const int FewestKept = 8; // a graph of fewer would save nothing

    private readonly ProductPlans _products;
    private readonly nint _stream;
    private readonly List<CudaCommand> _current = []; // the piece so far: held back while one is followed, else it runs
    private readonly List<Piece> _known = []; // the last used first
    private Piece? _followed;

    public CudaStream(ProductPlans products)
    {
        _products = products;
        CudaDriver.Check(CudaDriver.cuStreamCreate(out _stream, CudaDriver.NonBlockingStream), "cuStreamCreate");
    }

    /// <summary>The driver's handle.</summary>
    public nint Handle => _stream;

    /// <summary>Graphs launched so far.</summary>
    public long GraphLaunches { get; private set; }

    /// <summary>Called when commands that were accepted did not run, as one before them failed.</summary>
    public Action? Dropped { get; set; }

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

        if (_followed is not null || _current.Count == 0)
        {
            _followed = Continues(_followed, command) ? _followed : KnownToContinue(command);
            if (_followed is not null)
            {
                _current.Add(command);
                if (_current.Count == MostCommands)
                {
                    LaunchFollowed();
                }

                return;
            }

            RunHeld();
        }

        Run(command);
        _current.Add(command);
        if (_current.Count == MostCommands)
        {
            Remember();
        }
    }

    /// <summary>Starts what was held back.</summary>
    public void Flush()
    {
        if (_followed is not null)
        {
            _followed = Known();
            if (_followed?.IsRepeated == true)
            {
                LaunchFollowed();
                return;
            }

            RunHeld();
        }

        Remember();
    }

    /// <summary>Forgets all pieces, whose graphs take memory of the device; nothing may be held back.</summary>
    public void Forget()
    {
        _known.ForEach(piece => piece.Dispose());
        _known.Clear();
    }

    /// <summary>Starts what was held back and waits until everything is done.</summary>
    public void Wait()
    {
        Flush();
        CudaDriver.Check(CudaDriver.cuStreamSynchronize(_stream), "cuStreamSynchronize");
    }

    private static bool AreSame(ReadOnlySpan<CudaCommand> a, ReadOnlySpan<CudaCommand> b) =>
        MemoryMarshal.AsBytes(a).SequenceEqual(MemoryMarshal.AsBytes(b));

    // Whether a piece came twice, begins as the current one does, and goes on with `next`.
    private bool Continues(Piece? piece, in CudaCommand next)
    {
        int count = _current.Count;
        if (piece is null || !piece.IsRepeated || piece.Commands.Length <= count || !AreSame(new(in piece.Commands[count]), new(in next)))
        {
            return false;
        }

        return piece == _followed || AreSame(piece.Commands.AsSpan(0, count), CollectionsMarshal.AsSpan(_current));
    }

    private Piece? KnownToContinue(in CudaCommand next)
    {
        foreach (Piece piece in _known)
        {
            if (Continues(piece, next))
            {
                return piece;
            }
        }

        return null;
    }

    // The current piece, if it came before.
    private Piece? Known()
    {
        foreach (Piece piece in _known)
        {
            if (AreSame(piece.Commands, CollectionsMarshal.AsSpan(_current)))
            {
                return piece;
            }
        }

        return null;
    }

    private void RunHeld()
    {
        _followed = null;
        RunAll(CollectionsMarshal.AsSpan(_current));
    }

    // The current piece is over.
    private void Remember()
    {
        if (_current.Count >= FewestKept)
        {
            if (Known() is Piece known)
            {
                known.IsRepeated = true;
                Use(known);
            }
            else
            {
                Keep(new Piece([.. _current]));
            }
        }

        _current.Clear();
    }

    private void Keep(Piece piece)
    {
        if (_known.Count == MostKept)
        {
            _known[^1].Dispose();
            _known.RemoveAt(MostKept - 1);
        }

        _known.Insert(0, piece);
    }

    private void Use(Piece piece)
    {
        _known.Remove(piece);
        _known.Insert(0, piece);
    }

    private void LaunchFollowed()
    {
        Piece piece = _followed!;
        _followed = null;
        _current.Clear();
        Use(piece);
        try
        {
            piece.Graph = piece.Graph == nint.Zero ? Instantiated(piece.Commands) : piece.Graph;
            int error = piece.Graph == nint.Zero ? CudaDriver.OutOfMemory : CudaDriver.cuGraphLaunch(piece.Graph, _stream);
            if (error != CudaDriver.OutOfMemory)
            {
                CudaDriver.Check(error, "cuGraphLaunch");
                _isBehindKernel = false;
                GraphLaunches++;
                return;
            }
        }
        catch
        {
            Dropped?.Invoke();
            throw;
        }

        // A graph takes memory of the device, and tensors may have all of it. The next time but one it is tried again.
        piece.IsRepeated = false;
        RunAll(piece.Commands);
    }

    // 0 if there is no room.
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
        bool isWhole = false;
        _isBehindKernel = false;
        try
        {
            RunAll(commands);
            isWhole = true;
        }
        finally
        {
            _isBehindKernel = false;

            // Even if a command failed: the stream would take nothing else any more.
            error = CudaDriver.cuStreamEndCapture(_stream, out captured);
            if (!isWhole && error == 0)
            {
                CudaDriver.cuGraphDestroy(captured);
            }
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
