using Cinnabar.Checkpoints;
using Cinnabar.Diffusion;
using Cinnabar.Models;
using Cinnabar.Numerics;
using Cinnabar.Sampling;
using Cinnabar.Tests.Models;

namespace Cinnabar.Tests.Sampling;

/// <summary>The same seed gives the same tokens and the same confidences for any number of threads.</summary>
public sealed class SamplerThreadsTests
{
    // Large enough that products, attention and rows of logits are shared between threads.
    private static readonly ModelConfig s_config = TinyNetwork.Config with
    {
        HiddenSize = 128, IntermediateSize = 256, MaxSequenceLength = 96, NumKeyValueHeads = 2,
    };

    private static readonly Dictionary<string, SamplerOptions> s_options = new()
    {
        ["drawn"] = new() { Steps = 6, Temperature = 0.8, Seed = 11 },
        ["threshold, edits"] = new() { Threshold = 0.05, EditThreshold = 0.05, Steps = 8 },
        ["stable"] = new() { Threshold = 0.04, Stability = 1, Credit = true, Temperature = 1, Seed = 3 },
        ["verified"] = new() { Threshold = 0.04, VerifyThreshold = 0.05, Temperature = 1, Seed = 4 },
        ["remasked"] = new() { Steps = 8, Remasking = Remasking.Origin, Remdm = RemdmKind.Rescale, RemdmEta = 0.3, Temperature = 1 },
        ["dual cache"] = new() { BlockSize = 10, Steps = 12, Cache = CacheKind.Dual, Temperature = 1, Seed = 5 },
        ["guided"] = new() { Steps = 5, CfgScale = 1, Temperature = 1, Seed = 6 },
    };

    public static TheoryData<string, DType> Settings
    {
        get
        {
            TheoryData<string, DType> settings = [];
            foreach (string name in s_options.Keys)
            {
                settings.Add(name, DType.BF16);
                settings.Add(name, DType.Int8);
            }

            return settings;
        }
    }

    [Theory]
    [MemberData(nameof(Settings))]
    public void Steps_OneTwoThreeOrEightThreads_AreTheSame(string name, DType type)
    {
        DenoisingStep[] expected = Run(s_options[name], type, threads: 1);
        Assert.Contains(expected, step => step.Commits.Count > 0);
        foreach (int threads in (int[])[2, 3, 8])
        {
            DenoisingStep[] actual = Run(s_options[name], type, threads);
            Assert.Equal(expected.SelectMany(step => step.Commits), actual.SelectMany(step => step.Commits));
            Assert.Equal(expected.SelectMany(step => step.Edits), actual.SelectMany(step => step.Edits));
            Assert.Equal(expected.SelectMany(step => step.Renoised), actual.SelectMany(step => step.Renoised));
            Assert.Equal(expected.Length, actual.Length);
        }
    }

    private static DenoisingStep[] Run(SamplerOptions options, DType type, int threads)
    {
        KernelTable kernels = KernelTable.Create(threads);
        using WorkerPool workers = kernels.Workers;
        Dictionary<string, Tensor> weights = TinyNetwork.Weights(s_config);
        TransformerDenoiser network = TransformerDenoiser.ForInference(
            s_config, name => weights[name].Shape.Length > 1 ? weights[name].To(type) : weights[name], kernels);
        Canvas canvas = new(
            [CanvasSegment.Text([.. Enumerable.Range(3, 30)]), CanvasSegment.Hole(30), CanvasSegment.Text([.. Enumerable.Range(5, 30)])],
            new CanvasTokens(0, 1, 2));
        return [.. new Sampler(network, workers).Steps(canvas, options)];
    }
}
