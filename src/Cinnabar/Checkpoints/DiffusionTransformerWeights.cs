// The weights of the diffusion transformer, named in the manner of LladaWeightNames. C hidden, F = 4·C, V ids, N the width of the noise
// vector. Matrices are [out, in].
//   wte [V, C]
//   sigma_map.in [N, 256], sigma_map.out [N, N], each with a bias                 absent without adaptive norms, like the modulations
//   blocks.{i}.attn_norm, ff_norm [C]
//   blocks.{i}.q_proj, k_proj, v_proj, attn_out [C, C]
//   blocks.{i}.up_proj [F, C] with a bias, ff_out [C, F] with a bias
//   blocks.{i}.modulation [6C, N] with a bias
//   ln_f [C], modulation [2C, N] with a bias, ff_out [V, C] with a bias (the head)
namespace Cinnabar.Checkpoints;

/// <summary>The tensors a diffusion transformer of a given configuration consists of.</summary>
public static class DiffusionTransformerWeights
{
    /// <summary>Cosines and sines that a noise level is first turned into.</summary>
    public const int NoiseFeatures = 256;

    /// <summary>First layer of what makes the noise level a vector.</summary>
    public const string SigmaIn = Root + "sigma_map.in.weight";

    /// <summary>Its bias.</summary>
    public const string SigmaInBias = Root + "sigma_map.in.bias";

    /// <summary>Second layer.</summary>
    public const string SigmaOut = Root + "sigma_map.out.weight";

    /// <summary>Its bias.</summary>
    public const string SigmaOutBias = Root + "sigma_map.out.bias";

    /// <summary>Modulation of the last norm.</summary>
    public const string FinalModulation = Root + "modulation.weight";

    /// <summary>Its bias.</summary>
    public const string FinalModulationBias = Root + "modulation.bias";

    /// <summary>Bias of the head.</summary>
    public const string HeadBias = Root + "ff_out.bias";

    private const string Root = "model.transformer.";

    /// <summary>Every tensor with its shape, in the order of the forward pass.</summary>
    public static IEnumerable<NetworkWeight> Expected(ModelConfig config)
    {
        (int hidden, int vocabulary) = (config.HiddenSize, config.VocabularySize);
        yield return new(LladaWeightNames.Embedding, [vocabulary, hidden], "wte");
        if (config.NoiseConditioning is { Size: int size })
        {
            yield return new(SigmaIn, [size, NoiseFeatures], "sigma_in");
            yield return new(SigmaInBias, [size], "sigma_in") { IsBias = true };
            yield return new(SigmaOut, [size, size], "sigma_out");
            yield return new(SigmaOutBias, [size], "sigma_out") { IsBias = true };
        }

        for (int i = 0; i < config.NumHiddenLayers; i++)
        {
            foreach (NetworkWeight weight in OfBlock(config, i))
            {
                yield return weight;
            }
        }

        yield return new(LladaWeightNames.FinalNorm, [hidden], "ln_f");
        if (config.NoiseConditioning is { Size: int width })
        {
            yield return new(FinalModulation, [2 * hidden, width], "modulation");
            yield return new(FinalModulationBias, [2 * hidden], "modulation") { IsBias = true };
        }

        yield return new(LladaWeightNames.Head, [vocabulary, hidden], "head");
        yield return new(HeadBias, [vocabulary], "head") { IsBias = true };
    }

    private static IEnumerable<NetworkWeight> OfBlock(ModelConfig config, int block)
    {
        (int hidden, int wide) = (config.HiddenSize, config.IntermediateSize);
        if (config.NoiseConditioning is { Size: int size })
        {
            yield return Weight("modulation", 6 * hidden, size);
            yield return Bias("modulation", 6 * hidden);
        }

        yield return Weight("attn_norm", hidden);
        yield return Weight("q_proj", hidden, hidden);
        yield return Weight("k_proj", hidden, hidden);
        yield return Weight("v_proj", hidden, hidden);
        yield return Weight("attn_out", hidden, hidden);
        yield return Weight("ff_norm", hidden);
        yield return Weight("up_proj", wide, hidden);
        yield return Bias("up_proj", wide);
        yield return Weight("ff_out", hidden, wide);
        yield return Bias("ff_out", hidden);

        NetworkWeight Weight(string part, params int[] shape) => new(LladaWeightNames.OfBlock(block, part), shape, part, block);
        NetworkWeight Bias(string part, int size) => new(LladaWeightNames.BiasOf(block, part), [size], part, block) { IsBias = true };
    }
}
