using System.Text;
using Cinnabar.Checkpoints;
using Cinnabar.Diffusion;
using Cinnabar.Numerics;
using Cinnabar.Sampling;
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

    /// <summary>The tokens of a text's bytes.</summary>
    internal int[] ByteTokens(string text) =>
        [.. Encoding.UTF8.GetBytes(text).Select(value => TinyModelFolder.ByteToken(Model.Tokenizer, value))];

    /// <summary>Gives a hole these tokens from the left, so many a step.</summary>
    internal static List<DenoisingStep> Write(TextCanvas text, int[] ids, int atATime)
    {
        List<DenoisingStep> steps = [];
        int start = text.Canvas.Holes[0].Start;
        for (int i = 0; i < ids.Length; i++)
        {
            text.Canvas.Commit(new Commit(start + i, ids[i], 1), 1);
            if (i % atATime == atATime - 1 || i == ids.Length - 1)
            {
                steps.Add(new DenoisingStep(1, 1, 0, text.Canvas.NoisyCount, text.Canvas.Copy()) { FinalBefore = text.Canvas.Length });
            }
        }

        return steps;
    }

    public void Dispose()
    {
        _loaded.ForEach(model => model.Kernels.Workers.Dispose());
        _folder.Dispose();
    }
}
