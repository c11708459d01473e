using Cinnabar.Checkpoints;
using Cinnabar.Diffusion;
using Cinnabar.Models;
using Cinnabar.Numerics.Kernels;
using Cinnabar.Sampling;
using Cinnabar.Tests.Models;

namespace Cinnabar.Tests.Sampling;

public sealed class DraftedRunTests
{
    private static readonly CanvasTokens s_tokens = new(0, 1, null);
    private static readonly ModelConfig s_config = TinyNetwork.Config with { MaxSequenceLength = 60, ShiftLogits = true };

    [Theory]
    [InlineData(null, 0)]
    [InlineData(null, 7)]
    [InlineData(1, 0)]
    [InlineData(1, 5)]
    [InlineData(4, 1)]
    [InlineData(16, 0)]
    [InlineData(16, 7)]
    [InlineData(256, 7)]
    public void Run_RandomNetwork_WritesWhatItWouldWriteLeftToRight(int? drafts, int prompt)
    {
        Canvas canvas = Continued(prompt, 40);
        SamplerOptions options = new() { LeftToRight = drafts is null, DraftTokens = drafts };
        DenoisingStep[] steps = [.. new Sampler(TinyNetwork.Of(s_config)).Steps(canvas, options)];
        Assert.Equal(LeftToRight(Continued(prompt, 40)), canvas.Ids.ToArray());
        Assert.All(steps, step => Assert.Empty(step.Edits.Concat(step.Renoised.Select(_ => default(Commit)))));
        Assert.Equal(Enumerable.Range(prompt, 40), steps.SelectMany(step => step.Commits).Select(commit => commit.Position));
    }

    // Each token is the draw of its own position from the causal distribution, given the text before it.
    [Fact]
    public void Run_WithTemperature_DrawsFromTheCausalDistribution()
    {
        SamplerOptions options = new() { DraftTokens = 8, Temperature = 0.7, Seed = 5 };
        Canvas canvas = Continued(6, 40);
        new Sampler(TinyNetwork.Of(s_config)).Run(canvas, options);
        ICachingDenoiser causal = TinyNetwork.Of(s_config).ReadCausally();
        TokenDistribution distribution = new(causal.VocabularySize);
        LowConfidencePolicy policy = new();
        int end = 6 + canvas.TextOf(0).Length;
        Assert.True(end > 20, $"The text ends at {end}.");
        for (int position = 6; position < end; position++)
        {
            Span<float> row = causal.Logits(canvas.Ids[..(position + 1)], [position]).Row(0);
            CounterRandom random = new(options.Seed, 1, position);
            distribution.Load(row, s_tokens.Forbidden(HoleKind.Continuation), options, random, position, policy);
            Assert.Equal(distribution.TokenId, canvas.Ids[position]);
        }
    }

    [Fact]
    public void Run_AnyNumberOfDrafts_WritesTheSameText()
    {
        int[][] texts = [.. ((int[])[1, 3, 16]).Select(drafts =>
        {
            Canvas canvas = Continued(6, 40);
            SamplerOptions options = new() { DraftTokens = drafts, Temperature = 1.2, TopP = 0.95, TopK = 30, Seed = 8, Alternatives = 2 };
            new Sampler(TinyNetwork.Of(s_config)).Run(canvas, options);
            return canvas.Ids.ToArray();
        })];
        Assert.Equal(texts[0], texts[1]);
        Assert.Equal(texts[0], texts[2]);
    }

    [Fact]
    public void Run_DraftsThatFit_KeepsTheWindowAndOneMoreAndWidensIt()
    {
        TwoReadings network = new(first: 10);
        Canvas canvas = new([CanvasSegment.Text([10]), CanvasSegment.Continuation(60)], s_tokens);
        DenoisingStep[] steps = [.. new Sampler(network).Steps(canvas, new() { DraftTokens = 24 })];
        Assert.Equal([8, 16, 25, 11], steps.Select(step => step.Commits.Count));
        Assert.Equal([7, 8, 15, 16, 24, 25, 10, 11], network.Passes);
        Assert.Equal(8, steps[^1].ForwardPasses);
        Assert.Equal(Enumerable.Range(10, 61), canvas.Ids.ToArray());
    }

    [Fact]
    public void Run_DraftsThatDoNotFit_KeepsTheTokensBeforeAndTheRightOne()
    {
        TwoReadings network = new(first: 10, wrongDrafts: [3, 5, 6]);
        Canvas canvas = new([CanvasSegment.Text([10]), CanvasSegment.Continuation(20)], s_tokens);
        DenoisingStep[] steps = [.. new Sampler(network).Steps(canvas, new() { DraftTokens = 16 })];

        // Of 7 drafts for 1 … 7 two fit; of 3 for 4 … 6 one; of 1 for 6 none; then all of 1, 3 and 7.
        Assert.Equal([3, 2, 1, 2, 4, 8], steps.Select(step => step.Commits.Count));
        Assert.Equal([7, 8, 3, 4, 1, 2, 1, 2, 3, 4, 7, 8], network.Passes);
        Assert.Equal(Enumerable.Range(10, 21), canvas.Ids.ToArray());
    }

    [Fact]
    public void Run_WithoutDrafts_TakesAPassForEachToken()
    {
        TwoReadings network = new(first: 10);
        Canvas canvas = new([CanvasSegment.Text([10]), CanvasSegment.Continuation(5)], s_tokens);
        int passes = new Sampler(network).Run(canvas, new() { LeftToRight = true });
        Assert.Equal(5, passes);
        Assert.Equal([1, 1, 1, 1, 1], network.Passes);
        Assert.Equal(Enumerable.Range(10, 6), canvas.Ids.ToArray());
    }

    [Fact]
    public void Run_EndOfText_SettlesTheRestAtOnce()
    {
        CanvasTokens tokens = new(0, 14, null);
        Canvas canvas = new([CanvasSegment.Text([10]), CanvasSegment.Continuation(30)], tokens);
        DenoisingStep step = Assert.Single(new Sampler(new TwoReadings(first: 10)).Steps(canvas, new() { DraftTokens = 8 }));
        Assert.Equal(30, step.Commits.Count);
        Assert.Equal([11, 12, 13], canvas.TextOf(0));
    }

    // What is behind noise is seen by a network that sees both sides, and by no other.
    [Fact]
    public void Run_TokenPinnedBehindNoise_IsSeenAsWithoutDrafts()
    {
        int[][] texts = [.. ((int?[])[8, null]).Select(drafts =>
        {
            Canvas canvas = Continued(3, 12);
            canvas.Pin(9, 20);
            new Sampler(TinyNetwork.Of(s_config)).Run(canvas, new() { DraftTokens = drafts });
            return canvas.Ids.ToArray();
        })];
        Assert.Equal(texts[1], texts[0]);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(40)]
    public void Run_CanvasThatIsPartlyWritten_GoesOnBehindIt(int steps)
    {
        Canvas canvas = Continued(5, 40);
        SamplerOptions options = new() { DraftTokens = 2, MaxPasses = 300 };
        foreach (DenoisingStep step in new Sampler(TinyNetwork.Of(s_config)).Steps(canvas, options).Take(steps))
        {
            Assert.NotEmpty(step.Commits);
        }

        new Sampler(TinyNetwork.Of(s_config)).Run(canvas, options);
        Assert.Equal(LeftToRight(Continued(5, 40)), canvas.Ids.ToArray());
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 1)]
    [InlineData(3, 3)]
    [InlineData(7, 7)]
    public void Run_MaxPasses_DraftsAsLongAsItMayAndThenWritesTheRest(int most, int expected)
    {
        TwoReadings network = new(first: 10, wrongDrafts: [2, 4, 8, 9, 12, 15, 17, 29]);
        Canvas canvas = new([CanvasSegment.Text([10]), CanvasSegment.Continuation(30)], s_tokens);
        DenoisingStep[] steps = [.. new Sampler(network).Steps(canvas, new() { DraftTokens = 8, MaxPasses = most })];
        Assert.Equal(expected, steps[^1].ForwardPasses);
        Assert.Equal(expected, network.Passes.Count);
        Assert.Equal((expected + 1) / 2, steps.Length);
        Assert.Equal(0, canvas.NoisyCount);
        Assert.Equal(3, canvas.Ids[29]); // a draft that nobody verified
        int verified = steps[..^1].Sum(step => step.Commits.Count);
        Assert.Equal(Enumerable.Range(11, verified), canvas.Ids.Slice(1, verified).ToArray());
    }

    [Fact]
    public void Run_SeveralCanvasesAtOnce_EachBecomesWhatItBecomesAlone()
    {
        SamplerOptions[] options =
        [
            new() { DraftTokens = 8, Temperature = 1, Seed = 3 }, new() { Temperature = 1, Seed = 3 }, new() { DraftTokens = 2, Seed = 4 },
        ];
        Canvas[] together = [.. options.Select((_, i) => Continued(3 + i, 20 + i))];
        new Sampler(TinyNetwork.Of(s_config)).Run(together, options);
        for (int i = 0; i < options.Length; i++)
        {
            Canvas alone = Continued(3 + i, 20 + i);
            new Sampler(TinyNetwork.Of(s_config)).Run(alone, options[i]);
            Assert.Equal(alone.Ids.ToArray(), together[i].Ids.ToArray());
        }
    }

    [Fact]
    public void Run_TheSameSamplerAgain_ForgetsTheCanvasBefore()
    {
        Sampler sampler = new(TinyNetwork.Of(s_config));
        SamplerOptions options = new() { DraftTokens = 8 };
        sampler.Run(Continued(9, 30), options);
        Canvas second = Continued(4, 25);
        sampler.Run(second, options);
        Assert.Equal(LeftToRight(Continued(4, 25)), second.Ids.ToArray());
    }

    [Fact]
    public void Run_HoleWithTextBehindIt_IsFilledAsWithoutDrafts()
    {
        Canvas[] canvases = [.. Enumerable.Range(0, 2).Select(_ =>
            new Canvas([CanvasSegment.Text([5, 6, 7]), CanvasSegment.Hole(12), CanvasSegment.Text([8])], s_tokens))];
        int[] passes =
        [
            new Sampler(TinyNetwork.Of(s_config)).Run(canvases[0], new() { DraftTokens = 8, MaxPasses = 5 }),
            new Sampler(TinyNetwork.Of(s_config)).Run(canvases[1], new() { MaxPasses = 5 }),
        ];
        Assert.Equal(canvases[1].Ids.ToArray(), canvases[0].Ids.ToArray());
        Assert.Equal([5, 5], passes);
    }

    [Fact]
    public void Check_WhatCannotBeDrafted_IsRefusedByName()
    {
        SamplerOptions options = new() { DraftTokens = 8 };
        CinnabarException reading = Assert.Throws<CinnabarException>(
            () => new Sampler(TinyNetwork.Of(s_config with { ShiftLogits = false })).Run(Continued(3, 9), new() { LeftToRight = true }));
        Assert.Contains("the option LeftToRight", reading.Message, StringComparison.Ordinal);
        Refused(TinyNetwork.Of(s_config with { ShiftLogits = false }), Continued(3, 9), "shift_logits False");
        Refused(TinyNetwork.Of(s_config with { AttentionKind = AttentionKind.Causal }), Continued(3, 9), "attention_kind Causal");
        Refused(new TableDenoiser(12, 0, (_, _, token) => token == 5 ? 9 : 0), Continued(3, 9), "left to right");

        void Refused(IDenoiser network, Canvas canvas, string word)
        {
            string message = Assert.Throws<CinnabarException>(() => new Sampler(network).Run(canvas, options)).Message;
            Assert.Contains("the option DraftTokens", message, StringComparison.Ordinal);
            Assert.Contains(word, message, StringComparison.Ordinal);
            Assert.Equal(9, canvas.NoisyCount);
        }
    }

    private static Canvas Continued(int prompt, int tokens) =>
        Canvas.ForContinuation([.. Enumerable.Range(0, prompt).Select(i => 3 + (i * 5 % 7))], tokens, s_tokens);

    // Token after token, by the network with causal attention and without caches.
    private static int[] LeftToRight(Canvas canvas)
    {
        TransformerDenoiser causal = TinyNetwork.Of(s_config with { AttentionKind = AttentionKind.Causal });
        int[] ids = canvas.Ids.ToArray();
        for (int position = canvas.Holes[0].Start; position < ids.Length; position++)
        {
            float[] row = causal.Logits(ids.AsSpan(..(position + 1)), [position]).Row(0).ToArray();
            foreach (int forbidden in s_tokens.Forbidden(HoleKind.Continuation))
            {
                row[forbidden] = float.NegativeInfinity;
            }

            ids[position] = Array.IndexOf(row, row.Max());
            if (s_tokens.Ends(HoleKind.Continuation, ids[position]))
            {
                Array.Fill(ids, ids[position], position, ids.Length - position);
                break;
            }
        }

        return ids;
    }
}
