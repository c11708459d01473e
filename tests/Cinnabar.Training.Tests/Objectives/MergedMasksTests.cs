using Cinnabar.Diffusion;
using Cinnabar.Training.Objectives;

namespace Cinnabar.Training.Tests.Objectives;

public sealed class MergedMasksTests
{
    private const int Mask = 0;
    private const int Pad = 2;
    private const int Expand = 9;
    private const int End = 1;

    [Fact]
    public void Merge_EveryPair_LeavesOneMaskThatSaysExpand()
    {
        // a _ _ _ d pad pad of valid length 5, then _ b _ _ c e f.
        TrainingBatch batch = new(
            [11, Mask, Mask, Mask, 15, Pad, Pad, Mask, 22, Mask, Mask, 25, 26, 27],
            Batch: 2,
            ValidLengths: [5, 7],
            Rows: [1, 2, 3, 7, 9, 10],
            Targets: [12, 13, 14, 21, 23, 24],
            Scales: [1, 2, 3, 4, 5, 6]);
        TrainingBatch merged = MergedMasks.Merge(batch, share: 1, Expand, Pad, End, new DeterministicRandom(1));
        Assert.Equal([11, Mask, Mask, 15, Pad, Pad, Pad, Mask, 22, Mask, 25, 26, 27, Pad], merged.Ids);
        Assert.Equal([4, 6], merged.ValidLengths);
        Assert.Equal([1, 2, 7, 9], merged.Rows);
        Assert.Equal([Expand, 14, 21, Expand], merged.Targets);
        Assert.Equal([1f, 3f, 4f, 5f], merged.Scales);
    }

    [Fact]
    public void Merge_EndsOfText_StayAsTheyAre()
    {
        TrainingBatch batch = new(
            [11, Mask, Mask, Mask, Mask],
            Batch: 1,
            ValidLengths: [5],
            Rows: [1, 2, 3, 4],
            Targets: [12, End, End, End],
            Scales: [1, 1, 1, 1]);
        TrainingBatch merged = MergedMasks.Merge(batch, share: 1, Expand, Pad, End, new DeterministicRandom(1));
        Assert.Equal(batch.Ids, merged.Ids);
        Assert.Equal(batch.Targets, merged.Targets);
    }

    [Fact]
    public void Merge_PairsWithPaddingOrAcrossSequences_StayAsTheyAre()
    {
        TrainingBatch batch = new(
            [11, Mask, Mask, Mask, Mask, 22],
            Batch: 2,
            ValidLengths: [3, 3],
            Rows: [1, 2, 3, 4],
            Targets: [12, Pad, Pad, 21],
            Scales: [1, 1, 1, 1]);
        TrainingBatch merged = MergedMasks.Merge(batch, share: 1, Expand, Pad, End, new DeterministicRandom(1));
        Assert.Equal(batch.Ids, merged.Ids);
        Assert.Equal(batch.Rows, merged.Rows);
        Assert.Equal(batch.Targets, merged.Targets);
    }

    [Fact]
    public void Merge_AShare_MergesAboutSoMany()
    {
        int[] rows = [.. Enumerable.Range(0, 4000)];
        TrainingBatch batch = new(
            new int[4000], Batch: 1, ValidLengths: [4000], rows, Targets: [.. rows.Select(_ => 5)], Scales: [.. rows.Select(_ => 1f)]);
        TrainingBatch merged = MergedMasks.Merge(batch, share: 0.5, Expand, Pad, End, new DeterministicRandom(7));
        int expands = merged.Targets.Count(target => target == Expand);

        // From each place on, half of the time two masks are used up: 4000 / 1.5 draws.
        Assert.InRange(expands, 1200, 1470);
        Assert.Equal(4000 - expands, merged.ValidLengths[0]);
        Assert.Equal(merged.Rows, Enumerable.Range(0, 4000 - expands));
    }
}
