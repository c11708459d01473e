// What DiffusionModel takes from a checkpoint: the network, the ids with a meaning, how to sample, how to chat.
using Cinnabar.Chat;
using Cinnabar.Checkpoints;
using Cinnabar.Diffusion;
using Cinnabar.Models;
using Cinnabar.Numerics;
using Cinnabar.Numerics.Kernels;
using Cinnabar.Sampling;
using Cinnabar.Tokenizers;

namespace Cinnabar;

/// <summary>Makes the parts of a model.</summary>
internal static class ModelReading
{
    private const long MostGarbage = 32 << 20;

    /// <summary>Reads the weights one after the other into a network.</summary>
    public static IDenoiser Network(Checkpoint checkpoint, KernelTable kernels, WeightForm form, IProgress<LoadProgress>? progress)
    {
        ModelConfig config = checkpoint.Config;
        using ModelWeights weights = checkpoint.OpenWeights();
        long all = config.ParameterCount;
        long read = 0;
        long collectedAt = GC.GetTotalAllocatedBytes();
        MatMulPrecision precision = form == WeightForm.Exact ? MatMulPrecision.F32 : MatMulPrecision.BF16;
        IDenoiser network = config.Family.CreateNetwork(config, Read, kernels, precision);

        // A network that runs allocates nothing that would make the runtime look for what is left.
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        return network;

        // What was read and then packed is garbage, together as large as the model; the runtime would let it grow.
        Tensor Read(string name)
        {
            if (GC.GetTotalAllocatedBytes() - collectedAt > MostGarbage)
            {
                GC.Collect(GC.MaxGeneration, GCCollectionMode.Forced, blocking: true);
                collectedAt = GC.GetTotalAllocatedBytes();
            }

            Tensor tensor = weights.Read(name, form);
            read += tensor.Count;
            progress?.Report(new LoadProgress(read, all));
            return tensor;
        }
    }

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
