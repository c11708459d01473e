// What GGUF files say besides: variants of a network that this program does not have are refused, not run as the plain one.
using Cinnabar.Checkpoints;
using Cinnabar.Checkpoints.Conversion;
using Cinnabar.Checkpoints.Gguf;
using Cinnabar.Numerics;
using Cinnabar.Tests.Models.Plain;

namespace Cinnabar.Tests.Checkpoints.Gguf;

public sealed class GgufVariantTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("llada.rope.scaling.type", "none")]
    [InlineData("llada.rope.scaling.type", "linear")]
    [InlineData("llada.rope.scaling.factor", 1f)]
    [InlineData("llada.rope.scaling.factor", 0f)]
    public void Open_PlainPositionsInOtherWords_Accepts(string key, object value) =>
        Assert.Equal("llada", Checkpoint.Open(Write("llada", (key, value), null)).Config.Family.Name);

    [Theory]
    [InlineData("llada.rope.scaling.type", "yarn")]
    [InlineData("llada.rope.scaling.factor", 4f)]
    [InlineData("llada.rope.scale_linear", 2f)]
    public void Open_StretchedPositions_AreRefused(string key, object value)
    {
        string path = Write("llada", (key, value), null);
        Assert.Contains($"key '{key}'", Assert.Throws<CinnabarException>(() => Checkpoint.Open(path)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("llada", "rope_freqs.weight")]
    [InlineData("llada", "rope_factors_long.weight")]
    [InlineData("llada", "blk.0.attn_q.bias")]
    [InlineData("dream", "blk.1.attn_output.bias")]
    public void Open_TensorOfAnotherNetwork_IsRefusedByName(string family, string tensor)
    {
        string path = Write(family, null, tensor);
        string message = Assert.Throws<CinnabarException>(() => Checkpoint.Open(path)).Message;
        Assert.Contains($"found besides '{tensor}'", message, StringComparison.Ordinal);
    }

    // The biases of Dream are its own.
    [Theory]
    [InlineData("llada", "blk.0.notes.weight")]
    [InlineData("dream", null)]
    public void Open_TensorsThatChangeNothing_Accepts(string family, string? tensor) =>
        Assert.Equal(family, Checkpoint.Open(Write(family, null, tensor)).Config.Family.Name);

    // The plain model of the family as a GGUF file, with a key and a tensor besides.
    private string Write(string family, (string Name, object Value)? key, string? tensor)
    {
        PlainModel plain = PlainModels.Transformer(family);
        using PlainFolder folder = new(plain.Config, plain.Weights);
        GgufExport.Write(Checkpoint.Open(folder.Path), _folder["plain.gguf"]);
        using GgufFile file = GgufFile.Open(_folder["plain.gguf"]);
        List<KeyValuePair<string, GgufValue>> metadata = [.. file.Metadata];
        if (key is (string name, object value))
        {
            metadata.Add(new(name, new GgufValue(value)));
        }

        List<GgufTensorSource> tensors = [.. file.Tensors.Keys.Select(own => new GgufTensorSource(own, GgmlType.F32, file.Read(own)))];
        if (tensor is not null)
        {
            tensors.Add(new GgufTensorSource(tensor, GgmlType.F32, Tensor.Zeros(4)));
        }

        GgufWriter.Write(_folder["x.gguf"], metadata, tensors);
        return _folder["x.gguf"];
    }
}
