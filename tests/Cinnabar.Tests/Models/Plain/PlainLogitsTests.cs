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

    public static TheoryData<string> Transformers => [.. PlainModels.Transformers.Keys];

    public static TheoryData<string> BlockTransformers =>
        [.. PlainModels.Transformers.Where(pair => pair.Value.Shape.BlockSize is not null).Select(pair => pair.Key)];

    [Theory]
    [MemberData(nameof(Transformers))]
    public void Logits_AreThoseOfThePlainNetwork(string name) => CompareLogits(PlainModels.Transformer(name), Error);

    [FamilyFact(nameof(PlainConfigs.Mdlm))]
    public void Logits_OfMdlm_AreThoseOfThePlainNetwork() => CompareLogits(PlainModels.Mdlm, ErrorWithoutMask);

    [FamilyFact(nameof(PlainConfigs.Bd3lm))]
    public void Logits_OfBd3lm_AreThoseOfThePlainNetwork() => CompareLogits(PlainModels.Bd3lm, ErrorWithoutMask);

    [Theory]
    [MemberData(nameof(BlockTransformers))]
    public void CachedLogits_AreThoseWithoutCache(string name) => CompareCached(PlainModels.Transformer(name));

    [FamilyFact(nameof(PlainConfigs.Bd3lm))]
    public void CachedLogits_OfBd3lm_AreThoseWithoutCache() => CompareCached(PlainModels.Bd3lm);

    [Theory]
    [MemberData(nameof(BlockTransformers))]
    public void Logits_OtherTokensInLaterBlock_SameBeforeIt(string name) => CompareBeforeBlock(PlainModels.Transformer(name));

    [FamilyFact(nameof(PlainConfigs.Bd3lm))]
    public void Logits_OfBd3lmOtherTokensInLaterBlock_SameBeforeIt() => CompareBeforeBlock(PlainModels.Bd3lm);

    private static void CompareLogits(PlainModel model, Func<double[][], Tensor, double> error)
    {
        using PlainFolder folder = new(model.Config, model.Weights);
        int[] ids = Ids(model);
        double[][] expected = model.Logits(model.Weights, ids);
        double[][] few = model.Logits(model.Weights, ids[..6]);
        foreach (KernelForm form in Enum.GetValues<KernelForm>())
        {
            IDenoiser network = folder.Network(form);
            double found = error(expected, network.Logits(ids, Rows(0, ids.Length)));
            Assert.True(found <= Bound, $"{model.Name}, {form}: relative error {found:E2}.");

            // Fewer positions after more, some rows only.
            found = error([few[0], few[2], few[5]], network.Logits(ids[..6], [0, 2, 5]));
            Assert.True(found <= Bound, $"{model.Name}, {form}, a second pass: relative error {found:E2}.");
        }
    }

    // Each block first as masks, then as its tokens, over the cache of the blocks before it.
    private static void CompareCached(PlainModel model)
    {
        using PlainFolder folder = new(model.Config, model.Weights);
        int[] ids = Ids(model);
        int size = model.BlockSize!.Value;
        foreach (KernelForm form in Enum.GetValues<KernelForm>())
        {
            ICachingDenoiser network = Assert.IsAssignableFrom<ICachingDenoiser>(folder.Network(form));
            KeyValueCache cache = network.CreateCache(ids.Length);
            for (int start = 0; start < ids.Length; start += size)
            {
                int end = Math.Min(ids.Length, start + size);
                int[] block = Rows(start, end);
                foreach (int known in new[] { start, end })
                {
                    int[] canvas = [.. ids[..known], .. Enumerable.Repeat(network.MaskTokenId, ids.Length - known)];
                    double[][] expected = Copy(network.Logits(canvas, block));
                    double found = Error(expected, network.Logits(canvas, block, cache, block));
                    Assert.True(found <= CacheBound, $"{model.Name}, {form}, block from {start}: relative error {found:E2}.");
                }
            }
        }
    }

    private static void CompareBeforeBlock(PlainModel model)
    {
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
            Assert.All(Rows(first, ids.Length), row => Assert.NotEqual(before[row], after[row]));
        }
    }

    // Two whole blocks at least and some tokens more; a third of them masks.
    private static int[] Ids(PlainModel model)
    {
        Random random = new(7);
        int length = (2 * Math.Min(model.BlockSize ?? 16, 32)) + 7;
        int vocabulary = model.Tensors[0].Shape[0];
        return [.. Enumerable.Range(0, length).Select(i => i % 3 == 1 ? MaskOf(model) : random.Next(1, vocabulary - 1))];
    }

    private static int MaskOf(PlainModel model) =>
        model == PlainModels.Mdlm || model == PlainModels.Bd3lm ? model.Tensors[0].Shape[0] - 1 : 0;

    private static int[] Rows(int start, int end) => [.. Enumerable.Range(start, end - start)];

    private static double[][] Copy(Tensor logits) =>
        [.. Enumerable.Range(0, logits.Rows).Select(row => logits.Row(row).ToArray().Select(value => (double)value).ToArray())];

    private static double Error(double[][] expected, Tensor found) => PlainFormulas.RelativeError(expected, Copy(found));

    // The DiT: as distributions over what is not the mask (the last id), because SUBS may already be applied.
    private static double ErrorWithoutMask(double[][] expected, Tensor found) =>
        PlainFormulas.RelativeError([.. expected.Select(LogSoftmax)], [.. Copy(found).Select(LogSoftmax)]);

    private static double[] LogSoftmax(double[] row) => [.. PlainFormulas.Softmax(row[..^1]).Select(value => Math.Log(value))];
}
