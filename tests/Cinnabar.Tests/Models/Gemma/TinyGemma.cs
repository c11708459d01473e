using System.Text;
using Cinnabar.Checkpoints;
using Cinnabar.Models;
using Cinnabar.Numerics;
using Cinnabar.Numerics.Kernels;
using Cinnabar.Tests.Checkpoints;
using Cinnabar.Tests.Models.Plain;
using Cinnabar.Tests.Tokenizers;

namespace Cinnabar.Tests.Models.Gemma;

/// <summary>
/// The folder of the plain DiffusionGemma (<see cref="PlainConfigs.DiffusionGemma"/>: four layers, a window of 7, canvases of 9), with
/// generation settings and with tensors that real files have besides.
/// </summary>
internal sealed class TinyGemma : IDisposable
{
    public const int CanvasLength = 9;
    public const int ImageToken = 642;

    // top_k and top_p: settings of the network that the model was made from.
    private const string GenerationConfig =
        """
        { "max_new_tokens": 20, "max_denoising_steps": 5, "t_max": 0.9, "t_min": 0.5, "stability_threshold": 2, "top_k": 64, "top_p": 0.95,
          "confidence_threshold": 0.01, "eos_token_id": [1, 106, 50],
          "sampler_config": { "_cls_name": "EntropyBoundSamplerConfig", "entropy_bound": 20 } }
        """;

    private readonly TemporaryFolder _folder = new();

    /// <summary>Writes the folder.</summary>
    /// <param name="type">Of all tensors.</param>
    /// <param name="activeExperts">Experts that a token takes.</param>
    public TinyGemma(DType type = DType.F32, int activeExperts = 3)
    {
        PlainWeights weights = new();
        Dictionary<string, Tensor> stored = [];
        foreach ((string name, Tensor tensor) in PlainWeights.Random(PlainModels.Gemma.Tensors(), seed: 31).Tensors)
        {
            stored.Add(name, tensor.To(type));
            weights.Add(name, stored[name].To(DType.F32));
        }

        stored.Add("lm_head.weight", Tensor.Zeros(2, 2));
        stored.Add("model.encoder.language_model.norm.weight", Tensor.Zeros(2));
        Stored = stored;
        Plain = new PlainGemma(PlainModels.Gemma with { Chosen = activeExperts }, weights);
        string config = PlainConfigs.DiffusionGemma.Replace("\"top_k_experts\": 3", $"\"top_k_experts\": {activeExperts}");
        _folder.Write("config.json", Encoding.UTF8.GetBytes(config));
        _folder.Write("generation_config.json", Encoding.UTF8.GetBytes(GenerationConfig));
        _folder.Write("tokenizer.json", File.ReadAllBytes(TokenizerData.SmallPath));
        Write(stored);
    }

    public string Path => _folder.Path;

    /// <summary>What model.safetensors holds.</summary>
    public Dictionary<string, Tensor> Stored { get; }

    /// <summary>The same network by the formulas.</summary>
    public PlainGemma Plain { get; }

    /// <summary>Replaces model.safetensors.</summary>
    public void Write(IEnumerable<KeyValuePair<string, Tensor>> tensors) =>
        Safetensors.Write(_folder["model.safetensors"], [.. tensors.Select(pair => (pair.Key, pair.Value))]);

    /// <summary>The network as it is loaded.</summary>
    public GemmaDenoiser Network(WeightForm form, KernelTable kernels)
    {
        ModelFolder folder = ModelFolder.Open(Path);
        using ModelWeights weights = folder.OpenWeights();
        MatMulPrecision precision = form == WeightForm.Exact ? MatMulPrecision.F32 : MatMulPrecision.BF16;
        return (GemmaDenoiser)folder.Config.Family.CreateNetwork(folder.Config, name => weights.Read(name, form), kernels, precision);
    }

    public void Dispose() => _folder.Dispose();
}
