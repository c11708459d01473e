// Writing safetensors. The same tensors give the same bytes: "__metadata__" first with its keys sorted, then the tensors in the
// order of the reference writer (larger alignment first: F32, I32, BF16, F16, I8; then by name), offsets running from 0, the header
// filled up with spaces to a multiple of 8. Keys and names are compared by UTF-16 code unit. Names, types and shapes are known before the
// first byte is written, values one tensor at a time.
using System.Buffers;
using System.Buffers.Binary;
using System.Text.Encodings.Web;
using System.Text.Json;
using Cinnabar.Checkpoints.Gguf;
using Cinnabar.Numerics;

namespace Cinnabar.Checkpoints;

/// <summary>Writes safetensors files.</summary>
public static class Safetensors
{
    /// <summary>An Int4 tensor is written as I32, eight neighbouring values in each.</summary>
    public const int Int4sInOne = 8;

    /// <summary>
    /// Writes a file atomically: afterwards either the whole new file is there, or the one from before
    /// (see <see cref="AtomicFile"/>).
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="tensors">Tensors with distinct names; written as they are, without the scales of integers; rows of Int4 are a
    /// multiple of 8.</param>
    /// <param name="metadata">Texts for "__metadata__"; null: none.</param>
    /// <exception cref="CinnabarException">The file could not be written.</exception>
    /// <exception cref="ArgumentException">A name occurs twice or is not allowed.</exception>
    public static void Write(
        string path, IReadOnlyList<(string Name, Tensor Value)> tensors, IReadOnlyDictionary<string, string>? metadata = null) =>
        AtomicFile.Write(path, SizeOf(tensors, metadata), stream => Write(stream, path, Sources(tensors), metadata));

    /// <summary>Writes the same bytes to a stream.</summary>
    /// <param name="stream">Where to.</param>
    /// <param name="tensors">Tensors with distinct names.</param>
    /// <param name="metadata">Texts for "__metadata__"; null: none.</param>
    /// <exception cref="ArgumentException">A name occurs twice or is not allowed.</exception>
    public static void Write(
        Stream stream, IReadOnlyList<(string Name, Tensor Value)> tensors, IReadOnlyDictionary<string, string>? metadata = null) =>
        Write(stream, "the safetensors file", Sources(tensors), metadata);

    /// <summary>Writes tensors to a stream, one at a time.</summary>
    /// <param name="stream">Where to.</param>
    /// <param name="file">Its name, for messages.</param>
    /// <param name="tensors">Tensors with distinct names.</param>
    /// <param name="metadata">Texts for "__metadata__"; null: none.</param>
    /// <param name="written">Told each tensor that was written; null: nobody.</param>
    /// <exception cref="CinnabarException">A value is too large for F16.</exception>
    /// <exception cref="ArgumentException">A name occurs twice or is not allowed, or the parts of a tensor do not fill it.</exception>
    public static void Write(
        Stream stream,
        string file,
        IReadOnlyList<SafetensorsTensorSource> tensors,
        IReadOnlyDictionary<string, string>? metadata = null,
        Action<SafetensorsTensorSource>? written = null)
    {
        List<SafetensorsTensorSource> ordered = Ordered(tensors);
        stream.Write(Header(ordered, metadata));
        foreach (SafetensorsTensorSource tensor in ordered)
        {
            WriteTensor(stream, file, tensor);
            written?.Invoke(tensor);
        }
    }

    /// <summary>Length in bytes of the file made from these tensors.</summary>
    public static long SizeOf(IReadOnlyList<(string Name, Tensor Value)> tensors, IReadOnlyDictionary<string, string>? metadata = null) =>
        SizeOf(Sources(tensors), metadata);

    /// <summary>Length in bytes of the file made from these tensors.</summary>
    public static long SizeOf(IReadOnlyList<SafetensorsTensorSource> tensors, IReadOnlyDictionary<string, string>? metadata = null) =>
        Header(Ordered(tensors), metadata).Length + tensors.Sum(tensor => tensor.ByteCount);

    private static SafetensorsTensorSource[] Sources(IReadOnlyList<(string Name, Tensor Value)> tensors) =>
        [.. tensors.Select(tensor => new SafetensorsTensorSource(tensor.Name, tensor.Value))];

    private static List<SafetensorsTensorSource> Ordered(IReadOnlyList<SafetensorsTensorSource> tensors)
    {
        HashSet<string> names = new(StringComparer.Ordinal);
        foreach (SafetensorsTensorSource tensor in tensors)
        {
            string name = tensor.Name;
            if (name == "__metadata__" || name.Contains('\0') || name.Length > SafetensorsHeader.MaxNameBytes / 6)
            {
                throw new ArgumentException($"{ErrorText.Quote(name)} cannot be the name of a tensor.", nameof(tensors));
            }

            if (!names.Add(name))
            {
                throw new ArgumentException($"Two tensors are called {ErrorText.Quote(name)}.", nameof(tensors));
            }
        }

        return [.. tensors.OrderByDescending(tensor => tensor.Type).ThenBy(tensor => tensor.Name, StringComparer.Ordinal)];
    }

    private static void WriteTensor(Stream stream, string file, SafetensorsTensorSource tensor)
    {
        GgmlType? number = tensor.Type switch
        {
            SafetensorsDType.F32 => GgmlType.F32,
            SafetensorsDType.F16 => GgmlType.F16,
            SafetensorsDType.BF16 => GgmlType.BF16,
            _ => null,
        };
        long count = 0, bytes = 0;
        foreach (Tensor part in tensor.Parts)
        {
            if (number is GgmlType type)
            {
                BlockStream.Write(stream, file, tensor.Name, type, part, count);
                count += part.Count;
                bytes = count * type.BlockBytes();
            }
            else if (SafetensorsDTypeNames.Of(part.Type) == tensor.Type)
            {
                stream.Write(part.Bytes);
                bytes += part.Bytes.Length;
            }
            else
            {
                throw new ArgumentException($"{tensor.Name}: expected parts for {tensor.Type}, found {part}.");
            }
        }

        if (bytes != tensor.ByteCount)
        {
            throw new ArgumentException($"{tensor.Name}: expected parts of {tensor.ByteCount} bytes together, found {bytes}.");
        }
    }

    private static byte[] Header(List<SafetensorsTensorSource> ordered, IReadOnlyDictionary<string, string>? metadata)
    {
        ArrayBufferWriter<byte> text = new();
        using (Utf8JsonWriter json = new(text, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            if (metadata is { Count: > 0 })
            {
                json.WriteStartObject("__metadata__");
                foreach ((string key, string value) in metadata.OrderBy(pair => pair.Key, StringComparer.Ordinal))
                {
                    json.WriteString(key, value);
                }

                json.WriteEndObject();
            }

            long offset = 0;
            foreach (SafetensorsTensorSource tensor in ordered)
            {
                WriteEntry(json, tensor, offset);
                offset += tensor.ByteCount;
            }

            json.WriteEndObject();
        }

        int length = (text.WrittenCount + 7) / 8 * 8;
        byte[] header = new byte[SafetensorsHeader.Start + length];
        BinaryPrimitives.WriteInt64LittleEndian(header, length);
        text.WrittenSpan.CopyTo(header.AsSpan(SafetensorsHeader.Start));
        header.AsSpan(SafetensorsHeader.Start + text.WrittenCount).Fill((byte)' ');
        return header;
    }

    private static void WriteEntry(Utf8JsonWriter json, SafetensorsTensorSource tensor, long offset)
    {
        json.WriteStartObject(tensor.Name);
        json.WriteString("dtype", SafetensorsDTypeNames.NameOf(tensor.Type));
        json.WriteStartArray("shape");
        foreach (int size in tensor.Shape)
        {
            json.WriteNumberValue(size);
        }

        json.WriteEndArray();
        json.WriteStartArray("data_offsets");
        json.WriteNumberValue(offset);
        json.WriteNumberValue(offset + tensor.ByteCount);
        json.WriteEndArray();
        json.WriteEndObject();
    }
}
