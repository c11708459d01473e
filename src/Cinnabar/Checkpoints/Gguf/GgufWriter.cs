// Writing GGUF version 3 (layout: GgufHeader). Keys and tensors stand in the order in which they are given; each tensor is followed by
// zeros up to the alignment, the last one too, as the reference writers do. The same input gives the same bytes.
using System.Text;
using Cinnabar.Numerics;

namespace Cinnabar.Checkpoints.Gguf;

/// <summary>Writes GGUF files.</summary>
public static class GgufWriter
{
    private static readonly UTF8Encoding s_utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>
    /// Writes a file atomically (see <see cref="AtomicFile"/>), one tensor at a time.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="metadata">Distinct keys, e.g. the <see cref="GgufMetadata"/> of another file. "general.alignment" is obeyed.</param>
    /// <param name="tensors">Tensors with distinct names.</param>
    /// <param name="progress">Told after each tensor, or null.</param>
    /// <exception cref="CinnabarException">The file could not be written, the rows of a tensor are no whole blocks of its type, or a value
    /// is too large for it.</exception>
    /// <exception cref="ArgumentException">A key, name, shape or type is not allowed, or the parts of a tensor do not fill it.</exception>
    public static void Write(
        string path,
        IEnumerable<KeyValuePair<string, GgufValue>> metadata,
        IReadOnlyList<GgufTensorSource> tensors,
        IProgress<WritingProgress>? progress = null)
    {
        foreach (GgufTensorSource tensor in tensors)
        {
            Check(tensor);
        }

        (byte[] header, int alignment) = Header([.. metadata], tensors);
        long total = tensors.Sum(tensor => tensor.ByteCount);
        long padding = tensors.Sum(tensor => (long)Padding(tensor.ByteCount, alignment));
        AtomicFile.Write(path, header.Length + total + padding, stream =>
        {
            stream.Write(header);
            long done = 0;
            foreach (GgufTensorSource tensor in tensors)
            {
                WriteTensor(stream, path, tensor);
                stream.Write(new byte[Padding(tensor.ByteCount, alignment)]);
                done += tensor.ByteCount;
                progress?.Report(new WritingProgress(tensor.Name, done, total));
            }
        });
    }

    private static void Check(GgufTensorSource tensor)
    {
        bool isName = tensor.Name.Length > 0 && !tensor.Name.Contains('\0') && s_utf8.GetByteCount(tensor.Name) <= GgufHeader.MaxNameBytes;
        if (!isName || tensor.Shape.Count is 0 or > GgufHeader.MaxDimensions || !BlockEncoder.IsSupported(tensor.Type))
        {
            throw new ArgumentException(
                $"A tensor {ErrorText.Quote(tensor.Name)} of {tensor.Shape.Count} dimensions and type {tensor.Type} cannot be written.",
                nameof(tensor));
        }

        if (tensor.Shape[^1] % tensor.Type.BlockSize() != 0)
        {
            throw new CinnabarException(
                $"tensor {ErrorText.Quote(tensor.Name)}: expected rows of a multiple of {tensor.Type.BlockSize()} values for "
                + $"{tensor.Type}, found {tensor.Shape[^1]}.",
                "Write this tensor as F16 or BF16.");
        }
    }

    private static (byte[] Bytes, int Alignment) Header(
        List<KeyValuePair<string, GgufValue>> metadata, IReadOnlyList<GgufTensorSource> tensors)
    {
        RequireDistinct(metadata.Select(pair => pair.Key));
        RequireDistinct(tensors.Select(tensor => tensor.Name));
        int alignment = GgufHeader.DefaultAlignment;
        using MemoryStream header = new();
        using BinaryWriter writer = new(header, s_utf8);
        writer.Write("GGUF"u8);
        writer.Write(3u);
        writer.Write((ulong)tensors.Count);
        writer.Write((ulong)metadata.Count);
        foreach ((string key, GgufValue value) in metadata)
        {
            WriteText(writer, key);
            writer.Write((uint)value.Type);
            WriteValue(writer, value);
            alignment = key == GgufHeader.AlignmentKey ? GgufHeader.AlignmentOf(value) ?? throw new ArgumentException(
                $"{key} cannot be {value}.", nameof(metadata)) : alignment;
        }

        long offset = 0;
        foreach (GgufTensorSource tensor in tensors)
        {
            WriteText(writer, tensor.Name);
            writer.Write((uint)tensor.Shape.Count);
            foreach (int size in tensor.Shape.Reverse())
            {
                writer.Write((ulong)size);
            }

            writer.Write((uint)tensor.Type);
            writer.Write((ulong)offset);
            offset += tensor.ByteCount + Padding(tensor.ByteCount, alignment);
        }

        writer.Write(new byte[Padding(header.Length, alignment)]);
        return (header.ToArray(), alignment);
    }

    private static void WriteValue(BinaryWriter writer, GgufValue value)
    {
        if (value.Content is not Array array)
        {
            WriteSingle(writer, value.Content);
            return;
        }

        writer.Write((uint)value.ElementType!);
        writer.Write((ulong)array.Length);
        foreach (object element in array)
        {
            WriteSingle(writer, element);
        }
    }

    private static void WriteSingle(BinaryWriter writer, object value)
    {
        switch (value)
        {
            case byte number: writer.Write(number); break;
            case sbyte number: writer.Write(number); break;
            case ushort number: writer.Write(number); break;
            case short number: writer.Write(number); break;
            case uint number: writer.Write(number); break;
            case int number: writer.Write(number); break;
            case ulong number: writer.Write(number); break;
            case long number: writer.Write(number); break;
            case float number: writer.Write(number); break;
            case double number: writer.Write(number); break;
            case bool truth: writer.Write(truth); break;
            default: WriteText(writer, (string)value); break;
        }
    }

    private static void WriteText(BinaryWriter writer, string text)
    {
        byte[] bytes = s_utf8.GetBytes(text);
        writer.Write((ulong)bytes.Length);
        writer.Write(bytes);
    }

    private static void WriteTensor(Stream stream, string path, GgufTensorSource tensor)
    {
        long count = 0;
        foreach (Tensor part in tensor.Parts)
        {
            if (part.Columns != tensor.Shape[^1])
            {
                throw new ArgumentException($"{tensor.Name}: expected parts with rows of {tensor.Shape[^1]} values, found {part}.");
            }

            BlockStream.Write(stream, path, tensor.Name, tensor.Type, part, count);
            count += part.Count;
        }

        if (count != tensor.Count)
        {
            throw new ArgumentException($"{tensor.Name}: expected parts of {tensor.Count} values together, found {count}.");
        }
    }

    private static void RequireDistinct(IEnumerable<string> names)
    {
        HashSet<string> seen = new(StringComparer.Ordinal);
        foreach (string name in names)
        {
            if (name.Length == 0 || name.Contains('\0') || !seen.Add(name))
            {
                throw new ArgumentException($"{ErrorText.Quote(name)} is no name, or occurs twice.", nameof(names));
            }
        }
    }

    private static int Padding(long length, int alignment) => (int)((alignment - (length % alignment)) % alignment);
}
