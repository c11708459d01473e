using Cinnabar.Checkpoints;
using Cinnabar.Diffusion;
using Cinnabar.Models;
using Cinnabar.Numerics.Kernels;
using Cinnabar.Sampling;
using Cinnabar.Tests.Models;

namespace Cinnabar.Tests.Sampling;

/// <summary>Holes with text behind them, filled left to right by a network that reads both ways.</summary>
public sealed class CausalInfillTests
{
    private const int Pad = 2;
    private const int Begin = 3;

    private static readonly CanvasTokens s_tokens = new(0, 1, Pad) { NeverEmitted = [Begin] };
    private static readonly ModelConfig s_config = TinyNetwork.Config with
    {
        MaxSequenceLength = 60, ShiftLogits = true, CausalInfill = true, BosTokenId = Begin,
    };

    private static readonly SamplerOptions s_leftToRight = new() { LeftToRight = true };

    // From an empty hole's to one that is filled to its last position, also at the end of the text.
    [Theory]
    [InlineData(null)]
    [InlineData(1)]
    [InlineData(16)]
    public void Run_Hole_IsWhatTheNetworkWritesBehindBothSides(int? drafts)
    {
        List<int> lengths = [];
        for (int seed = 0; seed < 40; seed++)
        {
            int[] before = Words(seed, 1 + (seed % 9)), after = Words(seed + 100, seed % 7);
            Canvas canvas = Holed(before, 12, after);
            DenoisingStep[] steps = [.. new Sampler(TinyNetwork.Of(s_config)).Steps(canvas, s_leftToRight with { DraftTokens = drafts })];
            int[] expected = LeftToRight(before, 12, after);
            Assert.Equal(expected, canvas.TextOf(0));
            Assert.Equal(0, canvas.NoisyCount);
            Assert.True(steps[^1].ForwardPasses <= (drafts is null ? 1 : 2) * (expected.Length + 1), $"{steps[^1].ForwardPasses} passes");
            lengths.Add(expected.Length);
        }

        Assert.Contains(lengths, length => length is > 0 and < 12);
        Assert.Contains(12, lengths);
    }

    // Both readings know the text that begins one, but the layout has one of its own.
    [Fact]
    public void Run_TextThatBegins_HasOneBeginning()
    {
        int[] before = [Begin, 5, 6], after = [8, 9];
        Canvas canvas = Holed(before, 6, after);
        new Sampler(TinyNetwork.Of(s_config)).Run(canvas, s_leftToRight);
        Assert.Equal(LeftToRight([5, 6], 6, after), canvas.TextOf(0));
    }

    // 57 tokens and three markers fill the context: what is far from the hole is left out.
    [Fact]
    public void Run_NoRoomForTheMarkers_LeavesOutWhatIsFarAway()
    {
        int[] before = Words(1, 33), after = Words(2, 17);
        Canvas canvas = Holed(before, 10, after);
        new Sampler(TinyNetwork.Of(s_config)).Run(canvas, s_leftToRight);
        KeptText[] kept = ContextWindow.Choose([33, 17], 13, 60);
        Assert.True(kept[0].Count + kept[1].Count < 50);
        Assert.Equal(LeftToRight(before[^kept[0].Tail..], 10, after[..kept[1].Head]), canvas.TextOf(0));
    }

    [Fact]
    public void Run_LeastLength_IsKept()
    {
        int ended = 0;
        for (int seed = 0; seed < 40; seed++)
        {
            (int[] before, int[] after) = (Words(seed, 5), Words(seed + 100, 5));
            ended += LeftToRight(before, 12, after).Length < 7 ? 1 : 0;
            Canvas canvas = new([CanvasSegment.Text(before), CanvasSegment.Hole(12, 7), CanvasSegment.Text(after)], s_tokens);
            new Sampler(TinyNetwork.Of(s_config)).Run(canvas, s_leftToRight);
            Assert.InRange(canvas.TextOf(0).Length, 7, 12);
        }

        Assert.True(ended > 3, $"{ended} would end before.");
    }

    // Without drafts the text ends where the passes do; with them the last pass writes the rest.
    [Theory]
    [InlineData(1)]
    [InlineData(5)]
    public void Run_MaxPasses_EndsTheText(int most)
    {
        for (int seed = 0; seed < 12; seed++)
        {
            (int[] before, int[] after) = (Words(seed, 5), Words(seed + 100, 5));
            Canvas canvas = Holed(before, 12, after);
            int passes = new Sampler(TinyNetwork.Of(s_config)).Run(canvas, s_leftToRight with { MaxPasses = most });
            int[] whole = LeftToRight(before, 12, after);
            Assert.Equal(whole[..Math.Min(most, whole.Length)], canvas.TextOf(0));
            Assert.Equal(0, canvas.NoisyCount);
            Assert.InRange(passes, 1, most);
        }

        Canvas least = new([CanvasSegment.Text(Words(1, 5)), CanvasSegment.Hole(12, 9), CanvasSegment.Text(Words(2, 5))], s_tokens);
        new Sampler(TinyNetwork.Of(s_config)).Run(least, s_leftToRight with { MaxPasses = most });
        Assert.InRange(least.TextOf(0).Length, 9, 12);
    }

    public static TheoryData<string> Others =>
        ["without the key", "two holes", "exact by its tokens", "exact by itself", "other ids", "no room", "at the beginning", "pinned"];

    [Theory]
    [MemberData(nameof(Others))]
    public void Run_OtherCanvases_AreFilledAsWithoutIt(string kind)
    {
        Canvas[] canvases = [.. Enumerable.Range(0, 2).Select(_ => OtherCanvas(kind))];
        TransformerDenoiser network = TinyNetwork.Of(kind == "without the key" ? s_config with { CausalInfill = false } : s_config);
        int passes = new Sampler(network).Run(canvases[0], s_leftToRight with { DraftTokens = 4 });
        Assert.Equal(new Sampler(network).Run(canvases[1], new SamplerOptions()), passes);
        Assert.Equal(canvases[1].Ids.ToArray(), canvases[0].Ids.ToArray());
    }

    private static Canvas OtherCanvas(string kind)
    {
        (CanvasSegment before, CanvasSegment after) = (CanvasSegment.Text(Words(3, 5)), CanvasSegment.Text(Words(4, 3)));
        Canvas canvas = kind switch
        {
            "two holes" => new([before, CanvasSegment.Hole(5), after, CanvasSegment.Hole(4), after], s_tokens),
            "exact by its tokens" => new([before, CanvasSegment.Hole(8), after], s_tokens with { PaddingTokenId = null }),
            "exact by itself" => new([before, CanvasSegment.Hole(8, 8), after], s_tokens),
            "at the beginning" => new([CanvasSegment.Text([Begin]), CanvasSegment.Hole(8), after], s_tokens),
            "other ids" => new([before, CanvasSegment.Hole(8), after], s_tokens with { PaddingTokenId = 1 }),
            "no room" => new([before, CanvasSegment.Hole(52), after], s_tokens),
            _ => new([before, CanvasSegment.Hole(8), after], s_tokens),
        };
        if (kind == "pinned")
        {
            canvas.Pin(9, 20);
        }

        return canvas;
    }

    private static int[] Words(int seed, int count) => [.. Enumerable.Range(0, count).Select(i => 4 + (((seed * 7) + (i * i * 5)) % 36))];

    private static Canvas Holed(int[] before, int length, int[] after) =>
        new([CanvasSegment.Text(before), CanvasSegment.Hole(length), CanvasSegment.Text(after)], s_tokens);

    // Token after token, by the network with causal attention and without caches, in the layout spelled out.
    private static int[] LeftToRight(int[] before, int most, int[] after)
    {
        ModelConfig config = s_config with { AttentionKind = AttentionKind.Causal };
        TransformerDenoiser causal = TinyNetwork.Of(config);
        List<int> ids = [Begin, config.MaskTokenId, .. after, Pad, .. before];
        int known = ids.Count;
        while (ids.Count < known + most)
        {
            float[] row = causal.Logits([.. ids, config.MaskTokenId], [ids.Count]).Row(0).ToArray();
            row[config.MaskTokenId] = row[Pad] = row[Begin] = float.NegativeInfinity;
            int next = Array.IndexOf(row, row.Max());
            if (next == config.EosTokenId)
            {
                break;
            }

            ids.Add(next);
        }

        return [.. ids[known..]];
    }
}
