using Cinnabar.Checkpoints;
using Cinnabar.Models;
using Cinnabar.Numerics.Kernels;

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
        float[][] expected = Passes(KernelTable.Create(threads: null), weights);
        float[][] found = Passes(device.Kernels, weights);
        for (int pass = 0; pass < expected.Length; pass++)
        {
            Assert.Null(Comparison.Difference(expected[pass], found[pass], Comparison.Rounded));
        }
    }

    // Rounding rows to Int8 is a coarse step that no two machines take at quite the same numbers: both are equally far from the products of
    // what the integers stand for, but that the processor rounds the columns of each group of a weight by themselves.
    [CudaTheory]
    [InlineData(DType.Int8, 1_024, 1.1)]
    [InlineData(DType.Int4, 128, 1.5)]
    public void Logits_OfWeightsOfIntegers_AreAsExactAsOnTheProcessor(DType type, int group, double most)
    {
        Dictionary<string, Tensor> weights = TransformerDenoiser.Initialize(s_config, seed: 3).ToDictionary(
            weight => weight.Key, weight => weight.Value.Shape.Length == 1 ? weight.Value : weight.Value.Quantize(type, group));
        Dictionary<string, Tensor> values = weights.ToDictionary(weight => weight.Key, weight => weight.Value.To(DType.F32));
        float[][] exact = Passes(KernelTable.Create(threads: null), values, MatMulPrecision.F32);
        float[][] expected = Passes(KernelTable.Create(threads: null), weights);
        float[][] found = Passes(device.Kernels, weights);
        for (int pass = 0; pass < exact.Length; pass++)
        {
            double bound = Comparison.Distance(exact[pass], expected[pass]);
            double error = Comparison.Distance(exact[pass], found[pass]);
            Assert.True(error < most * bound, $"pass {pass + 1}: the processor is {bound:E2} from the exact values, the device {error:E2}.");
        }
    }

    // All rows, then the last ones three times, of which the device may know from the second on what comes.
    private static float[][] Passes(
        KernelTable kernels, Dictionary<string, Tensor> weights, MatMulPrecision precision = MatMulPrecision.BF16)
    {
        int[] ids = [.. Enumerable.Range(0, 150).Select(i => 3 + (i * 37 % 1_000))];
        TransformerDenoiser network = TransformerDenoiser.ForInference(s_config, name => weights[name], kernels, precision);
        KeyValueCache cache = network.CreateCache(ids.Length);
        return [.. ((int[])[0, 140, 140, 140]).Select(Pass)];

        float[] Pass(int first) =>
            network.Logits(ids, [.. Enumerable.Range(first, ids.Length - first)], cache, positions: []).Floats.ToArray();
    }
}
