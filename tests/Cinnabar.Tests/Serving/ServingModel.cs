using Cinnabar.Checkpoints;
using Cinnabar.Numerics;
using Cinnabar.Tests.Checkpoints;

namespace Cinnabar.Tests.Serving;

/// <summary>The model of <see cref="TinyModelFolder"/> with weights so large that it is sure of some tokens and not of others.</summary>
public sealed class ServingModel : IDisposable
{
    private const float Scale = 12;

    private readonly TemporaryFolder _folder = new();
    private readonly List<DiffusionModel> _loaded = [];

    public ServingModel() => Model = Load(threads: 1);

    /// <summary>For single runs, on one thread; no engine has it.</summary>
    public DiffusionModel Model { get; }

    /// <summary>Loads another copy.</summary>
    /// <param name="threads">Threads.</param>
    /// <param name="change">Changes the configuration; null: masked diffusion.</param>
    internal DiffusionModel Load(int threads, Func<ModelConfig, ModelConfig>? change = null)
    {
        string small = Path.Combine(_folder.Path, $"small-{_loaded.Count}");
        string large = Path.Combine(_folder.Path, $"large-{_loaded.Count}");
        TinyModelFolder.Write(small, change);
        ModelFolder folder = ModelFolder.Open(small);
        Dictionary<string, Tensor> tensors = folder.Tensors.ToDictionary(named => named.Key, named => named.Value.To(DType.F32));
        foreach (Tensor tensor in tensors.Values.Where(tensor => tensor.Shape.Length > 1))
        {
            foreach (ref float value in tensor.Floats)
            {
                value *= Scale;
            }
        }

        ModelFolder.Save(
            large,
            folder.Config,
            tensors,
            File.ReadAllBytes(folder.TokenizerPath),
            new GenerationConfig { MaxNewTokens = 12 },
            "---\nlicense: mit\n---\n# tiny\n");
        DiffusionModel model = DiffusionModel.Load(large, KernelTable.Create(threads));
        _loaded.Add(model);
        return model;
    }

    public void Dispose()
    {
        _loaded.ForEach(model => model.Kernels.Workers.Dispose());
        _folder.Dispose();
    }
}
