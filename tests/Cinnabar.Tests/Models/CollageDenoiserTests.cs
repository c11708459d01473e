using Cinnabar.Diffusion;
using Cinnabar.Models;
using Cinnabar.Numerics;
using Cinnabar.Numerics.Kernels;
using Cinnabar.Sampling;

namespace Cinnabar.Tests.Models;

public sealed class CollageDenoiserTests
{
    private const int Mask = 3;
    private static readonly double[] s_first = [0.5, 0.3, 0.2];
    private static readonly double[][] s_next = [[0.1, 0.6, 0.3], [0.5, 0.1, 0.4], [0.7, 0.2, 0.1]];

    [Theory]
    [InlineData(9, 4, 1)]
    [InlineData(100, 16, 7)]
    [InlineData(101, 17, 8)]
    [InlineData(12_000, 512, 64)]
    [InlineData(11_760, 512, 64)] // a last segment of 138 positions begins earlier
    [InlineData(11_700, 512, 64)] // so does one of 78, less far: it would meet the last but one
    public void PartsOf_AnyLength_EachPositionCountsOnce(int length, int segment, int overlap)
    {
        CollageDenoiser collage = new(new Chain(segment), segment, overlap);
        int[] counts = new int[length];
        foreach (CollageDenoiser.Part part in collage.PartsOf(length))
        {
            Assert.InRange(part.To - part.SeesFrom, 2, segment);
            Assert.Equal(part.From, part.From == 0 ? part.SeesFrom : part.SeesFrom + 1);
            Assert.InRange(part.To - part.From, overlap, part.IsOverlap && part.To < length - (segment / 2) ? overlap : segment);
            for (int i = part.From; i < part.To; i++)
            {
                counts[i] += part.IsOverlap ? -1 : 1;
            }
        }

        Assert.All(counts, count => Assert.Equal(1, count));
    }

    [Fact]
    public void BordersOf_SegmentsOfSix_AreBothEndsOfOverlaps()
    {
        // 0 … 5 answers for itself, 6 sees from 4 on and answers for 5 … 9, the next sees from 8 on: overlaps 5, and 9.
        CollageDenoiser collage = new(new Chain(6), 6, 1);
        Assert.Equal([5, 6, 9, 10], collage.BordersOf(14));
        Assert.Empty(collage.BordersOf(6));
    }

    [Fact]
    public void Logits_ShortText_AreThoseOfTheNetwork()
    {
        Chain chain = new(8);
        int[] ids = [0, Mask, 2, Mask, Mask, 1, Mask, 0];
        Assert.Equal(chain.Logits(ids, [1, 4]).Floats.ToArray(), new CollageDenoiser(chain, 8, 2).Logits(ids, [1, 4]).Floats.ToArray());
    }

    [Theory]
    [InlineData(6, 1)]
    [InlineData(7, 2)]
    [InlineData(9, 4)]
    public void Logits_OverlapOfAChain_AreThoseOfTheWholeText(int segment, int length)
    {
        const int Length = 14;
        Chain whole = new(Length);
        CollageDenoiser collage = new(new Chain(segment), segment, length);
        CollageDenoiser.Part[] parts = [.. collage.PartsOf(Length)];
        Assert.Equal(5, parts.Length);
        DeterministicRandom random = new(1);
        for (int trial = 0; trial < 50; trial++)
        {
            int[] ids = [.. Enumerable.Range(0, Length).Select(_ => random.NextInt(3) == 0 ? random.NextInt(3) : Mask)];
            for (int i = 1; i < parts.Length; i += 2)
            {
                for (int place = parts[i].From; place < parts[i].To; place++)
                {
                    // Nothing known in the other segments: the text between is what the collage cannot see through.
                    (int first, int end) = (parts[i - 1].SeesFrom, parts[i + 1].To);
                    int[] near = [.. ids.Select((id, at) => at >= first && at < end && at != place ? id : Mask)];
                    double[] expected = Probabilities(whole.Logits(near, [place]));
                    double[] found = Probabilities(collage.Logits(near, [place]));
                    for (int v = 0; v < 3; v++)
                    {
                        Assert.Equal(expected[v], found[v], 3e-5);
                    }
                }
            }
        }
    }

    [Theory]
    [InlineData(null)]
    [InlineData(8)]
    public void Run_LongText_FillsItInTheStepsAskedFor(int? blockSize)
    {
        const int Length = 3000;
        CollageDenoiser collage = new(new Chain(64), 64, 8, moves: blockSize is null);
        Canvas canvas = Canvas.ForContinuation([0], Length, new CanvasTokens(Mask, null, null));
        SamplerOptions options = new() { Steps = 100, Temperature = 1, Remasking = Remasking.Random, BlockSize = blockSize };
        int passes = new Sampler(collage).Run(canvas, options);
        Assert.Equal(100, passes);
        int[] text = canvas.TextOf(0);
        Assert.Equal(Length, text.Length);
        double[] pairs = new double[9];
        foreach ((int word, int next) in text.Zip(text.Skip(1)))
        {
            pairs[(3 * word) + next]++;
        }

        // A few positions of a step are drawn side by side without each other, so pairs are near their share, not exact.
        double[] shares = Stationary();
        for (int pair = 0; pair < 9; pair++)
        {
            Assert.Equal(shares[pair / 3] * s_next[pair / 3][pair % 3], pairs[pair] / (Length - 1), 0.03);
        }
    }

    [Fact]
    public void Logits_WhatNoSegmentThinksPossible_IsImpossible()
    {
        int[] ids = [.. Enumerable.Repeat(0, 14)];
        int[] rows = [.. Enumerable.Range(0, ids.Length)];
        Tensor logits = new CollageDenoiser(new Certain(6), 6, 2).Logits(ids, rows);
        for (int row = 0; row < logits.Rows; row++)
        {
            Assert.Equal([0f, float.NegativeInfinity, float.NegativeInfinity], logits.Row(row)[..3].ToArray());
        }
    }

    [Fact]
    public void Logits_InBatches_AreThoseOfOneAfterTheOther()
    {
        TransformerDenoiser network = new(TinyNetwork.Config, TinyNetwork.Weights(TinyNetwork.Config), KernelTable.Create(threads: 1));
        int segment = network.MaxLength;
        int[] ids = [.. Enumerable.Range(0, 3 * segment).Select(i => i % 5 == 0 ? 4 + (i % 7) : network.MaskTokenId)];
        int[] rows = [.. Enumerable.Range(0, ids.Length).Where(i => i % 3 != 0)];
        float[] together = new CollageDenoiser(network, segment, 2).Logits(ids, rows).Floats.ToArray();
        Assert.Equal(together, new CollageDenoiser(new Alone(network), segment, 2).Logits(ids, rows).Floats.ToArray());
    }

    [Fact]
    public void Constructor_WrongLengthOrNetwork_SaysWhatWasExpected()
    {
        Chain chain = new(16);
        Assert.Contains("segments of 4 … 16", Assert.Throws<CinnabarException>(() => new CollageDenoiser(chain, 17, 1)).Message);
        Assert.Contains("overlap by 1 … 7", Assert.Throws<CinnabarException>(() => new CollageDenoiser(chain, 16, 8)).Message);
        Assert.Contains("overlap by 1 … 7", Assert.Throws<CinnabarException>(() => new CollageDenoiser(chain, 16, 0)).Message);
        var causal = TinyNetwork.Config with { AttentionKind = AttentionKind.Causal };
        TransformerDenoiser network = new(causal, TinyNetwork.Weights(causal), KernelTable.Create(threads: 1));
        Assert.Contains("both sides", Assert.Throws<CinnabarException>(() => new CollageDenoiser(network, network.MaxLength, 1)).Message);
    }

    private static double[] Probabilities(Tensor logits)
    {
        double[] row = [.. logits.Row(0)[..3].ToArray().Select(logit => Math.Exp(logit))];
        return [.. row.Select(value => value / row.Sum())];
    }

    private static double[] Stationary()
    {
        double[] shares = s_first;
        for (int i = 0; i < 200; i++)
        {
            shares = [.. Enumerable.Range(0, 3).Select(w => Enumerable.Range(0, 3).Sum(v => shares[v] * s_next[v][w]))];
        }

        return shares;
    }

    private sealed class Alone(IDenoiser network) : IDenoiser
    {
        public int VocabularySize => network.VocabularySize;

        public int MaxLength => network.MaxLength;

        public int MaskTokenId => network.MaskTokenId;

        public Tensor Logits(ReadOnlySpan<int> ids, ReadOnlySpan<int> rows) => network.Logits(ids, rows);
    }

    /// <summary>The exact posterior of a stationary chain of three words, whatever window of it is seen.</summary>
    private sealed class Chain(int most) : IDenoiser
    {
        private static readonly double[] s_shares = Stationary();

        public int VocabularySize => 4;

        public int MaxLength => most;

        public int MaskTokenId => Mask;

        public Tensor Logits(ReadOnlySpan<int> ids, ReadOnlySpan<int> rows)
        {
            Assert.InRange(ids.Length, 1, most);
            double[,] ahead = new double[ids.Length, 3]; // of what stands before, without the position's own token
            double[,] behind = new double[ids.Length, 3];
            for (int i = 0; i < ids.Length; i++)
            {
                int last = ids.Length - 1 - i;
                for (int w = 0; w < 3; w++)
                {
                    ahead[i, w] = i == 0 ? s_shares[w] : 0;
                    behind[last, w] = i == 0 ? 1 : 0;
                    for (int v = 0; i > 0 && v < 3; v++)
                    {
                        ahead[i, w] += ids[i - 1] == v || ids[i - 1] == Mask ? ahead[i - 1, v] * s_next[v][w] : 0;
                        behind[last, w] += ids[last + 1] == v || ids[last + 1] == Mask ? behind[last + 1, v] * s_next[w][v] : 0;
                    }
                }
            }

            Tensor logits = Tensor.Zeros(rows.Length, 4);
            for (int r = 0; r < rows.Length; r++)
            {
                for (int w = 0; w < 3; w++)
                {
                    logits.Row(r)[w] = (float)Math.Log(ahead[rows[r], w] * behind[rows[r], w]);
                }

                logits.Row(r)[Mask] = -1e4f;
            }

            return logits;
        }
    }

    // Sure of token 0, like the networks of MDLM of a token that stands.
    private sealed class Certain(int length) : IDenoiser
    {
        public int VocabularySize => 4;

        public int MaxLength => length;

        public int MaskTokenId => Mask;

        public Tensor Logits(ReadOnlySpan<int> ids, ReadOnlySpan<int> rows)
        {
            Tensor logits = Tensor.Zeros(rows.Length, VocabularySize);
            for (int row = 0; row < rows.Length; row++)
            {
                logits.Row(row)[1..].Fill(float.NegativeInfinity);
            }

            return logits;
        }
    }
}
