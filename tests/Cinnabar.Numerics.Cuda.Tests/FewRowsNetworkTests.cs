using Cinnabar.Checkpoints;
using Cinnabar.Models;

namespace Cinnabar.Numerics.Cuda.Tests;

/// <summary>A network whose weights are large enough for the product of few rows, so that a pass is a chain of kernels that overlap.</summary>
public sealed class FewRowsNetworkTests(Device device) : IClassFixture<Device>
{
    private static readonly ModelConfig s_config = new()
    {
        HiddenSize = 1_024,
        NumHiddenLayers = 2,
        NumAttentionHeads = 8,
        NumKeyValueHeads = 8,
        IntermediateSize = 1_024,
        VocabularySize = 1_100,
        EmbeddingSize = 1_100,
        MaxSequenceLength = 256,
        MaskTokenId = 0,
        EosTokenId = 1,
        PadTokenId = 2,
    };

    [CudaFact]
    public void Logits_BesideACache_AreThoseOfTheProcessorButForRounding()
    {
        Dictionary<string, Tensor> weights = TransformerDenoiser.Initialize(s_config, seed: 3);
        int[] ids = [.. Enumerable.Range(0, 150).Select(i => 3 + (i * 37 % 1_000))];
        float[][] expected = Passes(KernelTable.Create(threads: null), weights, ids);
        float[][] found = Passes(device.Kernels, weights, ids);
        for (int pass = 0; pass < expected.Length; pass++)
        {
            Assert.Null(Comparison.Difference(expected[pass], found[pass], Comparison.Rounded));
        }
    }

    // All rows, then the last ones three times, of which the device may know from the second on what comes.
    private static float[][] Passes(KernelTable kernels, Dictionary<string, Tensor> weights, int[] ids)
    {
        TransformerDenoiser network = new(s_config, weights, kernels);
        KeyValueCache cache = network.CreateCache(ids.Length);
        return [.. ((int[])[0, 140, 140, 140]).Select(Pass)];

        float[] Pass(int first) =>
            network.Logits(ids, [.. Enumerable.Range(first, ids.Length - first)], cache, positions: []).Floats.ToArray();
    }
}
