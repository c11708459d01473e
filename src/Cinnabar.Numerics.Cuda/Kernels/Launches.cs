namespace Cinnabar.Numerics.Cuda;

/// <summary>Launches of the shapes that many kernels share; of nothing, nothing is launched.</summary>
internal static class Launches
{
    /// <summary>Threads of a block, where a kernel does not ask for another number.</summary>
    public const int Threads = 256;

    // Elements that a thread moves at once.
    private const int Pack = 4;

    private const int BlocksPerMultiprocessor = 8;

    // A multiprocessor, where blocks walk over elements: as many as run at once, twice over.
    private const int BlocksOverElements = 16;

    /// <summary>As many blocks as the elements need, within limits: the kernel walks over all of them.</summary>
    public static void LaunchOverElements(this CudaDevice device, CudaFunction function, long count, in KernelArguments arguments)
    {
        if (count > 0)
        {
            long blocks = Math.Min((count + (Threads * Pack) - 1) / (Threads * Pack), (long)BlocksOverElements * device.Multiprocessors);
            device.Launch(function, (int)blocks, 1, 1, Threads, arguments);
        }
    }

    /// <summary>Blocks in x share the columns; those in y walk down the rows.</summary>
    public static void LaunchDownColumns(this CudaDevice device, CudaFunction function, int rows, int columns, in KernelArguments arguments)
    {
        int across = ColumnBlocks(columns);
        int down = Math.Min(rows, Math.Max(1, BlocksPerMultiprocessor * device.Multiprocessors / Math.Max(1, across)));
        if (across > 0 && down > 0)
        {
            device.Launch(function, across, down, 1, Threads, arguments);
        }
    }

    /// <summary>A block for each row.</summary>
    public static void LaunchPerRow(
        this CudaDevice device, CudaFunction function, int rows, int columns, in KernelArguments arguments, int threads = Threads)
    {
        if (rows > 0 && columns > 0)
        {
            device.Launch(function, rows, 1, 1, threads, arguments);
        }
    }

    /// <summary>Blocks that take a pack of columns a thread or, where packs do not fit the columns, a column a thread.</summary>
    public static int ColumnBlocks(int columns)
    {
        int threads = columns % Pack == 0 ? columns / Pack : columns;
        return (threads + Threads - 1) / Threads;
    }
}
