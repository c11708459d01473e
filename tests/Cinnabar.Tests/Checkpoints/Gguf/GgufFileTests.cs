using System.Diagnostics;
using Cinnabar.Checkpoints.Gguf;
using Cinnabar.Numerics;
using static Cinnabar.Tests.Checkpoints.Gguf.GgufBytes;

namespace Cinnabar.Tests.Checkpoints.Gguf;

public sealed class GgufFileTests
{
    [Fact]
    public void Open_SeveralTensors_ListsThem()
    {
        using TemporaryFolder folder = new();
        // Not in the order of the data, and with a gap; the alignment is that of the file.
        byte[] bytes = new GgufBytes { DataBytes = 100, Alignment = 8 }
            .Key("general.alignment", U32, Number(8u))
            .Tensor("b", [2, 3], 30, 80)
            .Tensor("a", [2], 0, 0)
            .Tensor("single", [], 0, 8)
            .File();
        using GgufFile file = GgufFile.Open(folder.Write("x.gguf", bytes));

        Assert.Equal(["b", "a", "single"], file.Tensors.Keys);
        GgufTensor tensor = file.Tensors["b"];
        Assert.Equal(GgmlType.BF16, tensor.Type);
        Assert.Equal([3, 2], tensor.Shape);
        Assert.Equal(bytes.Length - 20, tensor.Offset);
        Assert.Equal(12, tensor.ByteCount);
        Assert.Equal("BF16 [3, 2]", tensor.ToString());
        Assert.Equal([80, 81, 82, 83, 84, 85, 86, 87, 88, 89, 90, 91], file.ReadStored("b").Bytes.ToArray());
        Assert.Equal([0, 1, 2, 3, 4, 5, 6, 7], file.Read("a").Bytes.ToArray());
        Assert.Equal("[1]", file.Read("single").ShapeText());
        Assert.Equal(3, ReferenceGguf.Read(bytes)?.Count);
    }

    [Theory]
    [InlineData(2, 1)]
    [InlineData(3, 1)]
    [InlineData(3, 4096)]
    public void Open_VersionAndAlignment_Accepts(uint version, int alignment)
    {
        using TemporaryFolder folder = new();
        byte[] bytes = new GgufBytes { Version = version, Alignment = alignment, DataBytes = 8 }
            .Key("general.alignment", U32, Number((uint)alignment))
            .Tensor("w", [2], 0, 0)
            .File();
        using GgufFile file = GgufFile.Open(folder.Write("x.gguf", bytes));
        Assert.Equal([0, 1, 2, 3, 4, 5, 6, 7], file.Read("w").Bytes.ToArray());
    }

    [Fact]
    public void Open_UnusualButValid_Accepts()
    {
        using TemporaryFolder folder = new();
        byte[] bytes = new GgufBytes { DataBytes = 64 }
            .Key("../../etc/passwd", StringType, Text("\u001b[31m"))
            .Tensor("é", [32, 0, 5], 8, 0)
            .Tensor("nothing", [0], 0, 0)
            .Tensor("v", [1, 1, 1, 2], 0, 0)
            .File();
        using GgufFile file = GgufFile.Open(folder.Write("x.gguf", bytes));
        Assert.Equal("[5, 0, 32]", file.ReadStored("é").ShapeText());
        Assert.Equal("[0]", file.Read("nothing").ShapeText());
        Assert.Equal("[2, 1, 1, 1]", file.Read("v").ShapeText());
        Assert.Equal(3, ReferenceGguf.Read(bytes)?.Count);
    }

    [Fact]
    public void Open_LargeFile_ReadsItsHeaderOnly()
    {
        using TemporaryFolder folder = new();
        string path = folder["x.gguf"];
        byte[] header = new GgufBytes().Tensor("w", [4096, 4096, 256], 8, 0).Tensor("v", [4096, 4096, 128], 0, 4563402752).File();
        File.WriteAllBytes(path, header);
        using (FileStream stream = new(path, FileMode.Open))
        {
            // A sparse file: 12 GiB on paper, one block on the disk.
            stream.SetLength(128 + 4563402752 + 8589934592);
        }

        long before = GC.GetAllocatedBytesForCurrentThread();
        var clock = Stopwatch.StartNew();
        using GgufFile file = GgufFile.Open(path);
        Assert.True(clock.Elapsed.TotalSeconds < 1, $"{clock.Elapsed}");
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 1 << 20);

        CinnabarException error = Assert.Throws<CinnabarException>(() => file.Read("w"));
        Assert.Contains("x.gguf: tensor 'w', offset 128: expected at most", error.Message, StringComparison.Ordinal);
        Assert.Contains("found Q8_0 [256, 4096, 4096]", error.Message, StringComparison.Ordinal);
        Assert.Equal("Q8_0 [4096, 4096]", file.ReadStored("w", 255).ToString());
    }

    [Fact]
    public void Read_Slices_AreTheRowsOfTheWhole()
    {
        using TemporaryFolder folder = new();
        foreach ((uint type, int bytes) in (ReadOnlySpan<(uint, int)>)[(0, 128), (1, 64), (2, 18), (6, 22), (8, 34), (30, 64)])
        {
            byte[] content = new GgufBytes { Data = Blocks(bytes, 3 * 5 * 2) }.Tensor("w", [64, 5, 3], type, 0).File();
            using GgufFile file = GgufFile.Open(folder.Write("x.gguf", content));
            Tensor whole = file.Read("w");
            Tensor stored = file.ReadStored("w");
            Assert.Equal("[3, 5, 64]", whole.ShapeText());
            for (int slice = 0; slice < 3; slice++)
            {
                Tensor part = file.Read("w", slice);
                Assert.Equal("[5, 64]", part.ShapeText());
                Assert.Equal(whole.Floats.Slice(slice * 320, 320).ToArray(), part.Floats.ToArray());
                Tensor storedPart = file.ReadStored("w", slice);
                Assert.Equal(stored.Type, storedPart.Type);
                Assert.Equal(part.Floats.ToArray(), storedPart.To(DType.F32).Floats.ToArray());
                Assert.Equal(part.To(DType.BF16).Bytes.ToArray(), file.ReadRounded("w", slice).Bytes.ToArray());
            }

            // Blocks stay what they are.
            Assert.Equal(whole.Floats.ToArray(), stored.To(DType.F32).Floats.ToArray());
        }
    }

    [Theory]
    [InlineData(8u, "Q8_0 [2, 64]", 64)]
    [InlineData(2u, "Q4_0 [2, 64]", 64)]
    [InlineData(30u, "BF16 [2, 64]", 0)]
    [InlineData(1u, "F32 [2, 64]", 0)]
    [InlineData(6u, "Q5_0 [2, 64]", 64)]
    public void ReadStored_EachType_KeepsWhatTheEngineHas(uint type, string expected, int groupSize)
    {
        using TemporaryFolder folder = new();
        byte[] blocks = Blocks(((GgmlType)type).BlockBytes(), 128);
        using GgufFile file = GgufFile.Open(
            folder.Write("x.gguf", new GgufBytes { Data = blocks }.Tensor("w", [64, 2], type, 0).File()));
        Tensor tensor = file.ReadStored("w");
        Assert.Equal(expected, tensor.ToString());
        Assert.Equal(groupSize, tensor.GroupSize);
    }

    [Fact]
    public void Read_SeveralChunks_ConvertsEverything()
    {
        // 3 MB of blocks: several chunks, the last not full.
        const int Rows = 90_001;
        using TemporaryFolder folder = new();
        byte[] blocks = Blocks(34, Rows);
        using GgufFile file = GgufFile.Open(
            folder.Write("x.gguf", new GgufBytes { Data = blocks }.Tensor("w", [32, Rows], 8, 0).File()));
        float[] expected = new float[32 * Rows];
        BlockDecoder.Decode(GgmlType.Q8_0, blocks, expected);
        Assert.True(expected.AsSpan().SequenceEqual(file.Read("w").Floats));
        Assert.True(expected.AsSpan().SequenceEqual(file.ReadStored("w").To(DType.F32).Floats));
    }

    [Theory]
    [InlineData(0u)]
    [InlineData(1u)]
    [InlineData(2u)]
    [InlineData(8u)]
    [InlineData(30u)]
    public void ReadRounded_SeveralChunks_IsTheRoundedWhole(uint type)
    {
        const int Rows = 20_001;
        using TemporaryFolder folder = new();
        byte[] blocks = Blocks(((GgmlType)type).BlockBytes(), 32 * Rows / ((GgmlType)type).BlockSize());
        using GgufFile file = GgufFile.Open(
            folder.Write("x.gguf", new GgufBytes { Data = blocks }.Tensor("w", [32, Rows], type, 0).File()));
        Assert.Equal(file.Read("w").To(DType.BF16).Bytes.ToArray(), file.ReadRounded("w", null).Bytes.ToArray());
        Assert.True(file.Fits("w", null));
    }

    [Fact]
    public void ReadStored_BlocksLargerThanATensor_AreRefused()
    {
        // 2.1e9 values are few enough for one tensor, their 2.2e9 bytes are not.
        using TemporaryFolder folder = new();
        string path = folder.Write("x.gguf", new GgufBytes().Tensor("w", [32, 65_625_000], 8, 0).File());
        using (FileStream stream = new(path, FileMode.Open))
        {
            stream.SetLength(128 + (34L * 65_625_000)); // a sparse file
        }

        using GgufFile file = GgufFile.Open(path);
        Assert.False(file.Fits("w", null));
        string message = Assert.Throws<CinnabarException>(() => file.ReadStored("w")).Message;
        Assert.Contains("bytes of Q8_0 in one tensor in memory, found Q8_0 [65625000, 32]", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("w", 0, "tensor 'w', offset 64: expected 3 dimensions, the first of at least 1, found F32 [2]")]
    [InlineData("e", 2, "tensor 'e', offset 96: expected 3 dimensions, the first of at least 3, found F32 [2, 1, 2]")]
    [InlineData("e", -1, "found F32 [2, 1, 2]")]
    [InlineData("x", 0, "expected a tensor 'x', found 2 others: 'w', 'e'")]
    public void Read_NoSuchSlice_SaysWhatIsThere(string name, int slice, string expected)
    {
        using TemporaryFolder folder = new();
        byte[] bytes = new GgufBytes { DataBytes = 64 }.Tensor("w", [2], 0, 0).Tensor("e", [2, 1, 2], 0, 32).File();
        using GgufFile file = GgufFile.Open(folder.Write("x.gguf", bytes));
        string message = expected.Replace("offset 64", $"offset {bytes.Length - 64}", StringComparison.Ordinal)
            .Replace("offset 96", $"offset {bytes.Length - 32}", StringComparison.Ordinal);
        Assert.Contains(message, Assert.Throws<CinnabarException>(() => file.Read(name, slice)).Message, StringComparison.Ordinal);
        Assert.Contains(message, Assert.Throws<CinnabarException>(() => file.ReadStored(name, slice)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_FileCutMeanwhile_IsOneError()
    {
        using TemporaryFolder folder = new();
        string path = folder.Write("x.gguf", new GgufBytes { Data = Blocks(34, 40_000) }.Tensor("w", [32, 40_000], 8, 0).File());
        using GgufFile file = GgufFile.Open(path);
        // Another process ignores our lock; within this one .NET would honour it.
        Process cut = Process.Start("truncate", ["-s", "200000", path]);
        cut.WaitForExit();
        Assert.Equal(0, cut.ExitCode);
        CinnabarException error = Assert.Throws<CinnabarException>(() => file.Read("w"));
        Assert.Contains("found the end of the file", error.Message, StringComparison.Ordinal);
    }

    // Random blocks that begin with a scale of no great size.
    private static byte[] Blocks(int bytes, int count)
    {
        byte[] blocks = new byte[bytes * count];
        new Random(bytes).NextBytes(blocks);
        for (int i = 1; i < blocks.Length; i += 2)
        {
            blocks[i] &= 0xBF;
        }

        return blocks;
    }
}
