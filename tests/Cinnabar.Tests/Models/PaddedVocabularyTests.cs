using Cinnabar.Checkpoints;
using Cinnabar.Models;
using Cinnabar.Numerics;
using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Tests.Models;

public sealed class PaddedVocabularyTests
{
    private const int Padded = 57; // no multiple of a register, unlike most real tables

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Logits_PaddedTables_AreThoseOfTheVocabulary(bool tied)
    {
        ModelConfig config = TinyNetwork.Config with { WeightTying = tied };
        ModelConfig paddedConfig = config with { EmbeddingSize = Padded };
        Dictionary<string, Tensor> padded = TinyNetwork.Weights(paddedConfig);
        Dictionary<string, Tensor> plain = LladaWeightNames.Expected(config).ToDictionary(
            weight => weight.Name,
            weight => Tensor.From(padded[weight.Name].Floats[..weight.Shape.Aggregate(1, (a, b) => a * b)], weight.Shape));
        int[] ids = [5, 0, 39, 0, 0, 17];
        int[] rows = [1, 3, 4];
        foreach (KernelForm form in Enum.GetValues<KernelForm>())
        {
            KernelTable kernels = KernelTable.Create(threads: 1, form);
            TransformerDenoiser denoiser = new(paddedConfig, padded, kernels, MatMulPrecision.F32);
            Assert.Equal(config.VocabularySize, denoiser.VocabularySize);
            Tensor expected = new TransformerDenoiser(config, plain, kernels, MatMulPrecision.F32).Logits(ids, rows);
            denoiser.Logits([7, 0], [1]);
            Tensor found = denoiser.Logits(ids, rows);
            Assert.Equal([rows.Length, config.VocabularySize], found.Shape.ToArray());
            Assert.All(
                expected.Floats.ToArray().Zip(found.Floats.ToArray()),
                pair => Assert.Equal(pair.First, pair.Second, tolerance: 1e-5f));
        }
    }
}
