// Reading a GGUF file: the header is checked in full when the file is opened (see GgufHeader), tensors are read when they are asked for,
// by positioned reads of some hundred kilobytes that are decoded straight into the result. The chunks of a tensor are shared among the
// threads of the thread pool; each value depends on its own block alone, so the result does not depend on their number.
using System.Buffers;
using System.Runtime.ExceptionServices;
using Cinnabar.Numerics;
using Microsoft.Win32.SafeHandles;

namespace Cinnabar.Checkpoints.Gguf;

/// <summary>An open GGUF file. Safe for use by several threads.</summary>
public sealed class GgufFile : IDisposable
{
    private const int ChunkBytes = 256 * 1024;

    private readonly SafeFileHandle _handle;

    private GgufFile(string path, SafeFileHandle handle, GgufHeader header)
    {
        Path = path;
        _handle = handle;
        Metadata = header.Metadata;
        Tensors = header.Tensors;
    }

    // Turns some blocks into the elements of a tensor from a given one on.
    private delegate void ConvertBlocks(ReadOnlySpan<byte> blocks, Tensor target, int first);

    /// <summary>The path given to <see cref="Open"/>.</summary>
    public string Path { get; }

    /// <summary>The key-value pairs.</summary>
    public GgufMetadata Metadata { get; }

    /// <summary>All tensors by name, in the order of the file's table.</summary>
    public IReadOnlyDictionary<string, GgufTensor> Tensors { get; }

    /// <summary>Opens a file and checks its whole header; no tensor is read.</summary>
    /// <exception cref="CinnabarException">The file cannot be read or breaks a rule of the format.</exception>
    public static GgufFile Open(string path)
    {
        SafeFileHandle handle = InputFile.Open(path, "a model in GGUF format");
        try
        {
            long length = InputFile.LengthOf(handle, path);
            return new GgufFile(path, handle, GgufHeader.Parse(new GgufCursor(handle, path, length), path, length));
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    /// <summary>Reads one tensor as F32, which holds the values of every type exactly. A single number becomes [1].</summary>
    /// <exception cref="CinnabarException">No such tensor, it is too large for memory, or it could not be read.</exception>
    public Tensor Read(string name) => Load(Find(name), null, DType.F32);

    /// <summary>Reads slice <paramref name="slice"/> of a tensor of three dimensions, e.g. one of stacked experts, as F32.</summary>
    /// <returns>[out, in] of a tensor [experts, out, in].</returns>
    /// <exception cref="CinnabarException">No such tensor or slice, it is too large for memory, or it could not be read.</exception>
    public Tensor Read(string name, int slice) => Load(Find(name), slice, DType.F32);

    /// <summary>
    /// Reads one tensor as the file holds it, byte for byte, but for F16, which becomes F32.
    /// </summary>
    /// <exception cref="CinnabarException">No such tensor, it is too large for memory, or it could not be read.</exception>
    public Tensor ReadStored(string name)
    {
        GgufTensor tensor = Find(name);
        return Load(tensor, null, StoredType(tensor.Type));
    }

    /// <summary>Reads slice <paramref name="slice"/> of a tensor of three dimensions as <see cref="ReadStored(string)"/> does.</summary>
    /// <returns>[out, in] of a tensor [experts, out, in].</returns>
    /// <exception cref="CinnabarException">No such tensor or slice, it is too large for memory, or it could not be read.</exception>
    public Tensor ReadStored(string name, int slice)
    {
        GgufTensor tensor = Find(name);
        return Load(tensor, slice, StoredType(tensor.Type));
    }

    /// <summary>Reads one tensor, or a slice of it, rounded to BF16; nothing larger is held meanwhile.</summary>
    /// <exception cref="CinnabarException">As <see cref="ReadStored(string)"/>.</exception>
    internal Tensor ReadRounded(string name, int? slice) => Load(Find(name), slice, DType.BF16);

    /// <summary>Whether what <see cref="ReadStored(string)"/> makes of a tensor, or of a slice of it, fits into memory.</summary>
    internal bool Fits(string name, int? slice)
    {
        GgufTensor tensor = Find(name);
        return TensorRoom.Holds(StoredType(tensor.Type), slice is null ? tensor.Shape : [.. tensor.Shape.Skip(1)]);
    }

    /// <summary>Closes the file.</summary>
    public void Dispose() => _handle.Dispose();

    private static DType StoredType(GgmlType type) => type switch
    {
        GgmlType.F32 or GgmlType.F16 => DType.F32,
        GgmlType.BF16 => DType.BF16,
        _ => type.ToBlocks(),
    };

    private static ConvertBlocks? Conversion(GgmlType from, DType to) => (from, to) switch
    {
        (GgmlType.F32, DType.F32) or (GgmlType.BF16, DType.BF16) => null,
        (_, DType.BF16) => (blocks, target, first) => Round(from, blocks, target, first),
        _ => (blocks, target, first) =>
            BlockDecoder.Decode(from, blocks, target.Floats.Slice(first, blocks.Length / from.BlockBytes() * from.BlockSize())),
    };

    private static void Round(GgmlType from, ReadOnlySpan<byte> blocks, Tensor target, int first)
    {
        int count = blocks.Length / from.BlockBytes() * from.BlockSize();
        float[] buffer = ArrayPool<float>.Shared.Rent(count);
        Span<float> values = buffer.AsSpan(0, count);
        BlockDecoder.Decode(from, blocks, values);
        BFloat16.FromFloats(values, target.BFloat16Bits.Slice(first, count));
        ArrayPool<float>.Shared.Return(buffer);
    }

    private GgufTensor Find(string name) => Tensors.TryGetValue(name, out GgufTensor? tensor)
        ? tensor
        : throw ErrorText.NoTensor(Path, name, [.. Tensors.Keys], "Check that the file belongs to this model.");

    private Tensor Load(GgufTensor tensor, int? slice, DType type)
    {
        GgufTensor part = slice is int index ? Slice(tensor, index) : tensor;
        Tensor target = Allocate(part, type);
        if (type.IsBlocks())
        {
            ReadRows(part, target);
        }
        else if (Conversion(part.Type, type) is ConvertBlocks convert)
        {
            Convert(part, target, convert);
        }
        else
        {
            InputFile.ReadExactly(_handle, Path, target.Bytes, part.Offset);
        }

        return target;
    }

    private GgufTensor Slice(GgufTensor tensor, int slice)
    {
        if (tensor.Shape.Count != 3 || slice < 0 || slice >= tensor.Shape[0])
        {
            throw new CinnabarException(
                $"{Where(tensor)}: expected 3 dimensions, the first of at least {(long)slice + 1}, found {tensor}.",
                "Check that the numbers of the metadata, such as expert_count, belong to these tensors.");
        }

        long bytes = tensor.ByteCount / tensor.Shape[0];
        return tensor with { Shape = [tensor.Shape[1], tensor.Shape[2]], Offset = tensor.Offset + (bytes * slice), ByteCount = bytes };
    }

    private Tensor Allocate(GgufTensor part, DType type)
    {
        if (!TensorRoom.Holds(type, part.Shape))
        {
            throw new CinnabarException(
                $"{Where(part)}: expected at most {TensorRoom.MostBytes} bytes of {type} in one tensor in memory, found {part}.",
                TensorRoom.Remedy(type, part.Shape));
        }

        try
        {
            int[] shape = part.Shape.Count == 0 ? [1] : [.. part.Shape.Select(size => (int)size)];
            return Tensor.Zeros(type, shape);
        }
        catch (OutOfMemoryException e)
        {
            long bytes = Tensor.BytesOf(type, part.Shape.Aggregate(1L, (product, size) => product * size));
            throw new CinnabarException(
                $"{Where(part)}: expected {bytes} bytes of free memory for {part}, found less.",
                "Close other programs or use a smaller model.",
                e);
        }
    }

    private void Convert(GgufTensor part, Tensor target, ConvertBlocks convert)
    {
        int blockBytes = part.Type.BlockBytes();
        int blockSize = part.Type.BlockSize();
        int blocks = (int)(part.ByteCount / blockBytes);
        InChunks(blocks, ChunkBytes / blockBytes, (first, count) =>
        {
            byte[] buffer = ArrayPool<byte>.Shared.Rent(ChunkBytes);
            Span<byte> bytes = buffer.AsSpan(0, count * blockBytes);
            try
            {
                InputFile.ReadExactly(_handle, Path, bytes, part.Offset + ((long)first * blockBytes));
                convert(bytes, target, first * blockSize);
            }
            finally
            {
                ArrayPool<byte>.Shared.Return(buffer);
            }
        });
    }

    // Blocks as they are, and the scales of their rows while these are in cache.
    private void ReadRows(GgufTensor part, Tensor target)
    {
        int rows = target.Count == 0 ? 0 : target.Rows;
        int rowBytes = (int)Tensor.BytesOf(target.Type, target.Columns);
        InChunks(rows, Math.Max(1, ChunkBytes / Math.Max(1, rowBytes)), (first, count) =>
        {
            Span<byte> bytes = target.Bytes.Slice(first * rowBytes, count * rowBytes);
            InputFile.ReadExactly(_handle, Path, bytes, part.Offset + ((long)first * rowBytes));
            target.FitScales(first, count);
        });
    }

    private static void InChunks(int all, int most, Action<int, int> run)
    {
        try
        {
            Parallel.For(0, (all + most - 1) / most, chunk => run(chunk * most, Math.Min(most, all - (chunk * most))));
        }
        catch (AggregateException e)
        {
            ExceptionDispatchInfo.Throw(e.InnerExceptions[0]);
        }
    }

    private string Where(GgufTensor tensor) => $"{Path}: tensor {ErrorText.Quote(tensor.Name)}, offset {tensor.Offset}";
}
