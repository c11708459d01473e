using System.Text;

namespace Cinnabar.Tests.Checkpoints.Gguf;

/// <summary>GGUF files made by hand, right or wrong: every field can be set to what it should not be.</summary>
internal sealed class GgufBytes
{
    // Types of values, named here a second time: a wrong number in the library would be seen.
    public const uint U8 = 0, I8 = 1, U16 = 2, I16 = 3, U32 = 4, I32 = 5, F32 = 6, Bool = 7;
    public const uint StringType = 8, ArrayType = 9, U64 = 10, I64 = 11, F64 = 12;

    private readonly List<byte[]> _keys = [];
    private readonly List<byte[]> _tensors = [];

    public byte[] Magic { get; init; } = "GGUF"u8.ToArray();

    public uint Version { get; init; } = 3;

    public ulong? TensorCount { get; init; }

    public ulong? KeyCount { get; init; }

    public int Alignment { get; init; } = 32;

    /// <summary>Bytes 0, 1, 2 … behind the header, or <see cref="Data"/>.</summary>
    public int DataBytes { get; init; }

    public byte[]? Data { get; init; }

    public static byte[] Number(uint value) => BitConverter.GetBytes(value);

    public static byte[] Number(ulong value) => BitConverter.GetBytes(value);

    public static byte[] Text(string text) => Text(Encoding.UTF8.GetBytes(text));

    public static byte[] Text(byte[] text) => Text(text, (ulong)text.Length);

    public static byte[] Text(byte[] text, ulong length) => [.. Number(length), .. text];

    /// <summary>Element type, number of elements and the elements.</summary>
    public static byte[] List(uint type, ulong count, params byte[][] elements) =>
        [.. Number(type), .. Number(count), .. elements.SelectMany(bytes => bytes)];

    public GgufBytes Key(string name, uint type, params byte[] value) => Entry(Text(name), type, value);

    public GgufBytes Entry(byte[] name, uint type, params byte[] value)
    {
        _keys.Add([.. name, .. Number(type), .. value]);
        return this;
    }

    /// <summary>A tensor with its sizes as they stand in the file, fastest first.</summary>
    public GgufBytes Tensor(string name, ulong[] sizes, uint type, ulong offset) =>
        Tensor(Text(name), (uint)sizes.Length, sizes, type, offset);

    public GgufBytes Tensor(byte[] name, uint dimensions, ulong[] sizes, uint type, ulong offset)
    {
        _tensors.Add([.. name, .. Number(dimensions), .. sizes.SelectMany(Number), .. Number(type), .. Number(offset)]);
        return this;
    }

    public byte[] File()
    {
        byte[] header =
        [
            .. Magic, .. Number(Version), .. Number(TensorCount ?? (ulong)_tensors.Count), .. Number(KeyCount ?? (ulong)_keys.Count),
            .. _keys.SelectMany(bytes => bytes), .. _tensors.SelectMany(bytes => bytes),
        ];
        byte[] data = Data ?? [.. Enumerable.Range(0, DataBytes).Select(i => (byte)i)];
        int padding = data.Length == 0 ? 0 : (Alignment - (header.Length % Alignment)) % Alignment;
        return [.. header, .. new byte[padding], .. data];
    }
}
