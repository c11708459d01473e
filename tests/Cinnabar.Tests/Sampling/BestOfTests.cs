using Cinnabar.Diffusion;
using Cinnabar.Models;
using Cinnabar.Numerics;
using Cinnabar.Sampling;

namespace Cinnabar.Tests.Sampling;

public sealed class BestOfTests
{
    private const int Mask = 3;
    private static readonly CanvasTokens s_tokens = new(Mask, null, null);
    private static readonly SamplerOptions s_drawn = new() { Temperature = 1, Seed = 5 };

    [Fact]
    public void Run_ManyTexts_KeepsTheMostProbableOfThem()
    {
        Sampler sampler = new(new Biased());
        Canvas empty = Canvas.ForContinuation([0], 6, s_tokens);
        List<double> each = [];
        for (ulong n = 0; n < 32; n++)
        {
            Canvas alone = empty.Copy();
            sampler.Run(alone, s_drawn with { Seed = s_drawn.Seed + n });
            each.Add(BestOf.LogProbability(alone));
        }

        (Canvas best, PassCount work) = BestOf.Run(sampler, empty, s_drawn, 32);
        Assert.Equal(each.Max(), BestOf.LogProbability(best));
        Assert.True(each.Min() < each.Max());
        Assert.Equal(6, empty.NoisyCount);
        Assert.Equal(32 * 6, work.ForwardPasses);
        Assert.True(work.ComputedPositions >= 32 * 6);
    }

    [Fact]
    public void LogProbability_OneTokenAPass_IsThatOfTheText()
    {
        Canvas canvas = Canvas.ForContinuation([0], 6, s_tokens);
        new Sampler(new Biased()).Run(canvas, s_drawn);
        double expected = canvas.TextOf(0).Sum(id => Math.Log(Biased.Probabilities[id]));
        Assert.Equal(expected, BestOf.LogProbability(canvas), 1e-5);
    }

    [Fact]
    public void LogProbability_TextThatEnds_CountsItsEndOnceAndNothingBehind()
    {
        const int End = 2;
        SamplerOptions options = s_drawn with { Remasking = Remasking.Random };
        int early = 0;
        for (ulong seed = 0; seed < 40; seed++)
        {
            Canvas canvas = Canvas.ForContinuation([0], 6, new CanvasTokens(Mask, End, null));
            new Sampler(new Biased()).Run(canvas, options with { Seed = seed });
            int[] text = canvas.TextOf(0);
            double expected = text.Sum(id => Math.Log(Biased.Probabilities[id]));
            expected += text.Length < 6 ? Math.Log(Biased.Probabilities[End]) : 0;
            Assert.Equal(expected, BestOf.LogProbability(canvas), 1e-5);
            early += text.Length < 5 ? 1 : 0; // something stands behind the end
        }

        Assert.InRange(early, 1, 39);
    }

    [Fact]
    public void LogProbability_HoleOfWhichPartIsText_CountsThatPart()
    {
        Canvas canvas = new([CanvasSegment.Text([0]), CanvasSegment.Continuation(6, mostText: 4)], s_tokens);
        new Sampler(new Biased()).Run(canvas, s_drawn);
        int[] text = canvas.TextOf(0);
        Assert.Equal(4, text.Length);
        Assert.Equal(text.Sum(id => Math.Log(Biased.Probabilities[id])), BestOf.LogProbability(canvas), 1e-5);
    }

    [Fact]
    public void Run_WithoutTemperature_IsRefusedUnlessOneIsWanted()
    {
        Sampler sampler = new(new Biased());
        Canvas canvas = Canvas.ForContinuation([0], 2, s_tokens);
        SamplerOptions greedy = s_drawn with { Temperature = 0 };
        Assert.Contains("temperature above 0", Assert.Throws<CinnabarException>(() => BestOf.Run(sampler, canvas, greedy, 2)).Message);
        Assert.Equal([0, 0], BestOf.Run(sampler, canvas, greedy, 1).Canvas.TextOf(0));
        Assert.Throws<ArgumentOutOfRangeException>(() => BestOf.Run(sampler, canvas, s_drawn, 0));
        foreach (Remasking drawn in (Remasking[])[Remasking.Random, Remasking.Origin])
        {
            Assert.Equal([0, 0], BestOf.Run(sampler, canvas, greedy with { Remasking = drawn }, 2).Canvas.TextOf(0));
        }
    }

    [Fact]
    public void Run_Cancelled_StopsBeforeTheNextPass()
    {
        using CancellationTokenSource source = new();
        TableDenoiser network = new(4, Mask, (_, _, _) =>
        {
            source.Cancel();
            return 0;
        });

        Assert.Throws<OperationCanceledException>(
            () => BestOf.Run(new Sampler(network), Canvas.ForContinuation([0], 6, s_tokens), s_drawn, 2, source.Token));
        Assert.InRange(network.AskedIds.Count, 1, 2); // of 12
    }

    /// <summary>Says the same of every position, whatever stands beside it.</summary>
    private sealed class Biased : IDenoiser
    {
        public static readonly double[] Probabilities = [0.6, 0.3, 0.1];

        public int VocabularySize => 4;

        public int MaxLength => 16;

        public int MaskTokenId => Mask;

        public Tensor Logits(ReadOnlySpan<int> ids, ReadOnlySpan<int> rows)
        {
            Tensor logits = Tensor.Zeros(rows.Length, VocabularySize);
            for (int i = 0; i < rows.Length; i++)
            {
                for (int id = 0; id < Probabilities.Length; id++)
                {
                    logits.Row(i)[id] = (float)Math.Log(Probabilities[id]);
                }
            }

            return logits;
        }
    }
}
