using System.Text;
using Cinnabar.Checkpoints;
using Cinnabar.Models;
using Cinnabar.Numerics;
using Cinnabar.Numerics.Kernels;
using Cinnabar.Tests.Checkpoints;
using Cinnabar.Tests.Tokenizers;

namespace Cinnabar.Tests.Models.Plain;

/// <summary>A model folder with the weights of a plain network, and the library's network of it.</summary>
internal sealed class PlainFolder : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public PlainFolder(string config, PlainWeights weights)
    {
        _folder.Write("config.json", Encoding.UTF8.GetBytes(config));
        _folder.Write("tokenizer.json", File.ReadAllBytes(TokenizerData.SmallPath));
        Safetensors.Write(_folder["model.safetensors"], [.. weights.Tensors.Select(pair => (pair.Key, pair.Value))]);
    }

    public string Path => _folder.Path;

    public IDenoiser Network(KernelForm form)
    {
        Checkpoint checkpoint = Checkpoint.Open(Path);
        using ModelWeights weights = checkpoint.OpenWeights();
        return checkpoint.Config.Family.CreateNetwork(
            checkpoint.Config, name => weights.Read(name, WeightForm.Exact), KernelTable.Create(threads: 1, form), MatMulPrecision.F32);
    }

    public void Dispose() => _folder.Dispose();
}
