// Readings of rows of logits: token_statistics.cu. A launch over chunks of rows, one over rows, and some dozen bytes a row come back.
using System.Runtime.CompilerServices;
using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Numerics.Cuda;

/// <summary>Rows are read where they lie; only their readings travel.</summary>
internal sealed class CudaTokenStatistics(CudaDevice device) : ITokenStatistics
{
    private const string Source = "token_statistics.cu";

    // CHUNK, THREADS and the size of a Partial there.
    private const int Chunk = 4096;
    private const int Threads = 256;
    private const int WarpThreads = 32;
    private const int PartialBytes = 48;

    public void Forward(
        Tensor logits, ReadOnlySpan<TokenRow> rows, ReadOnlySpan<uint> masks, ReadOnlySpan<int> own, Span<TokenReading> readings)
    {
        ReferenceTokenStatistics.Check(logits, rows, masks, own, readings);
        if (rows.IsEmpty)
        {
            return;
        }

        int chunks = (logits.Columns + Chunk - 1) / Chunk;
        long readingBytes = (long)rows.Length * Unsafe.SizeOf<TokenReading>();
        KernelArguments arguments = default;
        arguments.Add(device.Read(logits));
        arguments.Add(logits.Columns);
        arguments.Add(device.Upload(rows));
        arguments.Add(device.Upload(masks));
        arguments.Add(device.Upload(own));
        nint found = device.Scratch(readingBytes + ((long)rows.Length * chunks * PartialBytes));
        arguments.Add(found + (nint)readingBytes);
        device.Launch(device.Function(Source, "token_statistics_chunks"), rows.Length, chunks, 1, Threads, arguments);
        arguments.Add(chunks);
        arguments.Add(found);
        device.Launch(device.Function(Source, "token_statistics_rows"), rows.Length, 1, 1, WarpThreads, arguments);
        device.Download(found, readings);
    }
}
