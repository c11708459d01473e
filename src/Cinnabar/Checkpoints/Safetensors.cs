// Writing safetensors. The same tensors give the same bytes: "__metadata__" first with its keys sorted, then the tensors in the
// order of the reference writer (larger alignment first: F32, BF16, I8; then by name), offsets running from 0, the header
// filled up with spaces to a multiple of 8. Keys and names are compared by UTF-16 code unit.
using System.Buffers;
using System.Buffers.Binary;
using System.Text.Encodings.Web;
using System.Text.Json;
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
        AtomicFile.Write(path, SizeOf(tensors, metadata), stream => Write(stream, tensors, metadata));

    /// <summary>Writes the same bytes to a stream.</summary>
    /// <param name="stream">Where to.</param>
    /// <param name="tensors">Tensors with distinct names.</param>
    /// <param name="metadata">Texts for "__metadata__"; null: none.</param>
    /// <exception cref="ArgumentException">A name occurs twice or is not allowed.</exception>
    public static void Write(
        Stream stream, IReadOnlyList<(string Name, Tensor Value)> tensors, IReadOnlyDictionary<string, string>? metadata = null)
    {
        List<(string Name, Tensor Value)> ordered = Ordered(tensors);
        stream.Write(Header(ordered, metadata));
        foreach ((_, Tensor value) in ordered)
        {
            stream.Write(value.Bytes);
        }
    }

    /// <summary>Length in bytes of the file made from these tensors.</summary>
    public static long SizeOf(IReadOnlyList<(string Name, Tensor Value)> tensors, IReadOnlyDictionary<string, string>? metadata = null) =>
        Header(Ordered(tensors), metadata).Length + tensors.Sum(tensor => (long)tensor.Value.Bytes.Length);

    private static List<(string Name, Tensor Value)> Ordered(IReadOnlyList<(string Name, Tensor Value)> tensors)
    {
        HashSet<string> names = new(StringComparer.Ordinal);
        foreach ((string name, _) in tensors)
        {
            if (name == "__metadata__" || name.Contains('\0') || name.Length > SafetensorsHeader.MaxNameBytes / 6)
            {
                throw new ArgumentException($"{ErrorText.Quote(name)} cannot be the name of a tensor.", nameof(tensors));
            }

            if (!names.Add(name))
            {
                throw new ArgumentException($"Two tensors are called {ErrorText.Quote(name)}.", nameof(tensors));
            }
        }

        return
        [
            .. tensors
                .OrderByDescending(tensor => SafetensorsDTypeNames.Of(tensor.Value.Type))
                .ThenBy(tensor => tensor.Name, StringComparer.Ordinal),
        ];
    }

    private static byte[] Header(List<(string Name, Tensor Value)> ordered, IReadOnlyDictionary<string, string>? metadata)
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
            foreach ((string name, Tensor value) in ordered)
            {
                WriteEntry(json, name, value, offset);
                offset += value.Bytes.Length;
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

    private static void WriteEntry(Utf8JsonWriter json, string name, Tensor value, long offset)
    {
        json.WriteStartObject(name);
        json.WriteString("dtype", SafetensorsDTypeNames.NameOf(SafetensorsDTypeNames.Of(value.Type)));
        json.WriteStartArray("shape");
        for (int i = 0; i < value.Shape.Length; i++)
        {
            bool isPacked = value.Type == DType.Int4 && i == value.Shape.Length - 1;
            json.WriteNumberValue(isPacked ? value.Shape[i] / Int4sInOne : value.Shape[i]);
        }

        json.WriteEndArray();
        json.WriteStartArray("data_offsets");
        json.WriteNumberValue(offset);
        json.WriteNumberValue(offset + value.Bytes.Length);
        json.WriteEndArray();
        json.WriteEndObject();
    }
}
