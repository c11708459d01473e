// The library's networks against the plain ones, from a folder in the published form to the logits: names, shapes and sizes of the
// checkpoint, the network, the family's attention and its shift, in every form of the kernels. Block-causal families besides: a canvas
// computed block by block over a cache, and tokens of a later block.
using Cinnabar.Models;
using Cinnabar.Numerics;

namespace Cinnabar.Tests.Models.Plain;

public sealed class PlainLogitsTests
{
    private const double Bound = 1e-5;
    private const double CacheBound = 1e-6;

    public static TheoryData<string> Models => [.. PlainModels.Transformers.Keys, .. PlainModels.DiffusionTransformers.Keys];

    // Whether the head is tied has no part in it.
    public static TheoryData<string> BlockModels =>
    [
        .. PlainModels.Transformers
            .Where(pair => pair.Value.Shape.BlockSize is not null && !pair.Key.Contains("tied"))
            .Select(pair => pair.Key),
        "bd3lm",
    ];

    [Theory]
    [MemberData(nameof(Models))]
    public void Logits_AreThoseOfThePlainNetwork(string name)
    {
        PlainModel model = PlainModels.Get(name);
        using PlainFolder folder = new(model.Config, model.Weights);
        int[] ids = Ids(model);
        double[][] expected = model.Logits(model.Weights, ids);
        double[][] few = model.Logits(model.Weights, ids[..6]);
        foreach (KernelForm form in Enum.GetValues<KernelForm>())
        {
            IDenoiser network = folder.Network(form);
            double found = Error(model, ids, Rows(0, ids.Length), expected, network);
            Assert.True(found <= Bound, $"{model.Name}, {form}: relative error {found:E2}.");

            // Fewer positions after more, some rows only.
            found = Error(model, ids[..6], [0, 1, 4, 5], [few[0], few[1], few[4], few[5]], network);
            Assert.True(found <= Bound, $"{model.Name}, {form}, a second pass: relative error {found:E2}.");
        }
    }

    // Each block first as masks, then as its tokens, over the cache of the blocks before it.
    [Theory]
    [MemberData(nameof(BlockModels))]
    public void CachedLogits_AreThoseWithoutCache(string name)
    {
        PlainModel model = PlainModels.Get(name);
        using PlainFolder folder = new(model.Config, model.Weights);
        int[] ids = Ids(model);
        int size = model.BlockSize!.Value;
        foreach (KernelForm form in Enum.GetValues<KernelForm>())
        {
            ICachingDenoiser network = Assert.IsAssignableFrom<ICachingDenoiser>(folder.Network(form));
            Assert.Equal(size, network.BlockSize);
            KeyValueCache cache = network.CreateCache(ids.Length);
            for (int start = 0; start < ids.Length; start += size)
            {
                int end = Math.Min(ids.Length, start + size);
                int[] block = Rows(start, end);
                foreach (int known in new[] { start, end })
                {
                    int[] canvas = [.. ids[..known], .. Enumerable.Repeat(network.MaskTokenId, ids.Length - known)];
                    double[][] expected = Copy(network.Logits(canvas, block));
                    double[][] rows = Copy(network.Logits(canvas, block, cache, block));
                    double found = Error(model, canvas, block, expected, rows);
                    Assert.True(found <= CacheBound, $"{model.Name}, {form}, block from {start}: relative error {found:E2}.");
                }
            }
        }
    }

    [Theory]
    [MemberData(nameof(BlockModels))]
    public void Logits_OtherTokensInLaterBlock_SameBeforeIt(string name)
    {
        PlainModel model = PlainModels.Get(name);
        using PlainFolder folder = new(model.Config, model.Weights);
        int[] ids = Ids(model);
        int size = model.BlockSize!.Value, last = ids.Length / size * size;
        foreach (KernelForm form in Enum.GetValues<KernelForm>())
        {
            IDenoiser network = folder.Network(form);
            double[][] before = Copy(network.Logits(ids, Rows(0, ids.Length)));
            int[] changed = [.. ids];
            changed[last] = (ids[last] + 1) % network.VocabularySize;
            double[][] after = Copy(network.Logits(changed, Rows(0, ids.Length)));

            // The first row of a block comes from the block before where the family shifts.
            int first = model.Shifts ? last + 1 : last;
            Assert.All(Rows(0, first), row => Assert.Equal(before[row], after[row]));
            Assert.All(
                Rows(first, ids.Length).Where(row => !model.HasSubs || ids[row] == model.MaskTokenId),
                row => Assert.NotEqual(before[row], after[row]));
        }
    }

    [Theory]
    [InlineData("mdlm")]
    [InlineData("bd3lm")]
    public void Logits_WithSubs_AreNeverTheMaskAndKeepKnownTokens(string name)
    {
        PlainModel model = PlainModels.Get(name);
        using PlainFolder folder = new(model.Config, model.Weights);
        int[] ids = Ids(model);
        double[][] logits = Copy(folder.Network(KernelForm.Vector).Logits(ids, Rows(0, ids.Length)));
        Assert.All(ids.Zip(logits), pair =>
        {
            double[] p = PlainFormulas.Softmax(pair.Second);
            Assert.Equal(0, p[model.MaskTokenId]);
            Assert.True(pair.First == model.MaskTokenId || p[pair.First] == 1);
        });
    }

    [Theory]
    [InlineData(0.0)]
    [InlineData(0.3)]
    [InlineData(6.9)]
    public void Logits_WithTimeConditioning_AreThoseOfThePlainNetwork(double sigma)
    {
        string config = PlainConfigs.Mdlm.Replace("\"time_conditioning\": false", "\"time_conditioning\": true", StringComparison.Ordinal);
        PlainModel model = PlainModels.Get("mdlm");
        using PlainFolder folder = new(config, model.Weights);
        int[] ids = Ids(model), rows = Rows(0, ids.Length);
        double[][] expected =
            new PlainDiffusionTransformer(PlainModels.DiffusionTransformerShape(config), model.Weights).Logits(ids, sigma);
        foreach (KernelForm form in Enum.GetValues<KernelForm>())
        {
            DiffusionTransformer network = Assert.IsType<DiffusionTransformer>(folder.Network(form));
            double found = Error(model, ids, rows, expected, Copy(network.Logits(ids, rows, sigma)));
            Assert.True(found <= Bound, $"σ = {sigma}, {form}: relative error {found:E2}.");
        }
    }

    // Two whole blocks at least and some tokens more; a third of them masks.
    private static int[] Ids(PlainModel model)
    {
        Random random = new(7);
        int length = (2 * Math.Min(model.BlockSize ?? 16, 32)) + 7;
        int vocabulary = model.Tensors[0].Shape[0];
        return [.. Enumerable.Range(0, length).Select(i => i % 3 == 1 ? model.MaskTokenId : random.Next(1, vocabulary - 1))];
    }

    private static int[] Rows(int start, int end) => [.. Enumerable.Range(start, end - start)];

    private static double[][] Copy(Tensor logits) =>
        [.. Enumerable.Range(0, logits.Rows).Select(row => logits.Row(row).ToArray().Select(value => (double)value).ToArray())];

    private static double Error(PlainModel model, int[] ids, int[] rows, double[][] expected, IDenoiser network) =>
        Error(model, ids, rows, expected, Copy(network.Logits(ids, rows)));

    private static double Error(PlainModel model, int[] ids, int[] rows, double[][] expected, double[][] found)
    {
        if (!model.HasSubs)
        {
            return PlainFormulas.RelativeError(expected, found);
        }

        // As distributions over what is not the mask, the last id.
        int[] noisy = [.. Enumerable.Range(0, rows.Length).Where(i => ids[rows[i]] == model.MaskTokenId)];
        return noisy.Length == 0 ? 0 : PlainFormulas.RelativeError(
            [.. noisy.Select(i => LogSoftmax(expected[i]))], [.. noisy.Select(i => LogSoftmax(found[i]))]);
    }

    private static double[] LogSoftmax(double[] row) => [.. PlainFormulas.Softmax(row[..^1]).Select(value => Math.Log(value))];
}
