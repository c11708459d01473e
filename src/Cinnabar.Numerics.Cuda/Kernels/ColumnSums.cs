using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Numerics.Cuda;

/// <summary>Sums of each column of a matrix over its rows, in an order that never changes.</summary>
internal static class ColumnSums
{
    private const string Source = "sums.cu";
    private const int ColumnsOfBlock = 32;
    private const int ThreadsOfBlock = 1024;
    private const int MostChunks = 1024;
    private const int LeastRows = 32;

    /// <summary>result[c] += Σ_t x[t, c].</summary>
    /// <param name="device">Where it runs.</param>
    /// <param name="x">[T, C].</param>
    /// <param name="result">[C].</param>
    public static void AddRows(CudaDevice device, Tensor x, Tensor result)
    {
        Expect.Floats(x, x.Rows * result.Count);
        if (x.Count == 0)
        {
            return;
        }

        int chunk = Math.Max(LeastRows, (x.Rows + MostChunks - 1) / MostChunks);
        int chunks = (x.Rows + chunk - 1) / chunk;
        nint sums = device.Scratch((long)chunks * result.Count * sizeof(float));
        KernelArguments arguments = default;
        arguments.Add(device.Read(x));
        arguments.Add(sums);
        arguments.Add(x.Rows);
        arguments.Add(result.Count);
        arguments.Add(chunk);
        device.Launch(device.Function(Source, "sums_chunks"), Launches.ColumnBlocks(result.Count), chunks, 1, Launches.Threads, arguments);
        AddChunks(device, sums, chunks, result);
    }

    /// <summary>result[c] += Σ_k sums[k, c].</summary>
    /// <param name="device">Where it runs.</param>
    /// <param name="sums">Address of [chunks, C].</param>
    /// <param name="chunks">Their number.</param>
    /// <param name="result">[C].</param>
    public static void AddChunks(CudaDevice device, nint sums, int chunks, Tensor result)
    {
        KernelArguments arguments = default;
        arguments.Add(sums);
        arguments.Add(device.Update(result));
        arguments.Add(chunks);
        arguments.Add(result.Count);
        int blocks = (result.Count + ColumnsOfBlock - 1) / ColumnsOfBlock;
        device.Launch(device.Function(Source, "sums_finish"), blocks, 1, 1, ThreadsOfBlock, arguments);
    }
}
