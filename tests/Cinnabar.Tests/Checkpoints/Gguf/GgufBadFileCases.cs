using static Cinnabar.Tests.Checkpoints.Gguf.GgufBytes;

namespace Cinnabar.Tests.Checkpoints.Gguf;

/// <summary>Broken GGUF files by name, with texts that the error must contain: a field, an offset, what was expected and found.</summary>
internal static class GgufBadFileCases
{
    public const string NoMore = "found the end of the file after";

    public static IReadOnlyDictionary<string, (Func<byte[]> Bytes, string[] Expected)> All { get; } = Make();

    private static Dictionary<string, (Func<byte[]> Bytes, string[] Expected)> Make()
    {
        Dictionary<string, (Func<byte[]>, string[])> cases = [];
        Heads(cases);
        Keys(cases);
        Values(cases);
        Arrays(cases);
        Alignments(cases);
        GgufBadTensorCases.Add(cases);
        return cases;
    }

    private static void Heads(Dictionary<string, (Func<byte[]>, string[])> cases)
    {
        for (int size = 0; size < 24; size += size < 8 ? 1 : 4)
        {
            int bytes = size;
            string field = size < 4 ? "header, offset 0" : size < 8 ? "version, offset 4" : "number of ";
            cases[$"file of {size} bytes"] = (() => new GgufBytes().File()[..bytes], [field, "more bytes", NoMore]);
        }

        cases["other magic"] = (
            () => new GgufBytes { Magic = "GGML"u8.ToArray() }.File(),
            ["header, offset 0", "\"GGUF\"", "not a GGUF file"]);
        cases["magic backwards"] = (() => new GgufBytes { Magic = "FUGG"u8.ToArray() }.File(), ["header, offset 0", "\"GGUF\""]);
        cases["magic in lower case"] = (() => new GgufBytes { Magic = "gguf"u8.ToArray() }.File(), ["header, offset 0", "\"GGUF\""]);
        cases["zip archive"] = (() => [.. "PK\u0003\u0004"u8, .. new byte[60]], ["header, offset 0", "\"GGUF\""]);
        cases["safetensors file"] = (() => SafetensorsBytes.File("{}", 0), ["header, offset 0", "\"GGUF\""]);
        foreach (uint version in (uint[])[0, 1, 4, 1000, uint.MaxValue])
        {
            cases[$"version {version}"] = (
                () => new GgufBytes { Version = version }.File(), ["version, offset 4", "expected 2 or 3", $"found {version}."]);
        }

        cases["big-endian version 3"] = (
            () => new GgufBytes { Version = 3u << 24 }.File(), ["version, offset 4", "found 3 in big-endian order", "little-endian"]);
        foreach (ulong count in (ulong[])[100_001, 1UL << 32, 1UL << 63, long.MaxValue, ulong.MaxValue])
        {
            cases[$"{count} tensors"] = (
                () => new GgufBytes { TensorCount = count }.File(),
                ["number of tensors, offset 8", "at most 100000 tensors", $"found {count}."]);
            cases[$"{count} keys"] = (
                () => new GgufBytes { KeyCount = count }.File(), ["number of keys, offset 16", "at most 100000 keys", $"found {count}."]);
        }

        cases["one tensor in a file without"] = (
            () => new GgufBytes { TensorCount = 1 }.File(), ["number of tensors, offset 8", "at most 0 tensors, for which there is room"]);
        cases["100,000 tensors in a small file"] = (
            () => new GgufBytes { TensorCount = 100_000, DataBytes = 1000 }.File(), ["number of tensors, offset 8", "at most 40 tensors"]);
        cases["100,000 keys in a small file"] = (
            () => new GgufBytes { KeyCount = 100_000, DataBytes = 1000 }.File(), ["number of keys, offset 16", "at most 72 keys"]);
    }

    private static void Keys(Dictionary<string, (Func<byte[]>, string[])> cases)
    {
        cases["key without a name"] = (
            () => new GgufBytes { DataBytes = 8 }.Key("", Bool, 1).File(), ["key 0, offset 24", "expected a name", "found none"]);
        cases["NUL in a key"] = (
            () => new GgufBytes().Key("a\0b", Bool, 1).File(), ["key 0, offset 24", "a name without NUL", "found NUL"]);
        cases["key of 65,536 bytes"] = (
            () => new GgufBytes().Key(new string('k', 65_536), Bool, 1).File(),
            ["key 0, offset 24", "at most 65535 bytes", "a length of 65536"]);
        foreach (ulong length in (ulong[])[1UL << 63, ulong.MaxValue, ulong.MaxValue - 31])
        {
            cases[$"key of {length} bytes"] = (
                () => new GgufBytes().Entry(Text("k"u8.ToArray(), length), Bool, 1).File(),
                ["key 0, offset 24", "at most 65535 bytes", $"a length of {length}"]);
        }

        cases["key longer than the file"] = (
            () => new GgufBytes { DataBytes = 20 }.Entry(Text("k"u8.ToArray(), 1000), Bool, 1).File(),
            ["key 0, offset 32", "1000 more bytes", NoMore]);
        cases["key not UTF-8"] = (
            () => new GgufBytes().Entry(Text([(byte)'a', 0xFF, (byte)'b']), Bool, 1).File(), ["key 0, offset 33", "UTF-8 text"]);
        cases["key of half a character"] = (
            () => new GgufBytes().Entry(Text([0xE2, 0x82]), Bool, 1).File(), ["key 0, offset 32", "UTF-8 text"]);
        cases["key of an encoded surrogate"] = (
            () => new GgufBytes().Entry(Text([0xED, 0xA0, 0x80]), Bool, 1).File(), ["key 0, offset 32", "UTF-8 text"]);
        cases["key with a terminal escape, twice"] = (
            () => new GgufBytes().Key("\u001b[31m", Bool, 1).Key("\u001b[31m", Bool, 1).File(), ["'\\u001B[31m'", "each key once"]);
        cases["key twice"] = (
            () => new GgufBytes().Key("a", Bool, 1).Key("b", Bool, 1).Key("a", U8, 1).File(),
            ["key 'a', offset 52", "each key once", "a second time"]);
        cases["second key missing"] = (
            () => new GgufBytes { KeyCount = 2 }.Key("general.name", U64, Number(1UL)).File(),
            ["key 1, offset 56", "8 more bytes", NoMore]);
        foreach (uint type in (uint[])[13, 14, 255, 256, uint.MaxValue])
        {
            cases[$"value of type {type}"] = (
                () => new GgufBytes().Key("a", type, new byte[8]).File(),
                ["key 'a', offset 33", "type of value from 0 to 12", $"found {type}."]);
        }

        cases["key without a type"] = (
            () => new GgufBytes().Key("general.name", Bool, 1).File()[..46], ["key 'general.name', offset 44", "4 more bytes", NoMore]);
    }

    private static void Values(Dictionary<string, (Func<byte[]>, string[])> cases)
    {
        (uint, int)[] sizes = [(U16, 2), (I16, 2), (U32, 4), (I32, 4), (F32, 4), (U64, 8), (I64, 8), (F64, 8)];
        foreach ((uint type, int bytes) in sizes)
        {
            cases[$"value of type {type} cut short"] = (
                () => new GgufBytes().Key("a", type, new byte[bytes - 1]).File(), ["key 'a', offset 37", $"{bytes} more bytes", NoMore]);
        }

        cases["byte missing"] = (() => new GgufBytes().Key("ab", U8).File(), ["key 'ab', offset 38", "1 more bytes", NoMore]);
        foreach (byte value in (byte[])[2, 255])
        {
            cases[$"Bool {value}"] = (
                () => new GgufBytes().Key("a", Bool, value).File(), ["key 'a', offset 37", "a Bool, 0 or 1", $"found {value}."]);
        }

        cases["text without a length"] = (
            () => new GgufBytes().Key("a", StringType, 1, 2, 3).File(), ["key 'a', offset 37", "8 more bytes", NoMore]);
        cases["text longer than the file"] = (
            () => new GgufBytes { DataBytes = 64 }.Key("a", StringType, Text("abc"u8.ToArray(), 200)).File(),
            ["key 'a', offset 45", "200 more bytes", NoMore]);
        cases["text of 16 MiB in a small file"] = (
            () => new GgufBytes().Key("a", StringType, Text("abc"u8.ToArray(), 16 << 20)).File(),
            ["key 'a', offset 45", "16777216 more bytes", NoMore]);
        foreach (ulong length in (ulong[])[(16 << 20) + 1, 1UL << 63, ulong.MaxValue])
        {
            cases[$"text of {length} bytes"] = (
                () => new GgufBytes().Key("a", StringType, Text("abc"u8.ToArray(), length)).File(),
                ["key 'a', offset 37", "at most 16777216 bytes", $"a length of {length}"]);
        }

        cases["text not UTF-8"] = (
            () => new GgufBytes().Key("a", StringType, Text([0x41, 0xC3, 0x28])).File(), ["key 'a', offset 46", "UTF-8 text"]);
        cases["long text not UTF-8"] = (
            () => new GgufBytes().Key("a", StringType, Text([.. new byte[200_000], 0xFF])).File(),
            ["key 'a', offset 200045", "UTF-8 text"]);
    }

    private static void Arrays(Dictionary<string, (Func<byte[]>, string[])> cases)
    {
        cases["array of arrays"] = (
            () => new GgufBytes().Key("a", ArrayType, List(ArrayType, 1, List(U8, 1, [1]))).File(),
            ["key 'a', offset 37", "found an array of arrays"]);
        foreach (uint type in (uint[])[13, uint.MaxValue])
        {
            cases[$"array of type {type}"] = (
                () => new GgufBytes().Key("a", ArrayType, List(type, 1, [1])).File(),
                ["key 'a', offset 37", "type of value from 0 to 12", $"found {type}."]);
        }

        foreach (ulong count in (ulong[])[(1 << 24) + 1, 1UL << 32, 1UL << 61, 1UL << 62, 1UL << 63, ulong.MaxValue])
        {
            foreach (uint type in (uint[])[U8, StringType, F64])
            {
                cases[$"array of {count} elements of type {type}"] = (
                    () => new GgufBytes().Key("a", ArrayType, List(type, count, new byte[64])).File(),
                    ["key 'a', offset 41", "at most 16777216 elements", $"found {count}."]);
            }
        }

        cases["array longer than the file"] = (
            () => new GgufBytes().Key("a", ArrayType, List(U8, 65, new byte[64])).File(),
            ["key 'a', offset 41", "at most 64 elements of type UInt8"]);
        cases["array of words longer than the file"] = (
            () => new GgufBytes().Key("a", ArrayType, List(U32, 1 << 24, new byte[63])).File(),
            ["key 'a', offset 41", "at most 15 elements of type UInt32"]);
        cases["array of doubles longer than the file"] = (
            () => new GgufBytes().Key("a", ArrayType, List(F64, 9, new byte[64])).File(), ["key 'a', offset 41", "at most 8 elements"]);
        cases["array of texts longer than the file"] = (
            () => new GgufBytes().Key("a", ArrayType, List(StringType, 3, Text("ab"), Text("c"))).File(),
            ["key 'a', offset 41", "at most 2 elements of type String"]);
        cases["last text of an array cut short"] = (
            () => new GgufBytes().Key("a", ArrayType, List(StringType, 2, Text("ab"), Text("c"u8.ToArray(), 2))).File(),
            ["key 'a', element 1, offset 67", "2 more bytes", NoMore]);
        cases["text of an array too long"] = (
            () => new GgufBytes().Key("a", ArrayType, List(StringType, 2, Text("ab"), Text("c"u8.ToArray(), 1UL << 63))).File(),
            ["key 'a', element 1, offset 59", "at most 16777216 bytes"]);
        cases["text of an array not UTF-8"] = (
            () => new GgufBytes().Key("a", ArrayType, List(StringType, 2, Text("ab"), Text([0xFE]))).File(),
            ["key 'a', element 1, offset 67", "UTF-8 text"]);
        cases["array with a Bool of 2"] = (
            () => new GgufBytes().Key("a", ArrayType, List(Bool, 3, [0, 1, 2])).File(),
            ["key 'a', element 2, offset 51", "a Bool, 0 or 1"]);
        cases["array without a count"] = (
            () => new GgufBytes().Key("a", ArrayType, Number(U8)).File(), ["key 'a', offset 41", "8 more bytes", NoMore]);
        cases["array without a type"] = (
            () => new GgufBytes().Key("array", ArrayType).File(), ["key 'array', offset 41", "4 more bytes", NoMore]);
    }

    private static void Alignments(Dictionary<string, (Func<byte[]>, string[])> cases)
    {
        foreach (uint alignment in (uint[])[0, 3, 13, 33, 1u << 21, 1u << 31, uint.MaxValue])
        {
            cases[$"alignment {alignment}"] = (
                () => new GgufBytes().Key("general.alignment", U32, Number(alignment)).File(),
                ["key 'general.alignment', offset 53", "a power of two, at most 1048576", $"found UInt32 {alignment}."]);
        }

        foreach ((uint type, byte[] value, string found) in (ReadOnlySpan<(uint, byte[], string)>)
            [
                (I32, Number(32u), "Int32 32"), (U64, Number(32UL), "UInt64 32"), (U8, [32], "UInt8 32"),
                (F32, BitConverter.GetBytes(32f), "Float32 32"), (StringType, Text("32"), "String '32'"), (Bool, [1], "Bool True"),
                (ArrayType, List(U32, 1, Number(32u)), "Array of 1 UInt32"),
            ])
        {
            cases[$"alignment of type {type}"] = (
                () => new GgufBytes().Key("general.alignment", type, value).File(),
                ["key 'general.alignment', offset 53", "a UInt32", $"found {found}."]);
        }

        cases["alignment twice"] = (
            () => new GgufBytes().Key("general.alignment", U32, Number(32u)).Key("general.alignment", U32, Number(64u)).File(),
            ["key 'general.alignment'", "each key once"]);
        cases["offset for another alignment"] = (
            () => new GgufBytes { DataBytes = 128, Alignment = 64 }
                .Key("general.alignment", U32, Number(64u)).Tensor("w", [2], 0, 32).File(),
            ["tensor 'w', offset", "a multiple of 64", "found 32."]);
    }
}
