using Cinnabar.Diffusion;
using Cinnabar.Models;

namespace Cinnabar.Tests.Machines;

/// <summary>Several sequences in one pass, which the machines take in groups.</summary>
public sealed class LayerPipelineBatchTests
{
    [Theory]
    [InlineData("full", 1)]
    [InlineData("full", 2)]
    [InlineData("causal", 2)]
    [InlineData("block-causal", 1)]
    [InlineData("learned", 2)]
    [InlineData("grouped-experts", 2)]
    public void LogitsOfBatch_OfOneToNineSequences_AreTheSameBits(string kind, int machines)
    {
        TestNetwork network = TestNetwork.Of(kind);
        using TestMachines elsewhere = new(machines);
        TransformerDenoiser here = network.Here(), divided = elsewhere.Divided(network);
        DeterministicRandom random = new(5);
        foreach (int sequences in Enumerable.Range(1, 9).Concat([2, 9, 1]))
        {
            here.BeginBatch();
            divided.BeginBatch();
            for (int i = 0; i < sequences; i++)
            {
                // Now and then one that is longer than all others together.
                int[] ids = network.Ids(random.NextInt(4) == 0 ? 40 : 1 + random.NextInt(6), seed: i);
                int[] rows = [.. Enumerable.Range(0, ids.Length).Where(_ => random.NextInt(2) == 0)];
                here.AddToBatch(ids, rows);
                divided.AddToBatch(ids, rows);
            }

            TestMachines.AssertSame(here.LogitsOfBatch(), divided.LogitsOfBatch());
        }
    }

    [Theory]
    [InlineData("full", 1)]
    [InlineData("full", 2)]
    [InlineData("causal", 2)]
    [InlineData("shifted", 1)]
    public void LogitsOfBatch_WithAndWithoutCaches_AreTheSameBits(string kind, int machines)
    {
        TestNetwork network = TestNetwork.Of(kind);
        using TestMachines elsewhere = new(machines);
        TransformerDenoiser here = network.Here(), divided = elsewhere.Divided(network);
        int[] lengths = [4, 19, 40, 1, 7, 7, 11, 30, 2];
        KeyValueCache[] cachesHere = [.. lengths.Select(here.CreateCache)];
        KeyValueCache[] caches = [.. lengths.Select(divided.CreateCache)];
        DeterministicRandom random = new(6);
        for (int pass = 0; pass < 25; pass++)
        {
            int[] order = [.. Enumerable.Range(0, lengths.Length)];
            random.Shuffle<int>(order);
            here.BeginBatch();
            divided.BeginBatch();
            foreach (int i in order[..(1 + random.NextInt(9))])
            {
                int[] ids = network.Ids(lengths[i], seed: pass);
                int[] rows = [random.NextInt(lengths[i])];
                if (random.NextInt(3) == 0)
                {
                    here.AddToBatch(ids, rows);
                    divided.AddToBatch(ids, rows);
                    continue;
                }

                int[] positions = [.. Enumerable.Range(0, lengths[i]).Where(_ => random.NextInt(3) > 0)];
                here.AddToBatch(ids, rows, cachesHere[i], positions);
                divided.AddToBatch(ids, rows, caches[i], positions);
            }

            TestMachines.AssertSame(here.LogitsOfBatch(), divided.LogitsOfBatch());
        }
    }

    // Nothing of them is to be computed, which a network that has all its layers takes.
    [Fact]
    public void LogitsOfBatch_SequenceWithACacheAndNoRows_IsPassedOver()
    {
        TestNetwork network = TestNetwork.Of("full");
        using TestMachines elsewhere = new(1);
        float[][] found = [.. ((TransformerDenoiser[])[network.Here(), elsewhere.Divided(network)]).Select(denoiser =>
        {
            int[] ids = network.Ids(6);
            denoiser.BeginBatch();
            denoiser.AddToBatch(ids, [], denoiser.CreateCache(6), []);
            denoiser.AddToBatch(ids, [2], denoiser.CreateCache(6), []);
            denoiser.AddToBatch(ids, [], denoiser.CreateCache(6), []);
            return denoiser.LogitsOfBatch().Floats.ToArray();
        })];
        TestMachines.AssertSame(found[0], found[1]);
    }
}
