// The weights of a model that writes through latents, named in the manner of LladaWeightNames. C hidden, s tokens a latent, d numbers of a
// latent, G codebooks of K codes, C' width of the denoiser. Matrices are [out, in].
//   wte [E, C]
//   blocks.{i}.…                         the encoder's blocks on tokens, its blocks on latents, the decoder's on latents, its on tokens
//                                        (a causal decoder has all of its blocks on latents and tokens)
//   latents.down [C, s·C], latents.norm [C], latents.encode [d, C]
//   latents.codebook [G·K, d/G]          if there are codes
//   latents.decode [C, d], latents.up [s·C, C]
//   ln_f [C], ff_out [E, C] (the head; absent if it is the embedding table)
// and, with a denoiser, each after "denoiser.":
//   in, before [C', d], known [2, C'], time.gate, time.up, time.out [C', 256 or C']
//   blocks.{i}.…, blocks.{i}.time [C', C']      on the way down, in the middle, on the way up
//   down.{l} [C', 2C'], up.{l} [2C', C'], skip.{l} [C', C']     between level l and the next
//   ln_f [C'], out [d, C']
namespace Cinnabar.Checkpoints;

/// <summary>The tensors that a model with latents consists of.</summary>
public static class LatentWeights
{
    /// <summary>Codes of all codebooks; moved by averages instead of gradients.</summary>
    public const string Codebook = Root + "latents.codebook.weight";

    internal const string Down = Root + "latents.down.weight";
    internal const string Norm = Root + "latents.norm.weight";
    internal const string Encode = Root + "latents.encode.weight";
    internal const string Decode = Root + "latents.decode.weight";
    internal const string Up = Root + "latents.up.weight";

    /// <summary>What stands before the names of the denoiser's weights.</summary>
    internal const string DenoiserPrefix = "denoiser.";

    private const string Root = "model.transformer.";

    /// <summary>Every tensor with its shape.</summary>
    /// <param name="config">With latents.</param>
    public static IEnumerable<NetworkWeight> Expected(ModelConfig config) =>
        config.Latents!.Denoiser is null ? OfAutoencoder(config) : OfAutoencoder(config).Concat(OfDenoiser(config));

    /// <summary>The tensors of encoder and decoder.</summary>
    /// <param name="config">With latents.</param>
    public static IEnumerable<NetworkWeight> OfAutoencoder(ModelConfig config)
    {
        LatentShape latents = config.Latents!;
        (int hidden, int wide) = (config.HiddenSize, config.HiddenSize * latents.Downsampling);
        foreach (NetworkWeight weight in LladaWeightNames.Expected(config))
        {
            yield return weight;
        }

        yield return new(Down, [hidden, wide], "down");
        yield return new(Norm, [hidden], "norm");
        yield return new(Encode, [latents.Size, hidden], "encode");
        if (latents.CodebookSize > 0)
        {
            int codes = latents.CodebookGroups * latents.CodebookSize;
            yield return new(Codebook, [codes, latents.Size / latents.CodebookGroups], "codebook");
        }

        yield return new(Decode, [hidden, latents.Size], "decode");
        yield return new(Up, [wide, hidden], "up");
    }

    /// <summary>The tensors of the denoiser.</summary>
    /// <param name="config">With latents and a denoiser.</param>
    public static IEnumerable<NetworkWeight> OfDenoiser(ModelConfig config)
    {
        LatentDenoiserShape denoiser = config.Latents!.Denoiser!;
        (int hidden, int size) = (denoiser.HiddenSize, config.Latents.Size);
        ModelConfig blocks = BlocksOf(config);
        yield return new(Denoiser("in"), [hidden, size], "in");
        yield return new(Denoiser("before"), [hidden, size], "before");
        yield return new(Denoiser("known"), [2, hidden], "known");
        yield return new(Denoiser("time.gate"), [hidden, DiffusionTransformerWeights.NoiseFeatures], "time");
        yield return new(Denoiser("time.up"), [hidden, DiffusionTransformerWeights.NoiseFeatures], "time");
        yield return new(Denoiser("time.out"), [hidden, hidden], "time");
        foreach (NetworkWeight weight in LladaWeightNames.Expected(blocks).Where(weight => weight.Block is not null))
        {
            yield return weight with { Name = DenoiserPrefix + weight.Name };
        }

        for (int block = 0; block < blocks.NumHiddenLayers; block++)
        {
            yield return new(DenoiserPrefix + LladaWeightNames.OfBlock(block, "time"), [hidden, hidden], "time", block);
        }

        for (int level = 0; level < denoiser.Layers.Count - 1; level++)
        {
            yield return new(Denoiser($"down.{level}"), [hidden, 2 * hidden], "down");
            yield return new(Denoiser($"up.{level}"), [2 * hidden, hidden], "up");
            yield return new(Denoiser($"skip.{level}"), [hidden, hidden], "skip");
        }

        yield return new(Denoiser("ln_f"), [hidden], "ln_f");
        yield return new(Denoiser("out"), [size, hidden], "out");
    }

    /// <summary>The name of one weight of the denoiser outside its blocks.</summary>
    internal static string Denoiser(string part) => $"{DenoiserPrefix}{Root}{part}.weight";

    /// <summary>The denoiser's blocks as those of a network of their own.</summary>
    internal static ModelConfig BlocksOf(ModelConfig config)
    {
        LatentDenoiserShape denoiser = config.Latents!.Denoiser!;
        return config with
        {
            HiddenSize = denoiser.HiddenSize,
            NumAttentionHeads = denoiser.NumAttentionHeads,
            NumKeyValueHeads = denoiser.NumAttentionHeads,
            IntermediateSize = denoiser.IntermediateSize,
            NumHiddenLayers = denoiser.BlockCount,
            MaxSequenceLength = config.MaxSequenceLength / config.Latents.Downsampling,
            Latents = null,
        };
    }
}
