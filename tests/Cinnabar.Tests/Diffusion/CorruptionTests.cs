using Cinnabar.Diffusion;

namespace Cinnabar.Tests.Diffusion;

public sealed class CorruptionTests
{
    private const int MaskId = 99;

    [Fact]
    public void Mask_ProbabilityZeroAndOne_MasksNothingAndAll()
    {
        int[] ids = [1, 2, 3, 4];
        Assert.Empty(Corruption.Mask(ids, [0, 2], 0, MaskId, new DeterministicRandom(1)));
        Assert.Equal([1, 2, 3, 4], ids);
        Assert.Equal([0, 2], Corruption.Mask(ids, [0, 2], 1, MaskId, new DeterministicRandom(1)));
        Assert.Equal([MaskId, 2, MaskId, 4], ids);
    }

    [Fact]
    public void Mask_ManyPositions_MasksThatShareAndReportsIt()
    {
        int[] ids = new int[20_000];
        int[] maskable = [.. Enumerable.Range(0, 10_000).Select(i => i * 2)];
        int[] masked = Corruption.Mask(ids, maskable, 0.3, MaskId, new DeterministicRandom(2));
        Assert.Equal(0.3, masked.Length / 10_000.0, 0.023);
        Assert.Equal(masked, Enumerable.Range(0, ids.Length).Where(i => ids[i] == MaskId));
    }

    [Fact]
    public void Mask_LargerProbabilitySameSeed_MasksASuperset()
    {
        int[] maskable = [.. Enumerable.Range(0, 200)];
        int[] few = Corruption.Mask(new int[200], maskable, 0.2, MaskId, new DeterministicRandom(3));
        int[] many = Corruption.Mask(new int[200], maskable, 0.6, MaskId, new DeterministicRandom(3));
        Assert.Subset(many.ToHashSet(), few.ToHashSet());
        Assert.True(many.Length > few.Length);
    }

    [Theory]
    [InlineData(-0.01)]
    [InlineData(1.01)]
    [InlineData(double.NaN)]
    public void Mask_ImpossibleProbability_Throws(double probability) => Assert.Throws<ArgumentOutOfRangeException>(
        () => Corruption.Mask(new int[1], [0], probability, MaskId, new DeterministicRandom(1)));

    [Fact]
    public void MaskTail_AnyShare_MasksTheLastOnesAndAsManyOnAverage()
    {
        int[] maskable = [1, 3, 5, 7, 9];
        DeterministicRandom random = new(4);
        foreach (double share in new[] { 0, 0.25, 0.5, 0.6, 1 })
        {
            double sum = 0;
            for (int i = 0; i < 4000; i++)
            {
                int[] ids = new int[10];
                int[] masked = Corruption.MaskTail(ids, maskable, share, MaskId, random);
                Assert.Equal(maskable[^masked.Length..], masked);
                Assert.Equal(masked, Enumerable.Range(0, 10).Where(id => ids[id] == MaskId));
                Assert.InRange(masked.Length, Math.Floor(share * 5), Math.Ceiling(share * 5));
                sum += masked.Length;
            }

            Assert.Equal(share * 5, sum / 4000, 0.05);
        }

        Assert.Empty(Corruption.MaskTail(new int[1], [], 1, MaskId, random));
    }

    [Fact]
    public void MaskExactly_EveryCount_MasksThatMany()
    {
        int[] maskable = [1, 3, 5, 7, 9];
        for (int count = 0; count <= 5; count++)
        {
            int[] ids = new int[10];
            int[] masked = Corruption.MaskExactly(ids, maskable, count, MaskId, new DeterministicRandom((ulong)count));
            Assert.Equal(count, masked.Length);
            Assert.Equal(masked, Enumerable.Range(0, 10).Where(i => ids[i] == MaskId));
            Assert.Subset(maskable.ToHashSet(), masked.ToHashSet());
        }

        Assert.Throws<ArgumentOutOfRangeException>(
            () => Corruption.MaskExactly(new int[10], maskable, 6, MaskId, new DeterministicRandom(1)));
    }

    [Fact]
    public void MaskExactly_ManyDraws_ChoosesEverySubsetEquallyOften()
    {
        var random = new DeterministicRandom(8);
        var counts = new Dictionary<(int, int), double>();
        for (int i = 0; i < 10_000; i++)
        {
            int[] masked = Corruption.MaskExactly(new int[5], [0, 1, 2, 3, 4], 2, MaskId, random);
            counts[(masked[0], masked[1])] = counts.GetValueOrDefault((masked[0], masked[1])) + 1;
        }

        Assert.Equal(10, counts.Count);
        Assert.True(ChiSquare.Fits([.. counts.Values], Enumerable.Repeat(0.1, 10)));
    }
}
