// Which file of a folder holds the weights, where it has not the usual name.
using Cinnabar.Checkpoints;

namespace Cinnabar.Tests.Checkpoints;

public sealed class WeightFilesTests : IDisposable
{
    private readonly TemporaryFolder _parent = new();

    private string Folder => _parent["m"];

    public void Dispose() => _parent.Dispose();

    [Fact]
    public void Open_OneFileOfAnotherName_IsTheWeights()
    {
        Write("weights.safetensors");
        ModelFolder model = ModelFolder.Open(Folder);
        Assert.Equal(Path.Combine(Folder, "weights.safetensors"), model.WeightsPath);
        Assert.Equal(model.Config.Family.Weights(model.Config).Count(), model.Tensors.Count);
    }

    [Fact]
    public void Open_TheUsualNameAndAnother_TakesTheUsualOne()
    {
        Write("model.safetensors", "consolidated.safetensors");
        Assert.Equal(Path.Combine(Folder, "model.safetensors"), ModelFolder.Open(Folder).WeightsPath);
    }

    [Theory]
    [InlineData("adapter_model.safetensors", "An adapter alone cannot be loaded")]
    [InlineData("pytorch_lora_weights.safetensors", "An adapter alone cannot be loaded")]
    [InlineData("a.safetensors,b.safetensors", "found 'a.safetensors', 'b.safetensors'. Fetch what is missing")]
    public void Open_NoWholeModel_SaysWhatThereIs(string files, string expected)
    {
        Write(files.Split(','));
        Assert.Contains(expected, Assert.Throws<CinnabarException>(() => ModelFolder.Open(Folder)).Message, StringComparison.Ordinal);
    }

    // A model whose weights have these names.
    private void Write(params string[] names)
    {
        TinyModelFolder.Write(Folder);
        byte[] weights = File.ReadAllBytes(Path.Combine(Folder, "model.safetensors"));
        File.Delete(Path.Combine(Folder, "model.safetensors"));
        foreach (string name in names)
        {
            File.WriteAllBytes(Path.Combine(Folder, name), weights);
        }
    }
}
