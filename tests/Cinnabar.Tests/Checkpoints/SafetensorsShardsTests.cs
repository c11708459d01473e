using System.Text;
using Cinnabar.Checkpoints;
using Cinnabar.Numerics;
using static Cinnabar.Tests.Checkpoints.SafetensorsBytes;

namespace Cinnabar.Tests.Checkpoints;

public sealed class SafetensorsShardsTests : IDisposable
{
    private const string First = "model-00001-of-00002.safetensors";
    private const string Second = "model-00002-of-00002.safetensors";
    private const string Index = SafetensorsIndex.FileName;

    private readonly TemporaryFolder _folder = new();

    [Fact]
    public void Open_TwoShards_ReadsAsOneFile()
    {
        WriteShards();
        Safetensors.Write(_folder["whole.safetensors"], [("a", A()), ("b", B()), ("c", C())]);
        using SafetensorsShards shards = SafetensorsShards.Open(_folder[Index]);
        using SafetensorsShards whole = SafetensorsShards.Open(_folder["whole.safetensors"]);

        Assert.Equal(whole.Tensors.Keys.Order(), shards.Tensors.Keys.Order());
        foreach (string name in whole.Tensors.Keys)
        {
            Assert.Equal(whole.Read(name).ToString(), shards.Read(name).ToString());
            Assert.Equal(whole.Read(name).Bytes.ToArray(), shards.Read(name).Bytes.ToArray());
            Assert.Equal(whole.Tensors[name].ToString(), shards.Tensors[name].ToString());
            Assert.Equal(whole.TypeOf(name), shards.TypeOf(name));
        }

        byte[] bytes = new byte[8];
        shards.ReadBytes("a", bytes);
        Assert.Equal(A().Bytes.ToArray(), bytes);
        Assert.Equal(_folder[Second], shards.PathOf("b"));
        Assert.Equal(_folder[Index], shards.Path);
    }

    [Fact]
    public void Read_Slice_IsThePartOfTheWhole()
    {
        WriteShards();
        using SafetensorsShards shards = SafetensorsShards.Open(_folder[Index]);
        float[] whole = shards.Read("c").Floats.ToArray();
        byte[] bytes = new byte[24];
        for (int expert = 0; expert < 4; expert++)
        {
            Tensor slice = shards.Read("c", expert);
            Assert.Equal("F32 [2, 3]", slice.ToString());
            Assert.Equal(whole.AsSpan(6 * expert, 6), slice.Floats);
            shards.ReadBytes("c", expert, bytes);
            Assert.Equal(slice.Bytes.ToArray(), bytes);
        }
    }

    [Theory]
    [InlineData("F16", 2)]
    [InlineData("F64", 8)]
    [InlineData("BF16", 2)]
    [InlineData("I8", 1)]
    [InlineData("F8_E4M3", 1)]
    [InlineData("F8_E5M2", 1)]
    public void Read_SliceOfOtherTypes_IsThePartOfTheWhole(string dtype, int size)
    {
        int length = 3 * 2 * 2 * size;
        string path = _folder.Write("x.safetensors", File($"{{{Entry("w", dtype, "[3,2,2]", $"[0,{length}]")}}}", length));
        using SafetensorsShards weights = SafetensorsShards.Open(path);
        Tensor whole = weights.Read("w");
        for (int i = 0; i < 3; i++)
        {
            Tensor slice = weights.Read("w", i);
            Assert.Equal("[2, 2]", slice.ShapeText());
            int bytes = slice.Bytes.Length;
            Assert.Equal(whole.Bytes.Slice(i * bytes, bytes), slice.Bytes);
        }
    }

    [Fact]
    public void Read_SliceOfATensorBeyondMemory_ReadsOnlyTheSlice()
    {
        // A sparse file: 5 GiB on paper, its last bytes on the disk.
        const long Bytes = 5L << 30;
        string path = _folder.Write("x.safetensors", File($"{{{Entry("w", "F32", $"[{Bytes / 16},2,2]", $"[0,{Bytes}]")}}}", 0));
        using (FileStream stream = new(path, FileMode.Open))
        {
            stream.SetLength(stream.Length + Bytes);
            stream.Position = stream.Length - 16;
            stream.Write(Tensor.From([1, 2, 3, 4], 4).Bytes);
        }

        using SafetensorsShards weights = SafetensorsShards.Open(path);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Equal([1, 2, 3, 4], weights.Read("w", (int)(Bytes / 16) - 1).Floats.ToArray());
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 100_000);
    }

    [Theory]
    [InlineData("c", -1)]
    [InlineData("c", 4)]
    [InlineData("a", 0)]
    [InlineData("scalar", 0)]
    [InlineData("nibbles", 0)]
    public void Read_NoSuchSlice_NamesTensorAndShape(string name, int slice)
    {
        string header = $"{Entry("c", "F32", "[4,1,1]", "[0,16]")},{Entry("a", "F32", "[2]", "[16,24]")},"
            + $"{Entry("scalar", "F32", "[]", "[24,28]")},{Entry("nibbles", "F4", "[2,1]", "[28,29]")}";
        using SafetensorsShards weights = SafetensorsShards.Open(_folder.Write("x.safetensors", File($"{{{header}}}", 29)));

        CinnabarException error = Assert.Throws<CinnabarException>(() => weights.Read(name, slice));

        Assert.Contains($"tensor '{name}', offset ", error.Message, StringComparison.Ordinal);
        Assert.Contains($"a slice {slice} along the first", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_UnknownName_NamesIndexAndOthers()
    {
        WriteShards();
        using SafetensorsShards shards = SafetensorsShards.Open(_folder[Index]);
        foreach (Action read in (Action[])[() => shards.Read("x"), () => shards.PathOf("x"), () => shards.ReadBytes("x", [])])
        {
            CinnabarException error = Assert.Throws<CinnabarException>(read);
            Assert.Contains("expected a tensor 'x', found 3 others", error.Message, StringComparison.Ordinal);
            Assert.Contains(Index, error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Open_ShardMissing_NamesIt()
    {
        WriteShards();
        System.IO.File.Delete(_folder[Second]);
        AssertRefused(Second, "expected a file (part of the weights, named by model.safetensors.index.json), found none");
    }

    [Fact]
    public void Open_TensorInTheOtherShard_IsRefused()
    {
        WriteShards();
        WriteIndex(("a", First), ("b", First), ("c", Second));
        AssertRefused(First, "'b'", "found 1 others");
    }

    [Fact]
    public void Open_TensorInNoShard_IsRefused()
    {
        WriteShards();
        WriteIndex(("a", First), ("b", Second), ("c", Second), ("d", Second));
        AssertRefused(Second, "'d'");
    }

    [Fact]
    public void Open_TensorOutsideTheIndex_IsRefused()
    {
        WriteShards();
        WriteIndex(("a", First), ("b", Second));
        AssertRefused(Second, "found besides 'c'");
    }

    [Fact]
    public void Open_TensorInBothShards_IsRefused()
    {
        WriteShards();
        Safetensors.Write(_folder[First], [("a", A()), ("b", B())]);
        AssertRefused(First, "found besides 'b'");
    }

    [Fact]
    public void Open_BrokenShard_NamesIt()
    {
        WriteShards();
        _folder.Write(Second, [1, 2, 3]);
        AssertRefused(Second, "found a file of 3");
    }

    [Fact]
    public void Open_IndexAsShard_IsRefused()
    {
        WriteShards();
        System.IO.File.Copy(_folder[Index], _folder["loop.safetensors"]);
        WriteIndex(("a", "loop.safetensors"));
        AssertRefused("loop.safetensors", "not a safetensors file");
    }

    [Fact]
    public void Open_ShardIsALinkOutOfTheFolder_IsRefused()
    {
        WriteShards();
        using TemporaryFolder outside = new();
        System.IO.File.Move(_folder[Second], outside["b.safetensors"]);
        System.IO.File.CreateSymbolicLink(_folder[Second], outside["b.safetensors"]);
        AssertRefused(Second, "found a link to", outside["b.safetensors"]);
    }

    [Fact]
    public void Open_SnapshotOfTheHubCache_FollowsItsLinks()
    {
        WriteShards();
        string repository = _folder["models--o--n"];
        string snapshot = Path.Combine(repository, "snapshots", "0123");
        Directory.CreateDirectory(snapshot);
        Directory.CreateDirectory(Path.Combine(repository, "blobs"));
        foreach (string name in (string[])[First, Second, Index])
        {
            System.IO.File.Move(_folder[name], Path.Combine(repository, "blobs", "blob-" + name));
            System.IO.File.CreateSymbolicLink(Path.Combine(snapshot, name), Path.Combine("..", "..", "blobs", "blob-" + name));
        }

        using SafetensorsShards shards = SafetensorsShards.Open(Path.Combine(snapshot, Index));
        Assert.Equal(3, shards.Tensors.Count);
    }

    public void Dispose() => _folder.Dispose();

    private void AssertRefused(params string[] expected)
    {
        CinnabarException error = Assert.Throws<CinnabarException>(() => SafetensorsShards.Open(_folder[Index]).Dispose());
        Assert.All(expected, text => Assert.Contains(text, error.Message, StringComparison.Ordinal));
    }

    private void WriteShards()
    {
        Safetensors.Write(_folder[First], [("a", A())]);
        Safetensors.Write(_folder[Second], [("b", B()), ("c", C())]);
        WriteIndex(("a", First), ("b", Second), ("c", Second));
    }

    private void WriteIndex(params (string Tensor, string Shard)[] map)
    {
        string entries = string.Join(",", map.Select(pair => $"\"{pair.Tensor}\":\"{pair.Shard}\""));
        string json = $"{{\"metadata\":{{\"total_size\":112}},\"weight_map\":{{{entries}}}}}";
        _folder.Write(Index, Encoding.UTF8.GetBytes(json));
    }

    private static Tensor A() => Tensor.From([1, 2], 2);

    private static Tensor B() => Tensor.From([3, 4], 1, 2).To(DType.BF16);

    private static Tensor C() => Tensor.From([.. Enumerable.Range(0, 24).Select(i => (float)i)], 4, 2, 3);
}
