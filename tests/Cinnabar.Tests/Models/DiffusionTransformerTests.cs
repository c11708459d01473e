using Cinnabar.Checkpoints;
using Cinnabar.Diffusion;
using Cinnabar.Models;
using Cinnabar.Numerics;
using Cinnabar.Sampling;
using static Cinnabar.Tests.Models.DiffusionTransformerFolder;

namespace Cinnabar.Tests.Models;

public sealed class DiffusionTransformerTests
{
    private const double Exact = 1e-5;

    // Masks and tokens, no multiple of the block.
    private static readonly int[] s_ids = [5, Mask, 0, 17, Mask, Mask, 3, 9, Mask, 2];
    private static readonly int[] s_places = [.. Enumerable.Range(0, s_ids.Length)];

    public static TheoryData<KernelForm> Forms => [.. Enum.GetValues<KernelForm>()];

    [Theory]
    [MemberData(nameof(Forms))]
    public void Logits_OfMdlm_AreThoseOfThePlainNetwork(KernelForm form)
    {
        using DiffusionTransformerFolder folder = new(Mdlm, "backbone.");
        AssertLogits(folder.Plain.Outputs(s_ids, s_places, Everything, 0), folder.Open(form).Logits(s_ids, s_places), s_ids, Exact);
    }

    [Theory]
    [InlineData("")]
    [InlineData("backbone.")]
    public void Logits_WhateverThePrefix_AreTheSame(string prefix)
    {
        using DiffusionTransformerFolder folder = new(Mdlm, prefix);
        AssertLogits(
            folder.Plain.Outputs(s_ids, s_places, Everything, 0), folder.Open(KernelForm.Vector).Logits(s_ids, s_places), s_ids, Exact);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(0.3)]
    [InlineData(6.9)]
    public void Logits_OfANetworkThatIsToldTheNoise_DependOnIt(double sigma)
    {
        using DiffusionTransformerFolder folder = new(With(Mdlm, "time_conditioning", "true"));
        DiffusionTransformer network = folder.Open(KernelForm.Vector);
        double[][] expected = folder.Plain.Outputs(s_ids, s_places, Everything, sigma);
        network.Logits(s_ids, s_places, sigma: 1);
        AssertLogits(expected, network.Logits(s_ids, s_places, sigma), s_ids, Exact);
        Assert.True(Difference(expected, network.Logits(s_ids, s_places, sigma + 0.5), s_ids) > 100 * Exact);
    }

    [Fact]
    public void Logits_WithoutANoiseLevel_TakeThatOfTheShareOfMasks()
    {
        using DiffusionTransformerFolder folder = new(With(Mdlm, "time_conditioning", "true"));
        DiffusionTransformer network = folder.Open(KernelForm.Vector);
        double sigma = -Math.Log(1 - (0.999 * 4 / 10)); // 4 of 10 are masks
        AssertLogits(folder.Plain.Outputs(s_ids, s_places, Everything, sigma), network.Logits(s_ids, s_places), s_ids, Exact);
        int[] masks = [Mask, Mask, Mask];
        sigma = -Math.Log(0.001);
        AssertLogits(folder.Plain.Outputs(masks, [0, 1, 2], Everything, sigma), network.Logits(masks, [0, 1, 2]), masks, Exact);
    }

    [Fact]
    public void Logits_OfANetworkThatIsNotTold_DoNotDependOnTheNoise()
    {
        using DiffusionTransformerFolder folder = new(Mdlm);
        DiffusionTransformer network = folder.Open(KernelForm.Vector);
        float[] expected = network.Logits(s_ids, s_places, sigma: 0).Floats.ToArray();
        Assert.Equal(expected, network.Logits(s_ids, s_places, sigma: 3).Floats.ToArray());
    }

    [Fact]
    public void Logits_OfSomeRows_AreThoseOfAll()
    {
        using DiffusionTransformerFolder folder = new(Mdlm);
        DiffusionTransformer network = folder.Open(KernelForm.Vector);
        Tensor all = Copy(network.Logits(s_ids, s_places));
        Tensor some = network.Logits(s_ids, [1, 3, 8]);
        Assert.Equal([3, Vocabulary], some.Shape.ToArray());
        Assert.Equal(all.Row(1).ToArray(), some.Row(0).ToArray());
        Assert.Equal(all.Row(3).ToArray(), some.Row(1).ToArray());
        Assert.Equal(all.Row(8).ToArray(), some.Row(2).ToArray());
    }

    [Theory]
    [InlineData(WeightForm.AsStored)]
    [InlineData(WeightForm.Int8)]
    public void Logits_OfRoundedMatrices_AreNear(WeightForm form)
    {
        using DiffusionTransformerFolder folder = new(With(Mdlm, "time_conditioning", "true"));
        double[][] expected = folder.Plain.Outputs(s_ids, s_places, Everything, 0.7);
        Tensor found = folder.Open(KernelForm.Jit, form).Logits(s_ids, s_places, 0.7);
        AssertLogits(expected, found, s_ids, 5e-2);
        Assert.True(Difference(expected, found, s_ids) > Exact, "Nothing was rounded.");
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void Logits_OfBd3lm_AreThoseOfItsTrainingMask(KernelForm form)
    {
        // Training runs over noisy and clean tokens, 2L rows. Of a canvas whose last block alone is noisy, the rows of that block are the
        // same when every token is there once.
        using DiffusionTransformerFolder folder = new(Bd3lm, "backbone.");
        DiffusionTransformer network = folder.Open(form);
        int[] clean = [5, 1, 0, 17, 4, 8, 3, 9, 11, 2, 6, 10];
        for (int block = 0; block < 3; block++)
        {
            (int start, int end) = (Block * block, Block * (block + 1));
            int[] noisy = [.. clean];
            noisy[start + 1] = noisy[start + 3] = Mask;
            int[] doubled = [.. noisy, .. clean];
            int[] places = [.. Enumerable.Range(0, 12), .. Enumerable.Range(0, 12)];
            double[][] expected = folder.Plain.Outputs(doubled, places, TrainingMask(12), 0)[start..end];
            AssertLogits(expected, network.Logits(noisy[..end], places[start..end]), noisy[start..end], Exact);
        }
    }

    [Fact]
    public void Logits_OfBd3lm_DoNotDependOnLaterBlocks()
    {
        using DiffusionTransformerFolder folder = new(Bd3lm);
        DiffusionTransformer network = folder.Open(KernelForm.Vector);
        int[] changed = [.. s_ids[..8], 1, 1];
        Tensor expected = Copy(network.Logits(s_ids, [1, 4, 5]));
        Assert.Equal(expected.Floats.ToArray(), network.Logits(changed, [1, 4, 5]).Floats.ToArray());
        changed[3] = 1;
        Assert.NotEqual(expected.Floats.ToArray(), network.Logits(changed, [1, 4, 5]).Floats.ToArray());
    }

    [Fact]
    public void Logits_OfBd3lm_WithACache_AreThoseWithout()
    {
        using DiffusionTransformerFolder folder = new(Bd3lm, "backbone.");
        DiffusionTransformer network = folder.Open(KernelForm.Vector);
        int[] ids = [5, 1, 0, 17, 4, 8, 3, 9, Mask, Mask];
        KeyValueCache cache = network.CreateCache(ids.Length);
        network.Logits(ids, [], cache, [0, 1, 2, 3]);
        network.Logits(ids, [], cache, [4, 5, 6, 7]);
        float[] expected = network.Logits(ids, [8, 9]).Floats.ToArray();
        float[] found = network.Logits(ids, [8, 9], cache, []).Floats.ToArray();
        Assert.All(expected.Zip(found), pair => Assert.Equal(pair.First, pair.Second, tolerance: 1e-6f));

        // One token of the block stands: only the block is computed again.
        ids[9] = 7;
        expected = network.Logits(ids, [8]).Floats.ToArray();
        found = network.Logits(ids, [8], cache, [8, 9]).Floats.ToArray();
        Assert.All(expected.Zip(found), pair => Assert.Equal(pair.First, pair.Second, tolerance: 1e-6f));
    }

    [Fact]
    public void Logits_WithoutAdaptiveNorms_AreThoseOfThePlainNetwork()
    {
        using DiffusionTransformerFolder folder = new(
            With(With(With(Bd3lm, "adaln", "false"), "cross_attn", "false"), "cond_dim", null), "backbone.", adaptive: false);
        AssertLogits(
            folder.Plain.Outputs(s_ids, s_places, Everything, 0), folder.Open(KernelForm.Vector).Logits(s_ids, s_places), s_ids, Exact);
    }

    [Fact]
    public void Softmax_OfSedd_IsTheDistributionOfItsDenoiser()
    {
        // The last step of the reference's sampler (Tweedie, Δ = σ), from the scores as its network gives them.
        using DiffusionTransformerFolder folder = new(Sedd);
        double sigma = -Math.Log(1 - (0.999 * 4 / 10));
        double[][] outputs = folder.Plain.Outputs(s_ids, s_places, Everything, sigma);
        Tensor logits = folder.Open(KernelForm.Vector).Logits(s_ids, s_places);
        foreach (int position in s_places.Where(i => s_ids[i] == Mask))
        {
            double[] score =
            [
                .. outputs[position].Select(
                    (o, v) => v == Mask ? 1 : Math.Exp(o - Math.Log(Math.Exp(sigma) - 1) - Math.Log(Vocabulary - 1))),
            ];
            double[] unnormalised = [.. score[..Mask].Select(s => s * Math.Exp(sigma) * (1 - Math.Exp(-sigma)))];
            double[] exponentials = [.. logits.Row(position).ToArray().Select(o => Math.Exp(o))];
            for (int v = 0; v < Mask; v++)
            {
                Assert.Equal(unnormalised[v] / unnormalised.Sum(), exponentials[v] / exponentials.Sum(), 1e-6);
            }

            Assert.Equal(0, exponentials[Mask]);
        }
    }

    [Fact]
    public void LikelihoodBound_OfOneToken_IsItsCrossEntropyWithoutTheMask()
    {
        using DiffusionTransformerFolder folder = new(Mdlm);
        double[] outputs = folder.Plain.Outputs([Mask], [0], Everything, 0)[0];
        double expected = Math.Log(outputs[..Mask].Sum(Math.Exp)) - outputs[5];
        LikelihoodBound bound = new(folder.Open(KernelForm.Vector), KernelTable.Create(threads: 1));
        Assert.Equal(expected, bound.Estimate([5], samples: 1, new DeterministicRandom(1)).Nats, 1e-5);
    }

    [Theory]
    [InlineData(Mdlm)]
    [InlineData(Bd3lm)]
    [InlineData(Sedd)]
    public void Sampler_WithTheDefaultsOfTheFamily_FillsEveryHole(string config)
    {
        using DiffusionTransformerFolder folder = new(config);
        DiffusionTransformer network = folder.Open(KernelForm.Jit);
        SamplerOptions options = network.Config.Family.Defaults(network.Config) with { Seed = 5 };
        options.Validate();
        Canvas canvas = new([CanvasSegment.Text([4, 5, 6, 7, 8]), CanvasSegment.Hole(11), CanvasSegment.Text([9])], Tokens(network));
        int passes = new Sampler(network).Run(canvas, options);
        Assert.Equal(11, passes);
        Assert.DoesNotContain(Mask, canvas.Ids.ToArray());
        Assert.Equal([4, 5, 6, 7, 8], canvas.Ids[..5].ToArray());
        Assert.True(canvas.Ids[5..16].ToArray().Distinct().Count() > 3, "A random network draws different tokens.");
    }

    [Fact]
    public void Sampler_LookingBack_LeavesWhatStands()
    {
        using DiffusionTransformerFolder folder = new(Mdlm);
        DiffusionTransformer network = folder.Open(KernelForm.Vector);
        SamplerOptions options = new() { Remasking = Remasking.Random, Temperature = 1, Seed = 3 };
        int[] expected = Filled(options);
        Assert.Equal(expected, Filled(options with { EditThreshold = 0.1, RemaskBelow = 0.9 }));

        int[] Filled(SamplerOptions with)
        {
            Canvas canvas = new([CanvasSegment.Text([4, 5]), CanvasSegment.Hole(9)], Tokens(network));
            new Sampler(network).Run(canvas, with);
            return canvas.Ids.ToArray();
        }
    }

    [Fact]
    public void Logits_AfterTheFirstPasses_AllocateNothing()
    {
        using DiffusionTransformerFolder folder = new(With(Mdlm, "time_conditioning", "true"));
        DiffusionTransformer network = folder.Open(KernelForm.Jit);
        KeyValueCache cache = network.CreateCache(s_ids.Length);
        int[][] canvases = [s_ids, [.. s_ids.Select(id => id == Mask ? 1 : id)]]; // of different noise
        for (int pass = 0; pass < 6; pass++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            network.Logits(canvases[pass % 2], s_places);
            network.Logits(canvases[pass % 2], s_places, cache, s_places);
            long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            Assert.True(pass < 4 || allocated == 0, $"Pass {pass} allocates {allocated} bytes.");
        }
    }

    private static CanvasTokens Tokens(DiffusionTransformer network) =>
        new(network.MaskTokenId, network.Config.EosTokenId, PaddingTokenId: null);

    private static bool Everything(int query, int key) => true;

    // Noisy rows first, then as many clean ones.
    private static Func<int, int, bool> TrainingMask(int length) => (query, key) =>
    {
        (bool isCleanQuery, bool isCleanKey) = (query >= length, key >= length);
        (int queryBlock, int keyBlock) = (query % length / Block, key % length / Block);
        return isCleanQuery
            ? isCleanKey && keyBlock <= queryBlock
            : isCleanKey ? keyBlock < queryBlock : keyBlock == queryBlock;
    };

    private static Tensor Copy(Tensor tensor) => Tensor.From(tensor.Floats, tensor.Shape);

    // Rows of masks: the plain outputs but for the mask itself. Other rows: their token.
    private static void AssertLogits(double[][] expected, Tensor found, int[] ids, double bound)
    {
        double error = Difference(expected, found, ids);
        Assert.True(error <= bound, $"Relative error {error:E2}, bound {bound:E2}.");
        for (int i = 0; i < ids.Length; i++)
        {
            for (int v = 0; v < Vocabulary; v++)
            {
                bool isOut = ids[i] == Mask ? v == Mask : v != ids[i];
                Assert.Equal(isOut, float.IsNegativeInfinity(found.Row(i)[v]));
            }

            Assert.True(ids[i] == Mask || found.Row(i)[ids[i]] == 0);
        }
    }

    private static double Difference(double[][] expected, Tensor found, int[] ids)
    {
        double difference = 0, size = 0;
        for (int i = 0; i < ids.Length; i++)
        {
            for (int v = 0; v < Mask && ids[i] == Mask; v++)
            {
                difference += Math.Pow(expected[i][v] - found.Row(i)[v], 2);
                size += Math.Pow(expected[i][v], 2);
            }
        }

        Assert.True(size > 0, "No row of a mask was compared.");
        return Math.Sqrt(difference / size);
    }
}
