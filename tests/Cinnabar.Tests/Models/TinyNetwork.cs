using Cinnabar.Checkpoints;
using Cinnabar.Diffusion;
using Cinnabar.Models;
using Cinnabar.Numerics;
using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Tests.Models;

/// <summary>A network of two blocks with random weights that are large enough to matter.</summary>
internal static class TinyNetwork
{
    public static ModelConfig Config { get; } = new()
    {
        HiddenSize = 16,
        NumHiddenLayers = 2,
        NumAttentionHeads = 4,
        NumKeyValueHeads = 4,
        IntermediateSize = 24,
        VocabularySize = 40,
        EmbeddingSize = 40,
        MaxSequenceLength = 16,
        MaskTokenId = 0,
        EosTokenId = 1,
        PadTokenId = 2,
    };

    public static TransformerDenoiser Of(ModelConfig config) =>
        new(config, Weights(config), KernelTable.Create(threads: 1), MatMulPrecision.F32);

    public static Dictionary<string, Tensor> Weights(ModelConfig config)
    {
        DeterministicRandom random = new(42);
        Dictionary<string, Tensor> weights = [];
        foreach ((string name, int[] shape) in LladaWeightNames.Expected(config))
        {
            Tensor tensor = Tensor.Zeros(shape);
            double deviation = shape.Length == 1 ? 0.1 : name == LladaWeightNames.Embedding ? 0.5 : 1 / Math.Sqrt(shape[1]);
            foreach (ref float value in tensor.Floats)
            {
                value = (float)((shape.Length == 1 ? 1 : 0) + (deviation * random.NextGaussian()));
            }

            weights.Add(name, tensor);
        }

        return weights;
    }
}
