using Cinnabar.Checkpoints;
using Cinnabar.Diffusion;
using Cinnabar.Models;
using Cinnabar.Numerics;
using Cinnabar.Numerics.Kernels;
using Cinnabar.Sampling;
using Cinnabar.Tests.Models;

namespace Cinnabar.Tests.Sampling;

/// <summary>Caches over a real network of two blocks: what they compute, and when that changes nothing.</summary>
public sealed class CanvasCacheTests
{
    private const int L = 40;
    private static readonly ModelConfig s_config = TinyNetwork.Config with { MaxSequenceLength = L, NumKeyValueHeads = 2 };
    private static readonly CanvasTokens s_tokens = new(0, 1, 2);

    [Theory]
    [InlineData(AttentionKind.Causal, 1, true)]
    [InlineData(AttentionKind.Causal, 1, false)]
    [InlineData(AttentionKind.BlockCausal, 4, false)]
    [InlineData(AttentionKind.BlockCausal, 7, true)]
    public void Steps_CausalKinds_EqualThoseWithoutACacheBitForBit(AttentionKind kind, int blockSize, bool shift)
    {
        ModelConfig config = s_config with { AttentionKind = kind, AttentionBlockSize = blockSize, ShiftLogits = shift };
        var options = new SamplerOptions { BlockSize = blockSize, Temperature = 0.7, Seed = 5 };
        List<DenoisingStep> cached = Run(TinyNetwork.Of(config), Continuation(), options);
        List<DenoisingStep> plain = Run(new Uncached(TinyNetwork.Of(config)), Continuation(), options);
        Assert.Equal(plain.SelectMany(step => step.Commits), cached.SelectMany(step => step.Commits));
        Assert.Equal((long)L * plain.Count, plain[^1].ComputedPositions);

        // The prompt once, then about a block a step.
        Assert.InRange(cached[^1].ComputedPositions, 1, L + (cached.Count * 2 * blockSize));
    }

    [Fact]
    public void Steps_AutoregressiveTail_ComputesEveryPositionOnce()
    {
        ModelConfig config = s_config with { AttentionKind = AttentionKind.Causal, ShiftLogits = true };
        List<DenoisingStep> steps = Run(TinyNetwork.Of(config), Continuation(), new SamplerOptions { BlockSize = 1, Temperature = 1 });

        // The rows asked for are predicted by the position before, so the last token is never computed; each row counts as well.
        Assert.Equal((L - 1) + steps.Count, steps[^1].ComputedPositions);
    }

    [Theory]
    [InlineData(CacheKind.Prefix)]
    [InlineData(CacheKind.Dual)]
    [InlineData(CacheKind.Active)]
    public void Steps_RefreshedInEveryPass_EqualThoseWithoutACache(CacheKind kind)
    {
        var options = new SamplerOptions { BlockSize = 6, Steps = 12, Temperature = 0.7, Seed = 5 };
        List<DenoisingStep> cached = Run(
            TinyNetwork.Of(s_config), Hole(), options with { Cache = kind, CacheRefresh = 1, MeasureDrift = true });
        List<DenoisingStep> plain = Run(TinyNetwork.Of(s_config), Hole(), options);
        Assert.Equal(plain.SelectMany(step => step.Commits), cached.SelectMany(step => step.Commits));
        Assert.Contains(cached, step => step.CacheDrift > 0);
    }

    [Theory]
    [InlineData(CacheKind.Prefix, new[] { 40, 30, 40, 24 })]
    [InlineData(CacheKind.Dual, new[] { 40, 6, 40, 6 })]
    [InlineData(CacheKind.Active, new[] { 40, 12, 12, 12 })]
    public void Steps_TwoBlocksOfTwoSteps_ComputeWhatTheKindSays(CacheKind kind, int[] expected)
    {
        // Ten known tokens, two blocks of 6, eighteen known tokens. Active: no token has stood for three passes yet.
        List<DenoisingStep> steps = Run(TinyNetwork.Of(s_config), Hole(), new SamplerOptions { BlockSize = 6, Steps = 4, Cache = kind });
        Assert.Equal(expected, Computed(steps));
    }

    [Fact]
    public void Steps_Active_KeepsATokenThatHasStoodForThreePasses()
    {
        // From the second pass on the masks, and the tokens of the last three steps.
        List<DenoisingStep> steps = Run(TinyNetwork.Of(s_config), Hole(), new SamplerOptions { Steps = 12, Cache = CacheKind.Active });
        Assert.Equal([40, 12, 12, 12, 11, 10, 9, 8, 7, 6, 5, 4], Computed(steps));
    }

    [Fact]
    public void Logits_RowsBehindThoseOfThePassBefore_SeeWhatHasChanged()
    {
        // The second pass takes in the token of position 2, but computes no position behind 3: all those saw the mask.
        ModelConfig config = s_config with { AttentionKind = AttentionKind.Causal };
        CanvasCache cache = new(TinyNetwork.Of(config));
        cache.Begin(L, CacheKind.None, refresh: null);
        int[] ids = [.. Enumerable.Range(0, L).Select(i => i is 2 or 3 or 30 ? 0 : 5 + (i % 30))];
        cache.Logits(ids, [2, 3, 30], block: 0, blockPositions: []);
        ids[2] = 7;
        cache.Logits(ids, [3], block: 0, blockPositions: []);
        float[] found = cache.Logits(ids, [30], block: 0, blockPositions: []).Logits.Row(0).ToArray();
        Assert.Equal(TinyNetwork.Of(config).Logits(ids, [30]).Row(0).ToArray(), found);
    }

    [Theory]
    [InlineData(CacheKind.Prefix)]
    [InlineData(CacheKind.Dual)]
    [InlineData(CacheKind.Active)]
    public void Steps_StaleCache_BeginsAsWithoutOneAndComputesLess(CacheKind kind)
    {
        // The first pass is exact, so its commits are equal; later ones need not be.
        var options = new SamplerOptions { Steps = 12 };
        List<DenoisingStep> plain = Run(TinyNetwork.Of(s_config), Hole(), options);
        List<DenoisingStep> cached = Run(TinyNetwork.Of(s_config), Hole(), options with { Cache = kind });
        Assert.Equal(plain[0].Commits, cached[0].Commits);
        Assert.Equal(plain.Count, cached.Count);
        Assert.True(cached[^1].ComputedPositions < plain[^1].ComputedPositions);
    }

    [Theory]
    [InlineData(CacheKind.Prefix)]
    [InlineData(CacheKind.Dual)]
    [InlineData(CacheKind.Active)]
    public void Steps_NetworkOfOneBlock_EqualThoseWithoutACache(CacheKind kind)
    {
        // In the first block a key and a value follow from the token and its position alone, so what is kept of them is never stale.
        ModelConfig config = s_config with { NumHiddenLayers = 1 };
        var options = new SamplerOptions { BlockSize = 6, Steps = 12 };
        List<DenoisingStep> plain = Run(TinyNetwork.Of(config), Hole(), options);
        List<DenoisingStep> cached = Run(TinyNetwork.Of(config), Hole(), options with { Cache = kind });
        Commit[] expected = [.. plain.SelectMany(step => step.Commits)];
        Commit[] found = [.. cached.SelectMany(step => step.Commits)];
        Assert.Equal(12, expected.Length);
        Assert.Equal(expected.Select(commit => commit with { Confidence = 0 }), found.Select(commit => commit with { Confidence = 0 }));
        Assert.All(expected.Zip(found), pair => Assert.Equal(pair.First.Confidence, pair.Second.Confidence, 1e-5f));
        Assert.True(cached[^1].ComputedPositions < plain[^1].ComputedPositions);
    }

    [Theory]
    [InlineData(AttentionKind.Causal, CacheKind.None)]
    [InlineData(AttentionKind.Full, CacheKind.Prefix)]
    [InlineData(AttentionKind.Full, CacheKind.Active)]
    public void Steps_CacheOfTheCanvasBefore_IsForgotten(AttentionKind kind, CacheKind cache)
    {
        TransformerDenoiser network = TinyNetwork.Of(s_config with { AttentionKind = kind });
        var options = new SamplerOptions { BlockSize = 6, Temperature = 0.7, Seed = 5, Cache = cache };
        Sampler sampler = new(network);
        sampler.Run(Hole(), options with { Seed = 7 });
        List<DenoisingStep> again = [.. sampler.Steps(Hole(), options)];
        List<DenoisingStep> fresh = Run(network, Hole(), options);
        Assert.Equal(fresh.SelectMany(step => step.Commits), again.SelectMany(step => step.Commits));
        Assert.Equal(fresh[^1].ComputedPositions, again[^1].ComputedPositions);
    }

    [Fact]
    public void Steps_Guidance_UsesACacheForEachSide()
    {
        var options = new SamplerOptions { Steps = 6, CfgScale = 1.5, Cache = CacheKind.Dual };
        List<DenoisingStep> exact = Run(TinyNetwork.Of(s_config), Hole(), options with { CacheRefresh = 1 });
        List<DenoisingStep> plain = Run(TinyNetwork.Of(s_config), Hole(), options with { Cache = CacheKind.None });
        Assert.Equal(plain.SelectMany(step => step.Commits), exact.SelectMany(step => step.Commits));
    }

    [Fact]
    public void Steps_NetworkWithoutCaches_IsRefusedByName()
    {
        var sampler = new Sampler(new Uncached(TinyNetwork.Of(s_config)));
        string message = Assert.Throws<CinnabarException>(
            () => sampler.Run(Hole(), new SamplerOptions { Cache = CacheKind.Dual })).Message;
        Assert.Contains("Cache = Dual", message);
    }

    private static Canvas Continuation() => Canvas.ForContinuation([5, 6, 7, 8, 9, 10, 11, 12, 13, 14], L - 10, s_tokens);

    private static Canvas Hole() => new(
        [
            CanvasSegment.Text([.. Enumerable.Range(5, 10)]),
            CanvasSegment.Hole(12),
            CanvasSegment.Text([.. Enumerable.Range(20, 18)]),
        ],
        new CanvasTokens(0, 1, null));

    private static List<DenoisingStep> Run(IDenoiser network, Canvas canvas, SamplerOptions options) =>
        [.. new Sampler(network).Steps(canvas, options)];

    // Positions that each step computed.
    private static int[] Computed(List<DenoisingStep> steps) =>
        [.. steps.Select((step, i) => (int)(step.ComputedPositions - (i == 0 ? 0 : steps[i - 1].ComputedPositions)))];

    /// <summary>The same network without its caches.</summary>
    private sealed class Uncached(TransformerDenoiser network) : IDenoiser
    {
        public int VocabularySize => network.VocabularySize;

        public int MaxLength => network.MaxLength;

        public int MaskTokenId => network.MaskTokenId;

        public int? BlockSize => network.BlockSize;

        public Tensor Logits(ReadOnlySpan<int> ids, ReadOnlySpan<int> rows) => network.Logits(ids, rows);
    }
}
