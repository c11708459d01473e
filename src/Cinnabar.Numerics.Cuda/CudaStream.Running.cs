// A command becomes a call of the driver, or of cuBLASLt.
using Cinnabar.Numerics.Cuda.Interop;

namespace Cinnabar.Numerics.Cuda;

internal sealed unsafe partial class CudaStream
{
    // In the stream or, while one is captured, in the graph: only then may a kernel overlap with what is before it.
    private bool _isBehindKernel;

    private void RunAll(ReadOnlySpan<CudaCommand> commands)
    {
        try
        {
            foreach (ref readonly CudaCommand command in commands)
            {
                Run(command);
            }
        }
        catch
        {
            Dropped?.Invoke();
            throw;
        }
    }

    private void Run(in CudaCommand command)
    {
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
                _products.Run(command, _stream);
                break;
        }

        _isBehindKernel = command.Kind == CommandKind.Launch;
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
