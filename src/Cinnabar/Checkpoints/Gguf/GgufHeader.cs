// The header of a GGUF file, trusted in nothing. All numbers are little endian.
//
//   "GGUF"  u32 version  u64 tensors  u64 keys
//   keys ×     text key, u32 type, value                 text = u64 bytes, UTF-8;  array = u32 type, u64 count, elements
//   tensors ×  text name, u32 dimensions, u64 sizes (fastest first), u32 type, u64 offset from the start of the data
//   padding to a multiple of general.alignment (32 where that key is absent), then the data
//
// Versions 2 and 3 are the same but for the byte order that 3 allows; 1 had lengths of 32 bits. Source: docs/gguf.md of ggml and
// llama.cpp's reader. Stricter than the latter: UTF-8 is checked, a Bool is 0 or 1, names hold no NUL, there are caps on every number.
// Looser: tensors may lie in another order than that of the table, and with gaps; they must not overlap.
using System.Buffers.Binary;
using System.Numerics;

namespace Cinnabar.Checkpoints.Gguf;

/// <summary>Parses and validates the header of one file.</summary>
internal sealed class GgufHeader
{
    /// <summary>Where tensors begin if the file does not say.</summary>
    public const int DefaultAlignment = 32;

    /// <summary>The key that says where tensors begin, a UInt32.</summary>
    public const string AlignmentKey = "general.alignment";

    /// <summary>Largest alignment.</summary>
    public const int MaxAlignment = 1 << 20;

    /// <summary>Longest name of a tensor, in bytes (docs/gguf.md).</summary>
    public const int MaxNameBytes = 64;

    /// <summary>Longest key, in bytes (docs/gguf.md).</summary>
    public const int MaxKeyBytes = 65_535;

    /// <summary>Longest text among the values, in bytes. Chat templates take some tens of thousands.</summary>
    public const int MaxTextBytes = 16 << 20;

    /// <summary>Most tensors, and most keys. The largest open models have some thousands of tensors and fifty keys.</summary>
    public const int MaxEntries = 100_000;

    /// <summary>Most elements of an array. The largest vocabularies have some hundreds of thousands of entries.</summary>
    public const int MaxElements = 1 << 24;

    /// <summary>Most dimensions of a tensor.</summary>
    public const int MaxDimensions = 4;

    private const uint BigEndianVersions = 0xFFFF;

    private readonly GgufCursor _cursor;

    private GgufHeader(GgufCursor cursor, string file)
    {
        _cursor = cursor;
        Metadata = new GgufMetadata(file);
    }

    /// <summary>The key-value pairs.</summary>
    public GgufMetadata Metadata { get; }

    /// <summary>The tensors in the order of the table.</summary>
    public OrderedDictionary<string, GgufTensor> Tensors { get; } = new(StringComparer.Ordinal);

    /// <summary>Reads the header.</summary>
    /// <param name="cursor">At the start of the file.</param>
    /// <param name="file">Name for messages.</param>
    /// <param name="fileLength">Length of the whole file.</param>
    /// <exception cref="CinnabarException">The header breaks a rule of the format.</exception>
    public static GgufHeader Parse(GgufCursor cursor, string file, long fileLength)
    {
        GgufHeader header = new(cursor, file);
        header.ReadMagicAndVersion();
        cursor.Field = "number of tensors";
        int tensors = cursor.Count("tensors", leastBytes: 25, MaxEntries);
        cursor.Field = "number of keys";
        int keys = cursor.Count("keys", leastBytes: 14, MaxEntries);
        for (int i = 0; i < keys; i++)
        {
            header.ReadKey(i);
        }

        int alignment = header.Alignment();
        GgufTensorTable layout = new(cursor, file, alignment, fileLength);
        for (int i = 0; i < tensors; i++)
        {
            header.ReadTensor(i, layout);
        }

        layout.Place(header.Tensors);
        return header;
    }

    /// <summary>The alignment that <see cref="AlignmentKey"/> states; null if it is not allowed.</summary>
    public static int? AlignmentOf(GgufValue value) =>
        value.Content is uint alignment && BitOperations.IsPow2(alignment) && alignment <= MaxAlignment ? (int)alignment : null;

    private void ReadMagicAndVersion()
    {
        long at = _cursor.Offset;
        if (!_cursor.Take(4).SequenceEqual("GGUF"u8))
        {
            throw _cursor.Broken(at, "the bytes \"GGUF\"", "others", "This is not a GGUF file: check the path.");
        }

        _cursor.Field = "version";
        at = _cursor.Offset;
        uint version = _cursor.UInt32();
        if (version is not (2 or 3))
        {
            bool isBigEndian = version != 0 && (version & BigEndianVersions) == 0;
            throw _cursor.Broken(
                at,
                "2 or 3",
                isBigEndian ? $"{BinaryPrimitives.ReverseEndianness(version)} in big-endian order" : $"{version}",
                "Convert the model again, with a current program and for a little-endian machine.");
        }
    }

    private void ReadKey(int index)
    {
        _cursor.Field = $"key {index}";
        long at = _cursor.Offset;
        string key = NonEmpty(at, _cursor.Text(MaxKeyBytes));
        _cursor.Field = $"key {ErrorText.Quote(key)}";
        GgufValueType type = ReadType();
        long start = _cursor.Offset;
        int? count = null;
        if (type == GgufValueType.Array)
        {
            type = ReadType();
            if (type == GgufValueType.Array)
            {
                throw _cursor.Broken(start, "an array of numbers, texts, or true and false", "an array of arrays");
            }

            count = _cursor.Count($"elements of type {type}", LeastBytes(type), MaxElements);
        }

        GgufValue value = new(Content(type, count));
        _cursor.Element = null;
        if (!Metadata.TryAdd(key, value, start))
        {
            throw _cursor.Broken(at, "each key once", "this key a second time");
        }
    }

    private GgufValueType ReadType()
    {
        long at = _cursor.Offset;
        uint type = _cursor.UInt32();
        return type <= (uint)GgufValueType.Float64
            ? (GgufValueType)type
            : throw _cursor.Broken(at, $"a type of value from 0 to {(uint)GgufValueType.Float64}", $"{type}");
    }

    // One value, or an array of some.
    private object Content(GgufValueType type, int? count) => type switch
    {
        GgufValueType.UInt8 => Values(count, _ => _cursor.Take(1)[0]),
        GgufValueType.Int8 => Values(count, _ => (sbyte)_cursor.Take(1)[0]),
        GgufValueType.UInt16 => Values(count, _ => BinaryPrimitives.ReadUInt16LittleEndian(_cursor.Take(2))),
        GgufValueType.Int16 => Values(count, _ => BinaryPrimitives.ReadInt16LittleEndian(_cursor.Take(2))),
        GgufValueType.UInt32 => Values(count, _ => _cursor.UInt32()),
        GgufValueType.Int32 => Values(count, _ => (int)_cursor.UInt32()),
        GgufValueType.UInt64 => Values(count, _ => _cursor.UInt64()),
        GgufValueType.Int64 => Values(count, _ => (long)_cursor.UInt64()),
        GgufValueType.Float32 => Values(count, _ => BinaryPrimitives.ReadSingleLittleEndian(_cursor.Take(4))),
        GgufValueType.Float64 => Values(count, _ => BinaryPrimitives.ReadDoubleLittleEndian(_cursor.Take(8))),
        GgufValueType.Bool => Values(count, _ => Boolean()),
        _ => Values(count, _ => _cursor.Text(MaxTextBytes)),
    };

    private object Values<T>(int? count, Func<int, T> read)
        where T : notnull
    {
        if (count is not int length)
        {
            return read(0);
        }

        T[] values = new T[length];
        for (int i = 0; i < length; i++)
        {
            _cursor.Element = i;
            values[i] = read(i);
        }

        return values;
    }

    private bool Boolean()
    {
        long at = _cursor.Offset;
        byte value = _cursor.Take(1)[0];
        return value <= 1 ? value == 1 : throw _cursor.Broken(at, "a Bool, 0 or 1", $"{value}");
    }

    private int Alignment()
    {
        if (Metadata.Find(AlignmentKey) is not GgufValue value)
        {
            return DefaultAlignment;
        }

        return AlignmentOf(value)
            ?? throw Metadata.Wrong(AlignmentKey, $"a UInt32 that is a power of two, at most {MaxAlignment}");
    }

    private void ReadTensor(int index, GgufTensorTable layout)
    {
        _cursor.Field = $"tensor {index}";
        long at = _cursor.Offset;
        string name = NonEmpty(at, _cursor.Text(MaxNameBytes));
        _cursor.Field = $"tensor {ErrorText.Quote(name)}";
        if (!Tensors.TryAdd(name, layout.Read(name)))
        {
            throw _cursor.Broken(at, "each name once", "this name a second time");
        }
    }

    private string NonEmpty(long at, string name) =>
        name.Length > 0 && !name.Contains('\0') ? name : throw _cursor.Broken(at, "a name without NUL", name.Length == 0 ? "none" : "NUL");

    private static int LeastBytes(GgufValueType type) => type switch
    {
        GgufValueType.UInt8 or GgufValueType.Int8 or GgufValueType.Bool => 1,
        GgufValueType.UInt16 or GgufValueType.Int16 => 2,
        GgufValueType.UInt32 or GgufValueType.Int32 or GgufValueType.Float32 => 4,
        _ => 8,
    };
}
