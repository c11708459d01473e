using System.Buffers.Binary;
using Cinnabar.Checkpoints;
using Cinnabar.Numerics;
using static Cinnabar.Tests.Checkpoints.SafetensorsBytes;

namespace Cinnabar.Tests.Checkpoints;

public sealed class SafetensorsFileTests
{
    [Fact]
    public void Open_SeveralTensors_ListsThem()
    {
        using TemporaryFolder folder = new();
        // The order of the keys is not the order of the data; white space around the object is allowed.
        string tensors = $"{Entry("b", "BF16", "[2,1]", "[8,12]")},{Entry("a", "F32", "[2]", "[0,8]")}";
        string header = $"  {{{tensors},\"__metadata__\":{{\"format\":\"pt\"}}}}   ";
        using SafetensorsFile file = SafetensorsFile.Open(folder.Write("x.safetensors", File(header, 12)));

        Assert.Equal(2, file.Tensors.Count);
        TensorEntry entry = file.Tensors["b"];
        Assert.Equal(SafetensorsDType.BF16, entry.Type);
        Assert.Equal([2, 1], entry.Shape);
        Assert.Equal(8 + header.Length + 8, entry.Offset);
        Assert.Equal(4, entry.ByteCount);
        Assert.Equal("BF16 [2, 1]", entry.ToString());
        Assert.Equal("pt", file.Metadata["format"]);
        Assert.Equal([8, 9, 10, 11], file.Read("b").Bytes.ToArray());
    }

    [Theory]
    [InlineData("{}", 0)]
    [InlineData("\t\r\n {} \n", 0)]
    [InlineData("""{"w":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}""", 4)]
    [InlineData("""{"w":{"dtype":"F32","shape":[0,5],"data_offsets":[0,0]}}""", 0)]
    [InlineData("""{"../../etc/passwd":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}""", 1)]
    [InlineData("""{"":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}""", 1)]
    [InlineData("""{"w":{"dtype":"F4","shape":[4],"data_offsets":[0,2]}}""", 2)]
    [InlineData("""{"w":{"data_offsets":[0,1],"shape":[1,1,1,1,1,1],"dtype":"I8"}}""", 1)]
    [InlineData(
        """
        {"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"b":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},
        "c":{"dtype":"U8","shape":[0],"data_offsets":[1,1]}}
        """,
        1)]
    [InlineData("""{"__metadata__":{},"\u00e9":{"dtype":"BOOL","shape":[1],"data_offsets":[0,1]}}""", 1)]
    public void Open_UnusualButValid_Accepts(string header, int dataBytes)
    {
        using TemporaryFolder folder = new();
        using SafetensorsFile file = SafetensorsFile.Open(folder.Write("x.safetensors", File(header, dataBytes)));
        Assert.Equal(dataBytes, file.Tensors.Values.Sum(entry => entry.ByteCount));
        Assert.Equal(file.Tensors.Count, ReferenceSafetensors.Read(System.IO.File.ReadAllBytes(file.Path))?.Count);
    }

    [Fact]
    public void Read_HalfAndDouble_BecomeF32()
    {
        using TemporaryFolder folder = new();
        byte[] bytes = File($"{{{Entry("h", "F16", "[2]", "[0,4]")},{Entry("d", "F64", "[2]", "[4,20]")}}}", 20);
        BinaryPrimitives.WriteHalfLittleEndian(bytes.AsSpan(bytes.Length - 20), (Half)1.5f);
        BinaryPrimitives.WriteHalfLittleEndian(bytes.AsSpan(bytes.Length - 18), Half.NegativeInfinity);
        BinaryPrimitives.WriteDoubleLittleEndian(bytes.AsSpan(bytes.Length - 16), Math.PI);
        BinaryPrimitives.WriteDoubleLittleEndian(bytes.AsSpan(bytes.Length - 8), 1e300);
        using SafetensorsFile file = SafetensorsFile.Open(folder.Write("x.safetensors", bytes));

        Assert.Equal([1.5f, float.NegativeInfinity], file.Read("h").Floats.ToArray());
        Assert.Equal([(float)Math.PI, float.PositiveInfinity], file.Read("d").Floats.ToArray());
    }

    [Fact]
    public void Read_HalfLongerThanAChunk_ConvertsEverything()
    {
        using TemporaryFolder folder = new();
        const int Count = 70_001;
        byte[] bytes = File($"{{{Entry("h", "F16", $"[{Count}]", $"[0,{2 * Count}]")}}}", 2 * Count);
        for (int i = 0; i < Count; i++)
        {
            BinaryPrimitives.WriteHalfLittleEndian(bytes.AsSpan(bytes.Length - (2 * Count) + (2 * i)), (Half)(i % 1000));
        }

        using SafetensorsFile file = SafetensorsFile.Open(folder.Write("x.safetensors", bytes));
        Assert.Equal(Enumerable.Range(0, Count).Select(i => (float)(i % 1000)), file.Read("h").Floats.ToArray());
    }

    [Theory]
    [InlineData("F16", 2)]
    [InlineData("BF16", 2)]
    [InlineData("F32", 4)]
    [InlineData("F64", 8)]
    [InlineData("F8_E4M3", 1)]
    public void ReadRounded_SeveralChunks_IsTheRoundedWhole(string type, int size)
    {
        using TemporaryFolder folder = new();
        const int Rows = 3, Columns = 33_001;
        int length = size * Rows * Columns;
        byte[] bytes = File($"{{{Entry("w", type, $"[{Rows},{Columns}]", $"[0,{length}]")}}}", length);
        new Random(size).NextBytes(bytes.AsSpan(bytes.Length - length));
        using SafetensorsFile file = SafetensorsFile.Open(folder.Write("x.safetensors", bytes));
        Assert.Equal(file.Read("w").To(DType.BF16).Bytes.ToArray(), file.ReadRounded("w", null).Bytes.ToArray());
        Assert.Equal(file.Read("w", 1).To(DType.BF16).Bytes.ToArray(), file.ReadRounded("w", 1).Bytes.ToArray());
    }

    // The table of DiffusionGemma: 1.5 GB, twice that as F32.
    [Fact]
    public void Fits_HalvesThatWouldBeTooLargeAsF32_DoNot()
    {
        using TemporaryFolder folder = new();
        const long Length = 2L * 262_144 * 2_816;
        string path = folder.Write("x.safetensors", File($"{{{Entry("w", "F16", "[262144,2816]", $"[0,{Length}]")}}}", 0));
        using (FileStream stream = new(path, FileMode.Open))
        {
            stream.SetLength(stream.Length + Length); // a sparse file
        }

        using SafetensorsFile file = SafetensorsFile.Open(path);
        Assert.False(file.Fits("w", null));
        Assert.True(file.Fits("w", 5));
        Assert.True(TensorRoom.Holds(DType.BF16, file.Tensors["w"].Shape));
        string message = Assert.Throws<CinnabarException>(() => file.Read("w")).Message;
        Assert.Contains("bytes of F32 in one tensor in memory, found F16 [262144, 2816]", message, StringComparison.Ordinal);
        Assert.Contains("--weights bf16", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_SingleNumber_HasShapeOne()
    {
        using TemporaryFolder folder = new();
        using SafetensorsFile file = SafetensorsFile.Open(
            folder.Write("x.safetensors", File($"{{{Entry("w", "F32", "[]", "[0,4]")}}}", 4)));
        Assert.Equal("[1]", file.Read("w").ShapeText());
    }

    [Theory]
    [InlineData("I64", "[1]", 8, "expected F32, BF16, F16, F64, F8_E4M3, F8_E5M2 or I8, found I64 [1]")]
    [InlineData("F8_E8M0", "[8]", 8, "found F8_E8M0 [8]")]
    [InlineData("F4", "[16]", 8, "found F4 [16]")]
    [InlineData("F32", "[1,1,1,1,2]", 8, "expected at most 4 dimensions, found F32 [1, 1, 1, 1, 2]")]
    [InlineData("F32", "[536870912,268435456,0]", 0, "found F32 [536870912, 268435456, 0]")]
    [InlineData("BF16", "[0,4294967296]", 0, "found BF16 [0, 4294967296]")]
    public void Read_Unsupported_NamesTensorAndShape(string dtype, string shape, int bytes, string expected)
    {
        using TemporaryFolder folder = new();
        using SafetensorsFile file = SafetensorsFile.Open(
            folder.Write("x.safetensors", File($"{{{Entry("w", dtype, shape, $"[0,{bytes}]")}}}", bytes)));
        CinnabarException error = Assert.Throws<CinnabarException>(() => file.Read("w"));
        Assert.Contains("x.safetensors: tensor 'w', offset ", error.Message, StringComparison.Ordinal);
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_TensorLargerThanMemoryArrays_IsRefusedWithoutReading()
    {
        using TemporaryFolder folder = new();
        // A sparse file: 2 GiB on paper, one block on the disk.
        string path = folder.Write("x.safetensors", File($"{{{Entry("w", "F32", "[536870912]", "[0,2147483648]")}}}", 0));
        using (FileStream stream = new(path, FileMode.Open))
        {
            stream.SetLength(stream.Length + 2147483648);
        }

        using SafetensorsFile file = SafetensorsFile.Open(path);
        CinnabarException error = Assert.Throws<CinnabarException>(() => file.Read("w"));
        Assert.Contains("tensor 'w'", error.Message, StringComparison.Ordinal);
        Assert.Contains("found F32 [536870912]", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_UnknownName_ListsSomeNames()
    {
        using TemporaryFolder folder = new();
        using SafetensorsFile file = SafetensorsFile.Open(
            folder.Write("x.safetensors", File($"{{{Entry("a", "U8", "[1]", "[0,1]")}}}", 1)));
        CinnabarException error = Assert.Throws<CinnabarException>(() => file.Read("b"));
        Assert.Contains("expected a tensor 'b', found 1 others: 'a'", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_FileReplacedMeanwhile_GivesTheOldBytes()
    {
        using TemporaryFolder folder = new();
        string path = folder["x.safetensors"];
        Safetensors.Write(path, [("w", Tensor.From([1, 2], 2))]);
        using SafetensorsFile file = SafetensorsFile.Open(path);
        Safetensors.Write(path, [("w", Tensor.From([3, 4, 5], 3))]);
        Assert.Equal([1, 2], file.Read("w").Floats.ToArray());
    }

    [Fact]
    public void Read_FileCutMeanwhile_IsAnError()
    {
        using TemporaryFolder folder = new();
        string path = folder.Write("x.safetensors", File($"{{{Entry("w", "F32", "[2]", "[0,8]")}}}", 8));
        using SafetensorsFile file = SafetensorsFile.Open(path);
        // Another process ignores our lock; within this one .NET would honour it.
        System.Diagnostics.Process cut = System.Diagnostics.Process.Start("truncate", ["-s", "20", path]);
        cut.WaitForExit();
        Assert.Equal(0, cut.ExitCode);
        CinnabarException error = Assert.Throws<CinnabarException>(() => file.Read("w"));
        Assert.Contains("found the end of the file", error.Message, StringComparison.Ordinal);
    }
}
