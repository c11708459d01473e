using System.Text;
using Cinnabar.Checkpoints;
using Cinnabar.Numerics;

namespace Cinnabar.Tests.Checkpoints;

public sealed class SafetensorsWriteTests
{
    [Fact]
    public void Write_TwoTensors_GivesExactlyTheseBytes()
    {
        using MemoryStream stream = new();
        Tensor half = Tensor.Zeros(DType.BF16, 2);
        half.BFloat16Bits[0] = 0x3F80;
        half.BFloat16Bits[1] = 0xBF80;
        Safetensors.Write(
            stream, [("a", half), ("z", Tensor.From([1], 1))], new Dictionary<string, string> { ["q"] = "2", ["format"] = "pt" });

        string header = """{"__metadata__":{"format":"pt","q":"2"},"z":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"""
            + "\"a\":{\"dtype\":\"BF16\",\"shape\":[2],\"data_offsets\":[4,8]}}";
        string padded = header.PadRight((header.Length + 7) / 8 * 8);
        byte[] data = [0, 0, 0x80, 0x3F, 0x80, 0x3F, 0x80, 0xBF];
        byte[] expected = [.. BitConverter.GetBytes((ulong)padded.Length), .. Encoding.ASCII.GetBytes(padded), .. data];
        Assert.Equal(expected, stream.ToArray());
    }

    [Fact]
    public void Write_AnyOrderOfTheInput_SameBytes()
    {
        (string, Tensor)[] tensors =
            [.. Enumerable.Range(0, 20).Select(i => ($"t{i}", Tensor.Zeros(i % 2 == 0 ? DType.F32 : DType.BF16, i, 3)))];
        Assert.Equal(Bytes(tensors), Bytes([.. tensors.Reverse()]));
    }

    [Fact]
    public void Write_ThenReadThenWrite_SameBytes()
    {
        using TemporaryFolder folder = new();
        Random random = new(5);
        (string, Tensor)[] tensors =
            [.. Enumerable.Range(0, 12).Select(i =>
                ($"block.{i}.é\"\\\u0001", Filled(random, i % 3 == 0 ? DType.F32 : DType.BF16, i + 1, 7)))];
        Dictionary<string, string> metadata = new() { ["note"] = "naïve \"quoted\" 𝄞" };
        string path = folder["a.safetensors"];
        Safetensors.Write(path, tensors, metadata);

        using SafetensorsFile file = SafetensorsFile.Open(path);
        Assert.Equal("naïve \"quoted\" 𝄞", file.Metadata["note"]);
        (string, Tensor)[] read = [.. file.Tensors.Keys.Select(name => (name, file.Read(name)))];
        string again = folder["b.safetensors"];
        Safetensors.Write(again, read, file.Metadata);

        byte[] bytes = File.ReadAllBytes(path);
        Assert.Equal(bytes, File.ReadAllBytes(again));
        Assert.Equal(bytes.Length, Safetensors.SizeOf(tensors, metadata));
        Assert.Equal(0, (BitConverter.ToInt64(bytes) + 8) % 8);
        Assert.Equal(12, ReferenceSafetensors.Read(bytes)?.Count);
    }

    [Fact]
    public void Write_NoTensors_IsReadable()
    {
        using TemporaryFolder folder = new();
        Safetensors.Write(folder["a.safetensors"], []);
        using SafetensorsFile file = SafetensorsFile.Open(folder["a.safetensors"]);
        Assert.Empty(file.Tensors);
        Assert.Empty(file.Metadata);
    }

    [Theory]
    [InlineData("__metadata__")]
    [InlineData("a\0")]
    public void Write_ForbiddenName_Throws(string name) => Assert.Throws<ArgumentException>(() => Bytes([(name, Tensor.Zeros(1))]));

    [Fact]
    public void Write_NameTwice_Throws() => Assert.Throws<ArgumentException>(() => Bytes([("a", Tensor.Zeros(1)), ("a", Tensor.Zeros(1))]));

    private static byte[] Bytes((string, Tensor)[] tensors)
    {
        using MemoryStream stream = new();
        Safetensors.Write(stream, tensors);
        return stream.ToArray();
    }

    private static Tensor Filled(Random random, DType type, params ReadOnlySpan<int> shape)
    {
        Tensor tensor = Tensor.Zeros(type, shape);
        random.NextBytes(tensor.Bytes);
        return tensor;
    }
}
