namespace Cinnabar.Tests;

public sealed class ContextWindowTests
{
    [Fact]
    public void Choose_EverythingFits_KeepsEverything()
    {
        KeptText[] kept = ContextWindow.Choose([10, 0, 7], holeTokens: 5, limit: 22);

        Assert.Equal([10, 0, 7], kept.Select(k => k.Count));
    }

    [Fact]
    public void Choose_LongTextAroundAHole_KeepsTwoThirdsBefore()
    {
        KeptText[] kept = ContextWindow.Choose([1000, 1000], holeTokens: 10, limit: 100);

        Assert.Equal(new KeptText(0, 60), kept[0]);
        Assert.Equal(new KeptText(30, 0), kept[1]);
    }

    [Theory]
    [InlineData(5, 1000, 5, 85)]
    [InlineData(1000, 5, 85, 5)]
    public void Choose_OneSideShort_GivesTheOtherTheRest(int before, int after, int keptBefore, int keptAfter)
    {
        KeptText[] kept = ContextWindow.Choose([before, after], holeTokens: 10, limit: 100);

        Assert.Equal(keptBefore, kept[0].Tail);
        Assert.Equal(keptAfter, kept[1].Head);
    }

    [Fact]
    public void Choose_HolesFarApart_DropsTheMiddleBetweenThem()
    {
        KeptText[] kept = ContextWindow.Choose([500, 500, 500], holeTokens: 20, limit: 110);

        Assert.Equal(new KeptText(0, 30), kept[0]);
        Assert.Equal(new KeptText(15, 30), kept[1]);
        Assert.Equal(new KeptText(15, 0), kept[2]);
    }

    [Fact]
    public void Choose_RandomTexts_FitsAndWastesLittle()
    {
        Random random = new(5);
        for (int round = 0; round < 500; round++)
        {
            int[] lengths = [.. Enumerable.Range(0, 2 + random.Next(4)).Select(_ => random.Next(random.Next(300) + 1))];
            int holes = (lengths.Length - 1) * (1 + random.Next(20));
            int limit = holes + (13 * lengths.Length) + random.Next(300);

            KeptText[] kept = ContextWindow.Choose(lengths, holes, limit);

            int sum = kept.Sum(k => k.Count);
            Assert.All(kept.Zip(lengths), pair => Assert.InRange(pair.First.Count, 0, pair.Second));
            Assert.True(holes + sum <= limit);
            Assert.True(sum == lengths.Sum() || holes + sum > limit - (2 * lengths.Length), "More would have fitted.");
        }
    }

    [Fact]
    public void Choose_HolesDoNotFit_TellsBothNumbers()
    {
        CinnabarException failure = Assert.Throws<CinnabarException>(() => ContextWindow.Choose([50, 50], holeTokens: 95, limit: 96));

        Assert.Contains("95 tokens", failure.Message);
        Assert.Contains("96 tokens", failure.Message);
    }
}
