using Cinnabar.Checkpoints;
using Cinnabar.Checkpoints.Gguf;
using Cinnabar.Numerics;
using static Cinnabar.Tests.Checkpoints.Gguf.GgufBytes;

namespace Cinnabar.Tests.Checkpoints.Gguf;

public sealed class GgufWriterTests
{
    private static readonly float[] s_ramp = [.. Enumerable.Range(0, 64).Select(i => (i - 20) / 8f)];

    [Fact]
    public void Write_EveryTypeOfValue_GivesExactlyTheseBytes()
    {
        (string Key, object Value)[] values =
        [
            ("u8", (byte)200), ("i8", (sbyte)-56), ("u16", (ushort)513), ("i16", (short)-2), ("u32", 7u), ("i32", -7),
            ("u64", ulong.MaxValue), ("i64", long.MinValue), ("f32", 1.5f), ("f64", Math.PI), ("yes", true), ("text", "é𝄞"), ("none", ""),
            ("texts", new[] { "a", "" }), ("bytes", new byte[] { 1, 2 }), ("small", new sbyte[] { -1 }), ("ints", new[] { 1, -1 }),
            ("floats", new[] { 0.5f }), ("bools", new[] { true, false }), ("nothing", Array.Empty<int>()),
        ];
        byte[] expected = new GgufBytes()
            .Key("u8", U8, 200).Key("i8", I8, 200).Key("u16", U16, 1, 2).Key("i16", I16, 254, 255).Key("u32", U32, Number(7u))
            .Key("i32", I32, Number(uint.MaxValue - 6)).Key("u64", U64, Number(ulong.MaxValue)).Key("i64", I64, Number(1UL << 63))
            .Key("f32", F32, BitConverter.GetBytes(1.5f)).Key("f64", F64, BitConverter.GetBytes(Math.PI)).Key("yes", Bool, 1)
            .Key("text", StringType, Text("é𝄞")).Key("none", StringType, Text(""))
            .Key("texts", ArrayType, List(StringType, 2, Text("a"), Text(""))).Key("bytes", ArrayType, List(U8, 2, [1, 2]))
            .Key("small", ArrayType, List(I8, 1, [255])).Key("ints", ArrayType, List(I32, 2, Number(1u), Number(uint.MaxValue)))
            .Key("floats", ArrayType, List(F32, 1, BitConverter.GetBytes(0.5f))).Key("bools", ArrayType, List(Bool, 2, [1, 0]))
            .Key("nothing", ArrayType, List(I32, 0)).File();
        byte[] found = Written(values, []);
        Assert.Equal(expected, found[..expected.Length]);
        Assert.Equal(new byte[(32 - (expected.Length % 32)) % 32], found[expected.Length..]);
    }

    [Fact]
    public void Write_Tensors_PadsEachToTheAlignment()
    {
        Tensor half = Tensor.From([1, -2], 1, 2).To(DType.BF16);
        byte[] found = Written(
            [("general.alignment", 8u)],
            [
                new("a", GgmlType.F32, Tensor.From([1, 2, 3], 3)), new("b", GgmlType.BF16, half),
                new("c", GgmlType.F16, Tensor.From([0.5f], 1)),
            ]);
        byte[] data = [.. BitConverter.GetBytes(1f), .. BitConverter.GetBytes(2f), .. BitConverter.GetBytes(3f), 0, 0, 0, 0];
        byte[] expected = new GgufBytes { Alignment = 8, Data = [.. data, 0x80, 0x3F, 0, 0xC0, 0, 0, 0, 0, 0, 0x38, 0, 0, 0, 0, 0, 0] }
            .Key("general.alignment", U32, Number(8u))
            .Tensor("a", [3], 0, 0).Tensor("b", [2, 1], 30, 16).Tensor("c", [1], 1, 24).File();
        Assert.Equal(expected, found);
    }

    [Fact]
    public void Write_Q8_0_RoundsHalvesAwayFromZero()
    {
        // Of largest magnitude 127: d = 1.
        float[] values = [127, -127, 0.5f, -0.5f, 1.5f, 2.5f, -2.5f, 0.49f, .. new float[24]];
        byte[] block = Written([], [new("w", GgmlType.Q8_0, Tensor.From(values, 1, 32))])[96..130];
        Assert.Equal((Half)1, BitConverter.ToHalf(block));
        Assert.Equal([127, -127, 1, -1, 2, 3, -3, 0], block[2..10].Select(q => (int)(sbyte)q));
    }

    [Fact]
    public void Write_Q4_0_TakesTheSignOfTheLargest()
    {
        // 4 comes before −4, so d = 4 / −8: 4 becomes −8 (stored as 0) and −4 would become 8, which is cut to 7.
        float[] values = [4, -4, 0, 0.24f, 0.26f, .. new float[27]];
        byte[] block = Written([], [new("w", GgmlType.Q4_0, Tensor.From(values, 1, 32))])[96..114];
        Assert.Equal((Half)(-0.5f), BitConverter.ToHalf(block));
        Assert.Equal([0, 15, 8, 8, 7, 8], block[2..8].Select(q => q & 0xF));
        Assert.All(block[2..], q => Assert.Equal(8, q >> 4));
    }

    [Theory]
    [InlineData(GgmlType.Q8_0)]
    [InlineData(GgmlType.Q4_0)]
    [InlineData(GgmlType.F16)]
    public void Write_Zeros_StayZero(GgmlType type)
    {
        using TemporaryFolder folder = new();
        GgufWriter.Write(folder["x.gguf"], [], [new("w", type, Tensor.Zeros(2, 64))]);
        using GgufFile file = GgufFile.Open(folder["x.gguf"]);
        Assert.All(file.Read("w").Floats.ToArray(), value => Assert.Equal(0, value));
    }

    [Theory]
    [InlineData(GgmlType.F32, 0)]
    [InlineData(GgmlType.F16, 0)]
    [InlineData(GgmlType.BF16, 0)]
    [InlineData(GgmlType.Q8_0, 0.022)]
    [InlineData(GgmlType.Q4_0, 0.35)]
    public void Write_ThenRead_GivesTheValues(GgmlType type, double error)
    {
        using TemporaryFolder folder = new();
        // In parts of unequal length, one of them BF16: these values are exact in it.
        Tensor[] parts = [Tensor.From(s_ramp[..32], 1, 1, 32), Tensor.From(s_ramp[32..], 1, 32).To(DType.BF16), Tensor.From(s_ramp, 2, 32)];
        GgufWriter.Write(folder["x.gguf"], [], [new("v", type, Tensor.From(s_ramp, 64)), new("w", type, [2, 2, 32], parts)]);
        using GgufFile file = GgufFile.Open(folder["x.gguf"]);
        float[] expected = [.. s_ramp, .. s_ramp];
        Assert.Equal("[2, 2, 32]", file.Read("w").ShapeText());
        Assert.All(expected.Zip(file.Read("w").Floats.ToArray()), pair => Assert.InRange(pair.First - pair.Second, -error, error));
        Assert.Equal(file.Read("w").Floats[..64].ToArray(), file.Read("v").Floats.ToArray());
        Assert.NotNull(ReferenceGguf.Read(File.ReadAllBytes(file.Path)));
    }

    [Fact]
    public void Write_Progress_TellsEachTensor()
    {
        using TemporaryFolder folder = new();
        Told told = new();
        GgufWriter.Write(
            folder["x.gguf"], [], [new("a", GgmlType.F32, Tensor.Zeros(3)), new("b", GgmlType.Q8_0, Tensor.Zeros(2, 32))], told);
        Assert.Equal([new("a", 12, 80), new("b", 80, 80)], told.All);
    }

    [Theory]
    [InlineData(GgmlType.F16, 65536f, "at most 65504 for F16, found 65536")]
    [InlineData(GgmlType.F16, float.NaN, "found NaN")]
    [InlineData(GgmlType.Q8_0, float.NegativeInfinity, "for Q8_0, found -Infinity")]
    [InlineData(GgmlType.Q8_0, 8.4e6f, "found 8400000")]
    [InlineData(GgmlType.Q4_0, float.NaN, "for Q4_0, found NaN")]
    [InlineData(GgmlType.Q4_0, -530_000f, "at most 524032 for Q4_0")]
    public void Write_ValueTooLarge_LeavesTheOldFile(GgmlType type, float value, string expected)
    {
        using TemporaryFolder folder = new();
        string path = folder.Write("x.gguf", [1, 2, 3]);
        float[] values = [.. new float[40], value, .. new float[23]];
        Tensor[] parts = [Tensor.Zeros(1, 32), Tensor.From(values, 2, 32)];
        CinnabarException error = Assert.Throws<CinnabarException>(
            () => GgufWriter.Write(path, [], [new("w", type, [3, 32], parts)]));
        Assert.Contains($"x.gguf: tensor 'w', value 72: expected a magnitude of", error.Message, StringComparison.Ordinal);
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        Assert.Equal([1, 2, 3], File.ReadAllBytes(path));
        Assert.Single(Directory.GetFiles(folder.Path));
    }

    [Fact]
    public void Write_RowsOfNoWholeBlocks_SaysSo()
    {
        CinnabarException error = Assert.Throws<CinnabarException>(() => Written([], [new("w", GgmlType.Q4_0, Tensor.Zeros(2, 176))]));
        Assert.Contains("tensor 'w': expected rows of a multiple of 32 values for Q4_0, found 176", error.Message);
    }

    [Fact]
    public void Write_WhatCannotBe_IsRefused()
    {
        Tensor two = Tensor.Zeros(2);
        Refused([], [new("", GgmlType.F32, two)]);
        Refused([], [new("a\0", GgmlType.F32, two)]);
        Refused([], [new(new string('é', 33), GgmlType.F32, two)]);
        Refused([], [new("a", GgmlType.Q4_K, Tensor.Zeros(256))]);
        Refused([], [new("a", GgmlType.F32, two), new("a", GgmlType.F32, two)]);
        Refused([], [new("a", GgmlType.F32, [], [two])]);
        Refused([], [new("a", GgmlType.F32, [3], [two])]);
        Refused([], [new("a", GgmlType.F32, [2, 2], [two])]);
        Refused([], [new("a", GgmlType.F32, [2, 2], [two, two, two])]);
        Refused([("a", 1u), ("a", 2u)], []);
        Refused([("", 1u)], []);
        Refused([("a", "\ud800")], []);
        Refused([("general.alignment", 33u)], []);
        Refused([("general.alignment", 32)], []);

        static void Refused((string, object)[] metadata, GgufTensorSource[] tensors) =>
            Assert.ThrowsAny<ArgumentException>(() => Written(metadata, tensors));
    }

    private static byte[] Written((string Key, object Value)[] metadata, GgufTensorSource[] tensors)
    {
        using TemporaryFolder folder = new();
        string path = folder["x.gguf"];
        GgufWriter.Write(path, metadata.Select(pair => KeyValuePair.Create(pair.Key, new GgufValue(pair.Value))), tensors);
        return File.ReadAllBytes(path);
    }

    private sealed class Told : IProgress<WritingProgress>
    {
        public List<WritingProgress> All { get; } = [];

        public void Report(WritingProgress value) => All.Add(value);
    }
}
