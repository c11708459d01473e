// The device's memory. Allocating and freeing it waits for the device, so freed blocks are kept by size and handed out again. Everything
// runs on one stream, so a block may be handed out while commands that use it are still waiting: the new owner's come behind them.
// Blocks come back from finalizers, too, hence the lock.
using Cinnabar.Numerics.Cuda.Interop;

namespace Cinnabar.Numerics.Cuda;

/// <summary>Blocks of device memory; thread-safe.</summary>
/// <param name="deviceName">For messages.</param>
/// <param name="beforeFreeing">Called before unused blocks are given back to the driver.</param>
internal sealed class CudaMemory(string deviceName, Action beforeFreeing)
{
    private const long SmallUnit = 512;
    private const long LargeUnit = 2 << 20;

    private readonly Lock _oneAtATime = new();
    private readonly Dictionary<long, Stack<nint>> _free = [];

    /// <summary>Bytes handed out.</summary>
    public long Used { get; private set; }

    /// <summary>A block of at least <paramref name="bytes"/>.</summary>
    /// <exception cref="CudaException">The device has no more room.</exception>
    public nint Allocate(long bytes)
    {
        long size = SizeFor(bytes);
        lock (_oneAtATime)
        {
            if (_free.TryGetValue(size, out Stack<nint>? blocks) && blocks.TryPop(out nint block))
            {
                Used += size;
                return block;
            }
        }

        int error = CudaDriver.cuMemAlloc_v2(out nint address, (nuint)size);
        if (error == CudaDriver.OutOfMemory)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            beforeFreeing(); // work that was handed to the stream, or is held back for it, may name blocks that nobody owns any more
            FreeUnused();
            error = CudaDriver.cuMemAlloc_v2(out address, (nuint)size);
        }

        if (error == CudaDriver.OutOfMemory)
        {
            CudaDriver.Check(CudaDriver.cuMemGetInfo_v2(out nuint free, out nuint total), "cuMemGetInfo");
            throw new CudaException(
                $"{deviceName}: {size / 1e6:N1} MB more were needed, {free / 1e6:N1} of {total / 1e6:N0} MB were free; "
                + $"this program holds {Used / 1e6:N1} MB.",
                "Lower the batch, the length or the size of the model, end other programs on the GPU, or use --device cpu.");
        }

        CudaDriver.Check(error, "cuMemAlloc");
        lock (_oneAtATime)
        {
            Used += size;
        }

        return address;
    }

    /// <summary>Takes back a block that was allocated with <paramref name="bytes"/>.</summary>
    public void Free(nint address, long bytes)
    {
        long size = SizeFor(bytes);
        lock (_oneAtATime)
        {
            Used -= size;
            if (!_free.TryGetValue(size, out Stack<nint>? blocks))
            {
                _free.Add(size, blocks = []);
            }

            blocks.Push(address);
        }
    }

    private void FreeUnused()
    {
        lock (_oneAtATime)
        {
            foreach (Stack<nint> blocks in _free.Values)
            {
                while (blocks.TryPop(out nint block))
                {
                    CudaDriver.Check(CudaDriver.cuMemFree_v2(block), "cuMemFree");
                }
            }
        }
    }

    private static long SizeFor(long bytes)
    {
        long unit = bytes < LargeUnit ? SmallUnit : LargeUnit;
        return Math.Max(unit, (bytes + unit - 1) / unit * unit);
    }
}
