using Cinnabar.Checkpoints.Gguf;
using static Cinnabar.Tests.Checkpoints.Gguf.GgufBytes;

namespace Cinnabar.Tests.Checkpoints.Gguf;

public sealed class GgufMetadataTests
{
    private static GgufBytes Everything => new GgufBytes()
        .Key("u8", U8, 200)
        .Key("i8", I8, 200)
        .Key("u16", U16, 1, 128)
        .Key("i16", I16, 1, 128)
        .Key("u32", U32, Number(uint.MaxValue))
        .Key("i32", I32, Number(uint.MaxValue))
        .Key("u64", U64, Number((ulong)long.MaxValue))
        .Key("i64", I64, Number(1UL << 63))
        .Key("large", U64, Number(1UL << 63))
        .Key("f32", F32, BitConverter.GetBytes(0.5f))
        .Key("f64", F64, BitConverter.GetBytes(1e300))
        .Key("nan", F32, BitConverter.GetBytes(float.NaN))
        .Key("yes", Bool, 1)
        .Key("no", Bool, 0)
        .Key("text", StringType, Text("naïve 𝄞\0"))
        .Key("empty text", StringType, Text(""))
        .Key("texts", ArrayType, List(StringType, 3, Text("a"), Text(""), Text("ċ")))
        .Key("bytes", ArrayType, List(U8, 3, [1, 2, 255]))
        .Key("ints", ArrayType, List(I32, 2, Number(7u), Number(uint.MaxValue)))
        .Key("floats", ArrayType, List(F32, 2, BitConverter.GetBytes(1.5f), BitConverter.GetBytes(float.NegativeInfinity)))
        .Key("doubles", ArrayType, List(F64, 1, BitConverter.GetBytes(Math.PI)))
        .Key("bools", ArrayType, List(Bool, 2, [1, 0]))
        .Key("nothing", ArrayType, List(I32, 0));

    [Fact]
    public void Getters_EveryType_GiveTheValue()
    {
        using TemporaryFolder folder = new();
        using GgufFile file = GgufFile.Open(folder.Write("x.gguf", Everything.File()));
        GgufMetadata metadata = file.Metadata;

        Assert.Equal(23, metadata.Count);
        Assert.Equal(["u8", "i8", "u16"], metadata.Take(3).Select(pair => pair.Key));
        Assert.Equal(200, metadata.Integer("u8"));
        Assert.Equal(-56, metadata.Integer("i8"));
        Assert.Equal(32769, metadata.Integer("u16"));
        Assert.Equal(-32767, metadata.Integer("i16"));
        Assert.Equal(uint.MaxValue, metadata.Integer("u32"));
        Assert.Equal(-1, metadata.OptionalInteger("i32", -1, 0));
        Assert.Equal(long.MaxValue, metadata.Integer("u64"));
        Assert.Equal(long.MinValue, metadata.Integer("i64"));
        Assert.Equal(0.5, metadata.Number("f32"));
        Assert.Equal(1e300, metadata.OptionalNumber("f64"));
        Assert.True(metadata.Boolean("yes"));
        Assert.False(metadata.OptionalBoolean("no"));
        Assert.Equal("naïve 𝄞\0", metadata.Text("text"));
        Assert.Equal("", metadata.OptionalText("empty text"));
        Assert.Equal(["a", "", "ċ"], metadata.Texts("texts"));
        Assert.Equal([1, 2, 255], metadata.Integers("bytes"));
        Assert.Equal([7, -1], metadata.OptionalIntegers("ints", -1, 7)!);
        Assert.Equal([1.5, double.NegativeInfinity], metadata.Numbers("floats"));
        Assert.Equal([Math.PI], metadata.OptionalNumbers("doubles")!);
        Assert.Empty(metadata.Integers("nothing"));
        Assert.Equal(GgufValueType.Bool, metadata.Find("bools")?.ElementType);
        Assert.Equal(GgufValueType.UInt64, metadata.Find("large")?.Type);
    }

    [Fact]
    public void OptionalGetters_AbsentKey_GiveNull()
    {
        using TemporaryFolder folder = new();
        using GgufFile file = GgufFile.Open(folder.Write("x.gguf", new GgufBytes().File()));
        Assert.Null(file.Metadata.OptionalText("k"));
        Assert.Null(file.Metadata.OptionalInteger("k"));
        Assert.Null(file.Metadata.OptionalNumber("k"));
        Assert.Null(file.Metadata.OptionalBoolean("k"));
        Assert.Null(file.Metadata.OptionalTexts("k"));
        Assert.Null(file.Metadata.OptionalIntegers("k"));
        Assert.Null(file.Metadata.OptionalNumbers("k"));
        Assert.Null(file.Metadata.Find("k"));
    }

    public static TheoryData<string, Action<GgufMetadata>, string> Wrongs => new()
    {
        {
            "absent", m => m.Text("absent"),
            "metadata: expected a String under the key 'absent', found 23 other keys: 'u8', 'i8', 'u16' and 20 more."
        },
        { "absent list", m => m.Integers("absent"), "expected an Array of whole numbers under the key 'absent'" },
        { "number as text", m => m.Text("u8"), "key 'u8', offset 38: expected a String, found UInt8 200." },
        {
            "text as number", m => m.Number("text"),
            "key 'text', offset 305: expected a finite Float32 or Float64, found String 'naïve 𝄞\\u0000'."
        },
        { "integer as number", m => m.OptionalNumber("u32"), "found UInt32 4294967295." },
        { "number as integer", m => m.Integer("f32"), "expected a whole number below 2^63, found Float32 0.5." },
        { "Bool as integer", m => m.Integer("yes"), "found Bool True." },
        { "integer as Bool", m => m.Boolean("u8"), "expected a Bool, found UInt8 200." },
        { "2^63", m => m.Integer("large"), "expected a whole number below 2^63, found UInt64 9223372036854775808." },
        { "below the least", m => m.Integer("i8", 0), "expected a whole number from 0, found Int8 -56." },
        { "above the most", m => m.Integer("u8", 1, 199), "expected a whole number from 1 to 199, found UInt8 200." },
        { "NaN", m => m.Number("nan"), "expected a finite Float32 or Float64, found Float32 NaN." },
        { "text as list", m => m.Texts("text"), "expected an Array of String, found String" },
        { "other list as texts", m => m.Texts("ints"), "expected an Array of String, found Array of 2 Int32." },
        { "element out of range", m => m.Integers("ints", 0, 9), "found Int32 -1 as element 1 of an Array of 2 Int32." },
        { "texts as integers", m => m.Integers("texts"), "expected an Array of whole numbers below 2^63, found String 'a' as element 0" },
        { "integers as numbers", m => m.Numbers("ints"), "expected an Array of Float32 or Float64, found Int32 7 as element 0" },
        { "number as list", m => m.Integers("u8"), "expected an Array of whole numbers below 2^63, found UInt8 200." },
    };

    [Theory]
    [MemberData(nameof(Wrongs))]
    public void Getters_WrongKind_SayWhatIsThere(string name, Action<GgufMetadata> get, string expected)
    {
        using TemporaryFolder folder = new();
        using GgufFile file = GgufFile.Open(folder.Write("x.gguf", Everything.File()));
        CinnabarException error = Assert.Throws<CinnabarException>(() => get(file.Metadata));
        Assert.True(error.Message.Contains(expected, StringComparison.Ordinal), $"{name}: {error.Message}");
        Assert.StartsWith($"{file.Path}: ", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void GgufValue_UnknownType_IsRefused()
    {
        Assert.Throws<ArgumentException>(() => new GgufValue(1m));
        Assert.Throws<ArgumentException>(() => new GgufValue(new int[1, 1]));
        Assert.Throws<ArgumentException>(() => new GgufValue(new int[1][]));
    }
}
