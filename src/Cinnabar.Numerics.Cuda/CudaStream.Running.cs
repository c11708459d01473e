// A command becomes a call of the driver, or of cuBLASLt. Products of lanes 2, 3, … run on streams of their own: these start where the
// product of lane 1 does, and whatever comes behind the group waits for all of them.
//
//   this stream   … ─┬─ lane 1 ─┬─ …        A product that reads a few megabytes of weights ends before it has reached the speed of memory;
//   side streams     ├─ lane 2 ─┤           side by side, one speeds up while the other slows down.
//                    └─ lane 3 ─┘
using Cinnabar.Numerics.Cuda.Interop;

namespace Cinnabar.Numerics.Cuda;

internal sealed unsafe partial class CudaStream
{
    private readonly List<(nint Stream, nint Done)> _sides = []; // of lanes 2, 3, …
    private nint _fork; // an event before lane 1

    // The last lane of the group that is not joined yet; 0: none is open.
    private int _lane;

    // In the stream or, while one is captured, in the graph: only then may a kernel overlap with what is before it.
    private bool _isBehindKernel;

    private void RunAll(ReadOnlySpan<CudaCommand> commands)
    {
        foreach (ref readonly CudaCommand command in commands)
        {
            Run(command);
        }

        Join();
    }

    private void Run(in CudaCommand command)
    {
        // A group may be cut where a graph ends: what is left of it then runs in line.
        bool isBeside = command.Kind == CommandKind.Product && command.Lane > 1 && command.Lane == _lane + 1;
        if (isBeside)
        {
            RunBeside(command);
            return;
        }

        Join();
        switch (command.Kind)
        {
            case CommandKind.Launch:
                LaunchKernel(command);
                break;
            case CommandKind.CopyToDevice:
                CudaDriver.Check(
                    CudaDriver.cuMemcpyHtoDAsync_v2(command.Target, (void*)command.Source, (nuint)command.Bytes, _stream),
                    "cuMemcpyHtoDAsync");
                break;
            case CommandKind.Clear:
                CudaDriver.Check(CudaDriver.cuMemsetD8Async(command.Target, 0, (nuint)command.Bytes, _stream), "cuMemsetD8Async");
                break;
            case CommandKind.Product:
                Fork(command.Lane);
                _products.Run(command, _stream, number: 0);
                break;
        }

        _isBehindKernel = command.Kind == CommandKind.Launch;
    }

    // While commands are timed one by one, none runs beside another.
    private void Fork(int lane)
    {
        if (lane == 1 && Trace is null)
        {
            _fork = _fork == nint.Zero ? NewEvent() : _fork;
            CudaDriver.Check(CudaDriver.cuEventRecord(_fork, _stream), "cuEventRecord");
            _lane = 1;
        }
    }

    private void RunBeside(in CudaCommand command)
    {
        if (_sides.Count < command.Lane - 1)
        {
            nint end = NewEvent();
            CudaDriver.Check(CudaDriver.cuStreamCreate(out nint made, CudaDriver.NonBlockingStream), "cuStreamCreate");
            _sides.Add((made, end));
        }

        (nint stream, nint done) = _sides[command.Lane - 2];
        CudaDriver.Check(CudaDriver.cuStreamWaitEvent(stream, _fork, 0), "cuStreamWaitEvent");
        _products.Run(command, stream, command.Lane - 1);
        CudaDriver.Check(CudaDriver.cuEventRecord(done, stream), "cuEventRecord");
        _lane = command.Lane; // from here on there is something to wait for
    }

    private void Join()
    {
        (int last, _lane) = (_lane, 0);
        for (int lane = 2; lane <= last; lane++)
        {
            CudaDriver.Check(CudaDriver.cuStreamWaitEvent(_stream, _sides[lane - 2].Done, 0), "cuStreamWaitEvent");
        }
    }

    private static nint NewEvent()
    {
        CudaDriver.Check(CudaDriver.cuEventCreate(out nint made, CudaDriver.EventWithoutTime), "cuEventCreate");
        return made;
    }

    private void LaunchKernel(in CudaCommand command)
    {
        KernelArguments arguments = command.Arguments;
        void** addresses = stackalloc void*[KernelArguments.MaxCount];
        arguments.Locate(addresses);
        CudaDriver.LaunchAttribute overlap = new() { Id = CudaDriver.OverlapWithPrevious, Value = 1 };
        CudaDriver.LaunchConfig config = new()
        {
            GridX = (uint)command.GridX,
            GridY = (uint)command.GridY,
            GridZ = (uint)command.GridZ,
            BlockX = (uint)command.Threads,
            BlockY = 1,
            BlockZ = 1,
            SharedBytes = (uint)command.SharedBytes,
            Stream = _stream,
            Attributes = &overlap,
            AttributeCount = command.Overlaps != 0 && _isBehindKernel ? 1u : 0u,
        };
        CudaDriver.Check(CudaDriver.cuLaunchKernelEx(&config, command.Source, addresses, null), "cuLaunchKernelEx");
    }
}
