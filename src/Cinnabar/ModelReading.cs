// What DiffusionModel takes from a checkpoint: the network, the ids with a meaning, how to sample, how to chat.
using Cinnabar.Chat;
using Cinnabar.Checkpoints;
using Cinnabar.Diffusion;
using Cinnabar.Machines;
using Cinnabar.Models;
using Cinnabar.Numerics;
using Cinnabar.Numerics.Kernels;
using Cinnabar.Sampling;
using Cinnabar.Tokenizers;

namespace Cinnabar;

/// <summary>Makes the parts of a model.</summary>
internal static class ModelReading
{
    /// <summary>Reads the weights one after the other into a network.</summary>
    /// <param name="checkpoint">The model.</param>
    /// <param name="kernels">Where it runs.</param>
    /// <param name="form">How matrices are held.</param>
    /// <param name="progress">Told after every weight.</param>
    /// <param name="elsewhere">Machines with the last layers; null: all are here.</param>
    public static IDenoiser Network(
        Checkpoint checkpoint, KernelTable kernels, WeightForm form, IProgress<LoadProgress>? progress, LayerPipeline? elsewhere)
    {
        ModelConfig config = checkpoint.Config;
        using ModelWeights weights = checkpoint.OpenWeights();
        long all = config.ParameterCount;
        long read = 0;
        LoadingGarbage garbage = new();
        IDenoiser network = elsewhere is null
            ? config.Family.CreateNetwork(config, Read, kernels, PrecisionOf(form))
            : TransformerDenoiser.ForInference(config, Read, kernels, PrecisionOf(form), elsewhere);
        LoadingGarbage.GiveBack();
        return network;

        Tensor Read(string name)
        {
            garbage.Collect();
            Tensor tensor = weights.Read(name, form);
            read += tensor.Count;
            progress?.Report(new LoadProgress(read, all));
            return tensor;
        }
    }

    /// <summary>Connects to machines that are to compute the last layers of a model.</summary>
    /// <exception cref="CinnabarException">
    /// One is not there or refuses, there are too few layers, or the network is not one layer behind the other.
    /// </exception>
    public static LayerPipeline Connect(MachineList machines, Checkpoint checkpoint, WeightForm form, KernelTable kernels) =>
        checkpoint.Config.Family.DividesIntoLayers
            ? LayerPipeline.Connect(machines, checkpoint.Config, checkpoint.Name, PrecisionOf(form), kernels)
            : throw new CinnabarException(
                $"Expected a network whose layers can be on several machines, found {checkpoint.Name}, of the family "
                + $"{checkpoint.Config.Family.Name}.",
                "Leave --machines out.");

    private static MatMulPrecision PrecisionOf(WeightForm form) => form == WeightForm.Exact ? MatMulPrecision.F32 : MatMulPrecision.BF16;

    /// <summary>The template of the family, if the tokenizer has its tokens.</summary>
    public static ChatTemplateFile? BuiltInTemplate(ModelConfig config, Tokenizer tokenizer)
    {
        string? TextOf(int? id) => id is int known && known < tokenizer.VocabularySize ? tokenizer.TokenText(known) : null;
        return config.Family.ChatTemplate is string family && BuiltInChatTemplates.Fits(family, tokenizer)
            ? ChatTemplateFile.BuiltIn(family, TextOf(config.BosTokenId), TextOf(config.EosTokenId))
            : null;
    }

    /// <summary>
    /// The ids with a meaning. Special tokens stand for no text, and ids that the tokenizer does not have, be they above its own or gaps
    /// between them, have none: they may not be written, but for those that end a text or a hole.
    /// </summary>
    public static CanvasTokens CanvasTokensOf(ModelConfig config, GenerationConfig generation, Tokenizer tokenizer)
    {
        IEnumerable<int> ids = Enumerable.Range(0, config.VocabularySize)
            .Where(id => id >= tokenizer.VocabularySize || !tokenizer.HasText(id));
        int[] ends = [.. config.AlsoEndText.Union(generation.EosTokenIds ?? []).Where(id => id != config.EosTokenId)];
        int[] never = [.. ids.Except([config.MaskTokenId, config.EosTokenId, config.PadTokenId, .. ends])];
        return new CanvasTokens(config.MaskTokenId, config.EosTokenId, config.PadTokenId)
        {
            NeverEmitted = never,
            AlsoEndText = ends,
            ClosesHoles = config.ClosesHoles,
        };
    }

    /// <summary>The family's defaults, overridden by what generation_config.json sets.</summary>
    public static SamplerOptions Options(GenerationConfig generation, ModelConfig config)
    {
        SamplerOptions standard = config.Family.Defaults(config);
        standard = standard with { MaxNewTokens = generation.MaxNewTokens ?? standard.MaxNewTokens };
        switch (config.Family.Noise)
        {
            case NoiseKind.Uniform:
                // Such files also set top_k and others, for the networks that the models were made from.
                return standard with { Uniform = generation.Uniform ?? standard.Uniform };
            case NoiseKind.Gaussian:
                return standard with { Steps = generation.Steps ?? standard.Steps, CfgScale = generation.CfgScale ?? standard.CfgScale };
        }

        SamplerOptions read = standard with
        {
            Steps = generation.Steps ?? standard.Steps,
            BlockSize = generation.BlockSize ?? standard.BlockSize,
            LeftToRight = CanDraft(generation, config) && generation.LeftToRight == true,
            DraftTokens = CanDraft(generation, config) ? generation.DraftTokens : standard.DraftTokens,
            Temperature = generation.Temperature ?? standard.Temperature,
            TopP = generation.TopP ?? standard.TopP,
            TopK = generation.TopK ?? standard.TopK,
            CfgScale = generation.CfgScale ?? standard.CfgScale,
            Factor = generation.Factor ?? standard.Factor,
            Remasking = generation.Remasking is string name
                ? Enum.Parse<Remasking>(name.Replace("_", "", StringComparison.Ordinal), ignoreCase: true)
                : standard.Remasking,
        };
        return generation.Threshold is double threshold ? read with { Threshold = threshold } : read.WithoutThresholdOf(standard);
    }

    // What a sampler would refuse is passed over.
    private static bool CanDraft(GenerationConfig generation, ModelConfig config) =>
        config is { AttentionKind: AttentionKind.Full, ShiftLogits: true } && (generation.CfgScale ?? 0) == 0;
}
