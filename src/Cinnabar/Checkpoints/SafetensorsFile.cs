// Reading a safetensors file: the header is checked in full when the file is opened (see SafetensorsHeader), tensors are read
// when they are asked for. The file is read, not mapped: a mapped file that shrinks ends the process, a read one gives an error.
using System.Buffers.Binary;
using Cinnabar.Numerics;
using Microsoft.Win32.SafeHandles;

namespace Cinnabar.Checkpoints;

/// <summary>An open safetensors file. Safe for use by several threads.</summary>
public sealed class SafetensorsFile : IDisposable
{
    // Bytes converted at a time where the tensor is to have another type than in the file.
    private const int ChunkBytes = 64 * 1024;

    private readonly SafeFileHandle _handle;

    private delegate void Widening(ReadOnlySpan<byte> bytes, Span<float> values);

    private SafetensorsFile(
        string path, SafeFileHandle handle, Dictionary<string, TensorEntry> tensors, Dictionary<string, string> metadata)
    {
        Path = path;
        _handle = handle;
        Tensors = tensors;
        Metadata = metadata;
    }

    /// <summary>The path given to <see cref="Open"/>.</summary>
    public string Path { get; }

    /// <summary>All tensors of the file by name.</summary>
    public IReadOnlyDictionary<string, TensorEntry> Tensors { get; }

    /// <summary>The texts under "__metadata__"; empty if there are none.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>Opens a file and checks its whole header.</summary>
    /// <exception cref="CinnabarException">The file cannot be read or breaks a rule of the format.</exception>
    public static SafetensorsFile Open(string path)
    {
        SafeFileHandle handle = InputFile.Open(path, "weights in safetensors format");
        try
        {
            long length = InputFile.LengthOf(handle, path);
            byte[] header = ReadHeader(handle, path, length);
            (Dictionary<string, TensorEntry> tensors, Dictionary<string, string> metadata) = SafetensorsHeader.Parse(path, header, length);
            return new SafetensorsFile(path, handle, tensors, metadata);
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Reads one tensor. F32, BF16 and I8 keep their type (the scales of an I8 tensor are the caller's matter); F16, F64, F8_E4M3 and
    /// F8_E5M2 become F32 (F64 beyond its range becomes infinite); a single number becomes [1].
    /// </summary>
    /// <exception cref="CinnabarException">No such tensor, or its type, number of dimensions or size is not supported.</exception>
    public Tensor Read(string name) => ReadAs(null, Find(name));

    /// <summary>Reads one slice along the first dimension, e.g. one expert [out, in] of stacked experts [experts, out, in].</summary>
    /// <param name="name">A tensor of two or more dimensions; only the slice has to fit into memory.</param>
    /// <param name="slice">Which, from 0.</param>
    /// <returns>The shape without its first dimension; element types as <see cref="Read(string)"/>.</returns>
    /// <exception cref="CinnabarException">As <see cref="Read(string)"/>, or there is no such slice.</exception>
    public Tensor Read(string name, int slice) => ReadAs(null, SliceOf(name, slice));

    /// <summary>
    /// Reads one tensor, or a slice of it, rounded to BF16 unless it is I8; nothing larger is held meanwhile.
    /// </summary>
    /// <exception cref="CinnabarException">As <see cref="Read(string, int)"/>.</exception>
    internal Tensor ReadRounded(string name, int? slice) => ReadAs(DType.BF16, Entry(name, slice));

    /// <summary>Whether what <see cref="Read(string)"/> makes of a tensor, or of a slice of it, fits into memory.</summary>
    /// <exception cref="CinnabarException">As <see cref="Read(string, int)"/>.</exception>
    internal bool Fits(string name, int? slice)
    {
        TensorEntry entry = Entry(name, slice);
        return TensorRoom.Holds(TypeOf(entry), entry.Shape);
    }

    /// <summary>Reads the bytes of a tensor of any type as they are.</summary>
    /// <param name="name">A tensor of the file.</param>
    /// <param name="bytes">Receives them; exactly as many as the tensor has.</param>
    /// <exception cref="CinnabarException">No such tensor, or it could not be read.</exception>
    public void ReadBytes(string name, Span<byte> bytes) => ReadBytes(Find(name), bytes);

    /// <summary>Reads the bytes of one slice along the first dimension as they are.</summary>
    /// <param name="name">A tensor of two or more dimensions.</param>
    /// <param name="slice">Which, from 0.</param>
    /// <param name="bytes">Receives them; exactly as many as the slice has.</param>
    /// <exception cref="CinnabarException">No such tensor or slice, or it could not be read.</exception>
    public void ReadBytes(string name, int slice, Span<byte> bytes) => ReadBytes(SliceOf(name, slice), bytes);

    /// <summary>The element type that <see cref="Read(string)"/> gives a tensor of this file.</summary>
    /// <exception cref="CinnabarException">No such tensor, or its type is not supported.</exception>
    internal DType TypeOf(string name) => TypeOf(Find(name));

    /// <summary>Closes the file.</summary>
    public void Dispose() => _handle.Dispose();

    private TensorEntry Find(string name) => Tensors.TryGetValue(name, out TensorEntry? entry)
        ? entry
        : throw ErrorText.NoTensor(Path, name, [.. Tensors.Keys], "Check that the file belongs to this model.");

    private TensorEntry Entry(string name, int? slice) => slice is int index ? SliceOf(name, index) : Find(name);

    private TensorEntry SliceOf(string name, int slice)
    {
        TensorEntry entry = Find(name);
        return entry.Slice(slice) ?? throw new CinnabarException(
            $"{Where(entry)}: expected two or more dimensions and a slice {slice} along the first, found {entry}.",
            "Check that the file belongs to this model.");
    }

    // In a type for floating-point numbers; null: the usual one.
    private Tensor ReadAs(DType? floats, TensorEntry entry)
    {
        DType usual = TypeOf(entry);
        Tensor tensor = Allocate(entry, usual == DType.Int8 ? usual : floats ?? usual);
        switch (entry.Type)
        {
            case SafetensorsDType.F16: ReadConverted(entry, tensor, 2, WidenF16); break;
            case SafetensorsDType.F64: ReadConverted(entry, tensor, 8, NarrowF64); break;
            case SafetensorsDType.F8E4M3: ReadConverted(entry, tensor, 1, Float8.WidenE4M3); break;
            case SafetensorsDType.F8E5M2: ReadConverted(entry, tensor, 1, Float8.WidenE5M2); break;
            case SafetensorsDType.F32 when tensor.Type == DType.BF16: ReadConverted(entry, tensor, 4, CopyF32); break;
            default: InputFile.ReadExactly(_handle, Path, tensor.Bytes, entry.Offset); break;
        }

        return tensor;
    }

    private void ReadBytes(TensorEntry entry, Span<byte> bytes)
    {
        if (entry.ByteCount != bytes.Length)
        {
            throw new ArgumentException($"Expected room for {entry}, found {bytes.Length} bytes.", nameof(bytes));
        }

        InputFile.ReadExactly(_handle, Path, bytes, entry.Offset);
    }

    private DType TypeOf(TensorEntry entry) => entry.Type switch
    {
        SafetensorsDType.BF16 => DType.BF16,
        SafetensorsDType.I8 => DType.Int8,
        SafetensorsDType.F32 or SafetensorsDType.F16 or SafetensorsDType.F64 => DType.F32,
        SafetensorsDType.F8E4M3 or SafetensorsDType.F8E5M2 => DType.F32,
        _ => throw new CinnabarException(
            $"{Where(entry)}: expected F32, BF16, F16, F64, F8_E4M3, F8_E5M2 or I8, found {entry}.",
            "Export the model with one of these element types."),
    };

    private static byte[] ReadHeader(SafeFileHandle handle, string path, long fileLength)
    {
        if (fileLength < SafetensorsHeader.Start)
        {
            throw new CinnabarException(
                $"{path}: offset 0: expected at least {SafetensorsHeader.Start} bytes (the length of the header), " +
                $"found a file of {fileLength}.",
                "The file is cut short or empty: fetch it again.");
        }

        Span<byte> field = stackalloc byte[SafetensorsHeader.Start];
        InputFile.ReadExactly(handle, path, field, 0);
        ulong length = BinaryPrimitives.ReadUInt64LittleEndian(field);
        if (length > SafetensorsHeader.MaxBytes)
        {
            throw new CinnabarException(
                $"{path}: offset 0: expected a header of at most {SafetensorsHeader.MaxBytes} bytes, found a length of {length}.",
                "This is not a safetensors file; if it ends in .bin or .pt, export it as .safetensors with the program that made it.");
        }

        if ((long)length > fileLength - SafetensorsHeader.Start)
        {
            throw new CinnabarException(
                $"{path}: offset 0: expected a header that ends inside the file of {fileLength} bytes, found a length of {length}.",
                "The file is cut short: fetch it again.");
        }

        byte[] header = new byte[length];
        InputFile.ReadExactly(handle, path, header, SafetensorsHeader.Start);
        return header;
    }

    private string Where(TensorEntry entry) => $"{Path}: tensor {ErrorText.Quote(entry.Name)}, offset {entry.Offset}";

    private Tensor Allocate(TensorEntry entry, DType type)
    {
        string where = Where(entry);
        if (entry.Shape.Count > 4)
        {
            throw new CinnabarException(
                $"{where}: expected at most 4 dimensions, found {entry}.", "Models of this kind are not supported.");
        }

        if (!TensorRoom.Holds(type, entry.Shape))
        {
            throw new CinnabarException(
                $"{where}: expected at most {TensorRoom.MostBytes} bytes of {type} in one tensor in memory, found {entry}.",
                TensorRoom.Remedy(type, entry.Shape));
        }

        try
        {
            return Tensor.Zeros(type, entry.Shape.Count == 0 ? [1] : [.. entry.Shape.Select(size => (int)size)]);
        }
        catch (OutOfMemoryException e)
        {
            long bytes = Tensor.BytesOf(type, entry.Shape.Aggregate(1L, (product, size) => product * size));
            throw new CinnabarException(
                $"{where}: expected {bytes} bytes of free memory for {entry}, found less.",
                "Close other programs or use a smaller model.",
                e);
        }
    }

    // Chunk by chunk, so that no second copy of the tensor is ever held.
    private void ReadConverted(TensorEntry entry, Tensor tensor, int size, Widening widen)
    {
        byte[] chunk = new byte[(int)Math.Min(entry.ByteCount, ChunkBytes)];
        float[] values = new float[chunk.Length / size];
        long offset = entry.Offset;
        for (int done = 0; done < tensor.Count;)
        {
            int count = Math.Min(tensor.Count - done, values.Length);
            Span<byte> bytes = chunk.AsSpan(0, count * size);
            InputFile.ReadExactly(_handle, Path, bytes, offset);
            if (tensor.Type == DType.BF16)
            {
                widen(bytes, values);
                BFloat16.FromFloats(values.AsSpan(0, count), tensor.BFloat16Bits.Slice(done, count));
            }
            else
            {
                widen(bytes, tensor.Floats.Slice(done, count));
            }

            done += count;
            offset += bytes.Length;
        }
    }

    private static void CopyF32(ReadOnlySpan<byte> bytes, Span<float> values)
    {
        for (int i = 0; i < bytes.Length / 4; i++)
        {
            values[i] = BinaryPrimitives.ReadSingleLittleEndian(bytes[(4 * i)..]);
        }
    }

    private static void WidenF16(ReadOnlySpan<byte> bytes, Span<float> values)
    {
        for (int i = 0; i < bytes.Length / 2; i++)
        {
            values[i] = (float)BinaryPrimitives.ReadHalfLittleEndian(bytes[(2 * i)..]);
        }
    }

    private static void NarrowF64(ReadOnlySpan<byte> bytes, Span<float> values)
    {
        for (int i = 0; i < bytes.Length / 8; i++)
        {
            values[i] = (float)BinaryPrimitives.ReadDoubleLittleEndian(bytes[(8 * i)..]);
        }
    }
}
