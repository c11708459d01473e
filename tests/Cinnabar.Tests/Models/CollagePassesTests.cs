using Cinnabar.Diffusion;
using Cinnabar.Models;
using Cinnabar.Numerics;
using Cinnabar.Sampling;

namespace Cinnabar.Tests.Models;

/// <summary>What a collage asks its network for, and where its segments meet.</summary>
public sealed class CollagePassesTests
{
    [Theory]
    [InlineData(4, 1)]
    [InlineData(9, 4)]
    [InlineData(16, 7)]
    [InlineData(17, 2)]
    [InlineData(64, 8)]
    public void PartsOf_AnyShift_NoneIsShortAndNoPositionIsInThree(int segment, int overlap)
    {
        CollageDenoiser collage = new(new Plain(segment), segment, overlap);
        for (int length = segment + 1; length < 4 * segment; length++)
        {
            for (int shift = 0; shift < segment - overlap - 1; shift++)
            {
                int[] counts = new int[length];
                int[] segments = new int[length];
                foreach (CollageDenoiser.Part part in collage.PartsOf(length, shift))
                {
                    int least = part.IsOverlap ? overlap + 1 : part.From == 0 ? segment - shift : (segment + 1) / 2;
                    Assert.InRange(part.Length, least, part.From == 0 ? least : segment);
                    for (int i = part.From; i < part.To; i++)
                    {
                        counts[i] += part.IsOverlap ? -1 : 1;
                        segments[i] += part.IsOverlap ? 0 : 1;
                    }
                }

                Assert.True(counts.All(count => count == 1), $"{length} positions, shift {shift}: one is not counted once.");
                Assert.True(segments.Max() == 2, $"{length} positions, shift {shift}: one is in {segments.Max()} segments.");
            }
        }
    }

    [Theory]
    [InlineData(16, 4)]
    [InlineData(64, 8)]
    [InlineData(33, 16)]
    public void Logits_GridThatMoves_MeetsAtEveryPlaceOnceInTurn(int segment, int overlap)
    {
        int[] ids = [.. Enumerable.Range(0, 4 * segment)];
        int[] first = FirstSegments(moves: true);
        Assert.Equal(segment, first[0]);
        Assert.Equal(Enumerable.Range(overlap + 2, first.Length), first.Order());
        Assert.Equal(first, FirstSegments(moves: true)); // anew for a new text
        Assert.All(FirstSegments(moves: false), length => Assert.Equal(segment, length));

        // Lengths of the segment from position 0, in as many passes as there are places.
        int[] FirstSegments(bool moves)
        {
            Plain network = new(segment);
            CollageDenoiser collage = new(network, segment, overlap, moves);
            for (int pass = 0; pass < segment - overlap - 1; pass++)
            {
                collage.Logits(ids, ids);
            }

            return [.. network.Asked.Where(asked => asked.Ids[0] == 0).Select(asked => asked.Ids.Length)];
        }
    }

    [Fact]
    public void Logits_GridThatMoves_IsDividedAsItsPassSays()
    {
        int[] ids = [.. Enumerable.Range(0, 50)];
        Plain network = new(16);
        CollageDenoiser collage = new(network, 16, 4, moves: true);
        collage.Logits(ids, ids);
        network.Asked.Clear();
        collage.Logits(ids, ids);

        // Segments end 11 apart; the golden ratio's share of that is 4.
        (int, int)[] expected = [.. collage.PartsOf(50, shift: 4).Select(part => (part.SeesFrom, part.Length))];
        (int, int)[] found = [.. network.Asked.Select(asked => (asked.Ids[0], asked.Ids.Length))];
        Assert.Equal(expected, found);
    }

    [Fact]
    public void Logits_GuidedStep_HasOneGridForBothOfItsPasses()
    {
        Plain network = new(16);
        CollageDenoiser collage = new(network, 16, 4, moves: true);
        Canvas canvas = Canvas.ForContinuation([0, 1], 60, new CanvasTokens(Plain.Mask, null, null));
        List<int[]> steps = []; // lengths of what was asked for
        new Sampler(collage).Run(
            canvas,
            new SamplerOptions { CfgScale = 1, Steps = 3, MaxNewTokens = 60, Remasking = Remasking.Random },
            observer: _ =>
            {
                steps.Add([.. network.Asked.Select(asked => asked.Ids.Length)]);
                network.Asked.Clear();
            });
        Assert.Equal(3, steps.Count);
        foreach (int[] asked in steps)
        {
            Assert.Equal(asked[..(asked.Length / 2)], asked[(asked.Length / 2)..]);
        }

        Assert.NotEqual(steps[0], steps[1]);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Logits_MoreThanAPassMayHave_AreThoseOfOnePass(bool inBatches)
    {
        TransformerDenoiser network = new(TinyNetwork.Config, TinyNetwork.Weights(TinyNetwork.Config), KernelTable.Create(threads: 1));
        int segment = network.MaxLength;
        int[] ids = [.. Enumerable.Range(0, 3 * segment).Select(i => i % 5 == 0 ? 4 + (i % 7) : network.MaskTokenId)];
        int[] rows = [.. Enumerable.Range(0, ids.Length).Where(i => i % 3 != 0)];
        float[] expected = new CollageDenoiser(network, segment, 2).Logits(ids, rows).Floats.ToArray();

        const int MostRows = 6; // fewer than a segment has
        Plain counted = inBatches ? new InBatches(network) : new Plain(network);
        CollageDenoiser collage = new(counted, segment, 2) { MostLogits = (MostRows * network.VocabularySize) + 1 };
        Assert.Equal(expected, collage.Logits(ids, rows).Floats.ToArray());
        List<(int[] Ids, int Rows)> asked = counted.Asked;
        Assert.All(asked, one => Assert.InRange(one.Rows, 1, MostRows));
        Assert.Equal(asked.Sum(one => (long)one.Ids.Length), collage.ComputedPositions);
        Assert.True(asked.Count > collage.PartsOf(ids.Length).Count, $"{asked.Count} parts are no more than there are.");
        if (counted is InBatches batches)
        {
            Assert.All(batches.RowsOfPasses, count => Assert.InRange(count, 1, MostRows));
            Assert.Contains(batches.SequencesOfPasses, count => count > 1);
        }
    }

    [Fact]
    public void ComputedPositions_OfAPass_AreThoseOfPartsWithRows()
    {
        int[] ids = [.. Enumerable.Range(0, 50)];
        Plain network = new(16);
        CollageDenoiser collage = new(network, 16, 4);
        collage.Logits(ids, [3]); // in the first segment alone
        Assert.Equal(16, collage.ComputedPositions);
        collage.Logits(ids, [13]); // in the first, the second and their overlap, which sees one position more
        Assert.Equal(16 + 16 + 5, collage.ComputedPositions);
        collage.Logits(ids[..9], [3]);
        Assert.Equal(9, collage.ComputedPositions);
        Assert.Equal(16 + 37 + 9, network.Asked.Sum(asked => asked.Ids.Length));
    }

    [Fact]
    public void Run_Collage_ReportsThePositionsThatWereComputed()
    {
        Plain network = new(16);
        CollageDenoiser collage = new(network, 16, 4, moves: true);
        Canvas canvas = Canvas.ForContinuation([0], 80, new CanvasTokens(Plain.Mask, null, null));
        SamplerOptions options = new() { Steps = 8, Remasking = Remasking.Random, Seed = 2 };
        List<DenoisingStep> steps = [.. new Sampler(collage).Steps(canvas, options)];
        Assert.Equal(network.Asked.Sum(asked => (long)asked.Ids.Length), steps[^1].ComputedPositions);
        Assert.NotEqual(8L * 81, steps[^1].ComputedPositions);
    }

    [Fact]
    public void Run_TextOfMoreLogitsThanMemoryHolds_SaysSo()
    {
        const int V = 1 << 20;
        CollageDenoiser collage = new(new Plain(16, V), 16, 4);
        Canvas canvas = Canvas.ForContinuation([0], 600, new CanvasTokens(Plain.Mask, null, null));
        string message = Assert.Throws<CinnabarException>(
            () => new Sampler(collage).Run(canvas, new SamplerOptions { Steps = 4 })).Message;
        Assert.Contains($"at most 511 tokens (the logits of more, {V} a token, do not fit into 2 GiB of memory), found 601", message);
        Assert.DoesNotContain("network's limit", message);
    }

    [Fact]
    public void LogitSums_AnyLength_AreThoseOfOneIdAfterTheOther()
    {
        DeterministicRandom random = new(3);
        for (int length = 0; length < 40; length++)
        {
            float[] sum = [.. Enumerable.Range(0, length).Select(_ => Drawn())];
            float[] row = [.. Enumerable.Range(0, length).Select(_ => Drawn())];
            float[] added = [.. sum];
            float[] taken = [.. sum];
            LogitSums.Add(added, row);
            LogitSums.Subtract(taken, row);
            Assert.Equal(sum.Zip(row, (a, b) => a + b), added);
            Assert.Equal(sum.Zip(row, (a, b) => float.IsNegativeInfinity(b) ? a : a - b), taken);
        }

        float Drawn() => random.NextInt(4) == 0 ? float.NegativeInfinity : (float)random.NextGaussian();
    }

    /// <summary>Remembers what it was asked for; without another network its logits are all 0.</summary>
    private class Plain : IDenoiser
    {
        public const int Mask = 3;

        private readonly IDenoiser? _network;

        public Plain(int most, int vocabularySize = 4) => (MaxLength, VocabularySize, MaskTokenId) = (most, vocabularySize, Mask);

        public Plain(IDenoiser network)
        {
            _network = network;
            (MaxLength, VocabularySize, MaskTokenId) = (network.MaxLength, network.VocabularySize, network.MaskTokenId);
        }

        public List<(int[] Ids, int Rows)> Asked { get; } = [];

        public int VocabularySize { get; }

        public int MaxLength { get; }

        public int MaskTokenId { get; }

        public Tensor Logits(ReadOnlySpan<int> ids, ReadOnlySpan<int> rows)
        {
            Asked.Add((ids.ToArray(), rows.Length));
            return _network?.Logits(ids, rows) ?? Tensor.Zeros(rows.Length, VocabularySize);
        }
    }

    private sealed class InBatches : Plain, IBatchDenoiser
    {
        private readonly TransformerDenoiser _batch;
        private int _rows;
        private int _sequences;

        public InBatches(TransformerDenoiser network)
            : base(network) => _batch = network;

        public List<int> RowsOfPasses { get; } = [];

        public List<int> SequencesOfPasses { get; } = [];

        public void BeginBatch()
        {
            (_rows, _sequences) = (0, 0);
            _batch.BeginBatch();
        }

        public void AddToBatch(ReadOnlySpan<int> ids, ReadOnlySpan<int> rows)
        {
            Asked.Add((ids.ToArray(), rows.Length));
            _rows += rows.Length;
            _sequences++;
            _batch.AddToBatch(ids, rows);
        }

        public Tensor LogitsOfBatch()
        {
            RowsOfPasses.Add(_rows);
            SequencesOfPasses.Add(_sequences);
            return _batch.LogitsOfBatch();
        }
    }
}
