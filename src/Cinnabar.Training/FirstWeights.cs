// The tensors of a run before its first step: random ones, those of another model, or, of a latent denoiser, a trained autoencoder's with
// random ones for what is new.
using Cinnabar.Checkpoints;
using Cinnabar.Latents;
using Cinnabar.Models;
using Cinnabar.Numerics;
using Cinnabar.Tokenizers;
using Cinnabar.Training.Corpora;

namespace Cinnabar.Training;

/// <summary>Where a run starts.</summary>
internal static class FirstWeights
{
    /// <summary>Every tensor that a checkpoint of the run has.</summary>
    public static IEnumerable<NetworkWeight> Expected(TrainingOptions options)
    {
        ModelConfig config = options.ModelConfig;
        IEnumerable<NetworkWeight> model = config.Latents is null ? LladaWeightNames.Expected(config) : LatentWeights.Expected(config);
        return options.AdversarialWeight > 0 ? model.Concat(LatentDiscriminator.Expected(config)) : model;
    }

    /// <summary>Those among <paramref name="tensors"/> that are part of the model.</summary>
    public static IReadOnlyDictionary<string, Tensor> OfModel(ModelConfig config, IReadOnlyDictionary<string, Tensor> tensors) =>
        config.Latents is null
            ? tensors
            : LatentWeights.Expected(config).ToDictionary(weight => weight.Name, weight => tensors[weight.Name]);

    /// <summary>The tensors by name.</summary>
    /// <exception cref="CinnabarException">The initial model is another network.</exception>
    public static Dictionary<string, Tensor> Of(TrainingOptions options)
    {
        ModelConfig config = options.ModelConfig;
        int layers = config.Latents?.Denoiser?.BlockCount ?? config.NumHiddenLayers;
        NetworkWeight[] expected = [.. Expected(options)];
        if (options.InitialModel is null)
        {
            return InitialWeights.Draw(expected, layers, options.Seed);
        }

        ModelFolder model = Open(options);
        NetworkWeight[] known = config.Latents?.Denoiser is not null && model.Config.Latents is { Denoiser: null }
            ? [.. LatentWeights.OfAutoencoder(config)]
            : [.. config.Latents is null ? expected : LatentWeights.Expected(config)];
        RequireShapes(options, model, known);
        RequireNetwork(options, model);
        IEnumerable<NetworkWeight> others = expected.Where(weight => known.All(other => other.Name != weight.Name));
        Dictionary<string, Tensor> weights = InitialWeights.Draw(others, layers, options.Seed);
        foreach (NetworkWeight weight in known)
        {
            weights.Add(weight.Name, model.Tensors[weight.Name].To(DType.F32));
        }

        return weights;
    }

    private static ModelFolder Open(TrainingOptions options)
    {
        var tokenizer = Tokenizer.Load(Path.Combine(options.Corpus, CorpusFiles.Tokenizer));
        ModelFolder model = ModelFolder.Open(ModelLocator.Find(options.InitialModel!));
        bool isSame = model.LoadTokenizer().FirstDifference(tokenizer) is null;
        return isSame
            ? model
            : throw new CinnabarException(
                $"The corpus '{options.Corpus}' was made with another tokenizer than the initial model '{options.InitialModel}'.",
                $"Build it again with --tokenizer {model.TokenizerPath}.");
    }

    // Shapes alone do not tell: another number of heads or another rotary base fits the same tensors. What a run may change are the
    // attention, where a prediction stands, how holes end and are read, the length, and the denoiser behind an autoencoder.
    private static void RequireNetwork(TrainingOptions options, ModelFolder model)
    {
        ModelConfig config = options.ModelConfig;
        ModelConfig before = model.Config with
        {
            AttentionKind = config.AttentionKind,
            AttentionBlockSize = config.AttentionBlockSize,
            ShiftLogits = config.ShiftLogits,
            ClosesHoles = config.ClosesHoles,
            CausalInfill = config.CausalInfill,
            MaxSequenceLength = config.MaxSequenceLength,
            Quantization = config.Quantization,
            Latents = model.Config.Latents is { Denoiser: null } latents
                ? latents with { Denoiser = config.Latents?.Denoiser }
                : model.Config.Latents,
        };
        if (before.FirstDifference(config) is (string key, string had, string has))
        {
            throw new CinnabarException(
                $"The initial model '{options.InitialModel}' has {key} {had}, the configuration says {has}.",
                $"Set {key} to {had} in \"model\".");
        }
    }

    private static void RequireShapes(TrainingOptions options, ModelFolder model, NetworkWeight[] known)
    {
        const string Remedy = "Give \"model\" the sizes of the initial model's config.json.";
        string? foreign = model.Tensors.Keys.Except(known.Select(w => w.Name)).Order(StringComparer.Ordinal).FirstOrDefault();
        if (foreign is not null)
        {
            throw new CinnabarException(
                $"The initial model '{options.InitialModel}' has '{foreign}', which the configuration does not have.", Remedy);
        }

        foreach ((string name, int[] shape) in known)
        {
            if (!model.Tensors.TryGetValue(name, out Tensor? tensor) || !tensor.Shape.SequenceEqual(shape))
            {
                throw new CinnabarException(
                    $"The initial model '{options.InitialModel}' has '{name}' as {tensor?.ShapeText() ?? "nothing"}, "
                    + $"the configuration asks for [{string.Join(", ", shape)}].",
                    Remedy);
            }
        }
    }
}
