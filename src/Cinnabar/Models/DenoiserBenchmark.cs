// The speed of one denoising pass of a network with made-up weights (speed does not depend on which), all positions noisy, logits of
// every one; and the memory that the network takes. Operations are counted as 2·N·tokens, N without the embedding but with the head;
// attention is not counted.
using System.Diagnostics;
using Cinnabar.Checkpoints;
using Cinnabar.Numerics;

namespace Cinnabar.Models;

/// <summary>Times passes of a network.</summary>
public sealed class DenoiserBenchmark
{
    private readonly TransformerDenoiser _network;
    private readonly KernelTable _kernels;
    private KeyValueCache? _cache;

    /// <summary>Makes the weights.</summary>
    /// <param name="config">Sizes, and how the matrices are stored.</param>
    /// <param name="kernels">Where it runs.</param>
    public DenoiserBenchmark(ModelConfig config, KernelTable kernels)
    {
        Config = config;
        _kernels = kernels;
        Dictionary<string, NetworkWeight> weights = LladaWeightNames.Expected(config).ToDictionary(weight => weight.Name);
        long before = GC.GetTotalMemory(forceFullCollection: true);
        _network = TransformerDenoiser.ForInference(config, Read, kernels);
        HeldBytes = GC.GetTotalMemory(forceFullCollection: true) - before;

        Tensor Read(string name)
        {
            NetworkWeight weight = weights[name];
            Tensor tensor = MadeUpWeights.Of(weight.Shape, SafetensorsWeights.TypeOf(config, weight), config.Quantization);
            WeightBytes += tensor.Bytes.Length + (tensor.Scales?.Bytes.Length ?? 0);
            return tensor;
        }
    }

    /// <summary>Networks in the LLaDA layout of sizes that people know.</summary>
    public static IReadOnlyDictionary<string, ModelConfig> Shapes { get; } = new Dictionary<string, ModelConfig>
    {
        ["llada-100m"] = Shape(width: 768, layers: 12, heads: 12, keyValueHeads: 12, feedForward: 2048),
        ["llada-1.1b"] = Shape(width: 2048, layers: 22, heads: 32, keyValueHeads: 4, feedForward: 5632),
        ["llada-8b"] = Shape(width: 4096, layers: 32, heads: 32, keyValueHeads: 32, feedForward: 12_288, vocabulary: 126_464),
    };

    /// <summary>Sizes of the network.</summary>
    public ModelConfig Config { get; }

    /// <summary>The network.</summary>
    public IDenoiser Network => _network;

    /// <summary>Bytes of the weights as a checkpoint stores them.</summary>
    public long WeightBytes { get; private set; }

    /// <summary>Bytes of managed memory that the network takes, pinned arrays included.</summary>
    public long HeldBytes { get; }

    /// <summary>Runs one pass over a canvas of <paramref name="tokens"/> masks.</summary>
    /// <returns>Seconds, and bytes allocated meanwhile by all threads.</returns>
    public (double Seconds, long AllocatedBytes) Run(int tokens)
    {
        int[] ids = new int[tokens];
        Array.Fill(ids, Config.MaskTokenId);
        int[] rows = [.. Enumerable.Range(0, tokens)];
        long allocated = GC.GetTotalAllocatedBytes(precise: true);
        long start = Stopwatch.GetTimestamp();
        _network.Logits(ids, rows);
        _kernels.Device?.Finish();
        return (Stopwatch.GetElapsedTime(start).TotalSeconds, GC.GetTotalAllocatedBytes(precise: true) - allocated);
    }

    /// <summary>
    /// Runs one pass over the last <paramref name="block"/> tokens of a context whose other keys and values are cached: a block of
    /// diffusion or, with a block of 1, a step of an autoregressive network of the same sizes.
    /// </summary>
    /// <param name="context">Tokens of the canvas.</param>
    /// <param name="block">Tokens that are computed, logits included.</param>
    /// <returns>Seconds.</returns>
    public double RunCached(int context, int block)
    {
        int[] ids = new int[context];
        Array.Fill(ids, Config.MaskTokenId);
        int[] positions = [.. Enumerable.Range(context - block, block)];
        _cache = _cache?.Length == context ? _cache : _network.CreateCache(context);
        long start = Stopwatch.GetTimestamp();
        _network.Logits(ids, positions, _cache, positions);
        _kernels.Device?.Finish();
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    /// <summary>2·N·tokens.</summary>
    public double OperationsOf(int tokens) => 2.0 * Config.NonEmbeddingParameterCount * tokens;

    private static ModelConfig Shape(
        int width, int layers, int heads, int keyValueHeads, int feedForward, int vocabulary = 32_000) => new()
    {
        HiddenSize = width,
        NumHiddenLayers = layers,
        NumAttentionHeads = heads,
        NumKeyValueHeads = keyValueHeads,
        IntermediateSize = feedForward,
        VocabularySize = vocabulary,
        EmbeddingSize = vocabulary,
        MaxSequenceLength = 2048,
        MaskTokenId = 0,
        EosTokenId = 1,
        PadTokenId = 2,
    };
}
