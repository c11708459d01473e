using Cinnabar.Training.Corpora;

namespace Cinnabar.Training.Tests.Corpora;

public sealed class TrainOverlapTests
{
    [Theory]
    [InlineData(59, 0)]
    [InlineData(60, 60)]
    [InlineData(61, 61)]
    [InlineData(150, 150)]
    [InlineData(200, 200)]
    public void Share_RunOfTrain_CountsFromSixtyTokens(int run, int expected)
    {
        foreach (int start in (int[])[0, 17, 200 - run])
        {
            int[] heldOut = Tokens(1, 200);
            int[] train = [.. Tokens(2, 33), .. heldOut.AsSpan(Math.Min(start, 200 - run), run), .. Tokens(3, 90)];
            Assert.Equal(expected / 200.0, Share(heldOut, train));
        }
    }

    [Fact]
    public void Share_SeveralRuns_CountsEachTokenOnce()
    {
        int[] heldOut = Tokens(1, 300);
        Assert.Equal(170 / 300.0, Share(heldOut, heldOut[10..100], heldOut[40..120], heldOut[200..260], heldOut[10..100]));
    }

    [Fact]
    public void Share_RunAcrossTwoTrainDocuments_IsNone()
    {
        int[] heldOut = Tokens(1, 100);
        Assert.Equal(0, Share(heldOut, heldOut[..50], heldOut[50..]));
    }

    [Fact]
    public void Share_SameTokensInAnotherOrder_IsNone()
    {
        int[] heldOut = Tokens(1, 100);
        int[] reversed = [.. heldOut.AsEnumerable().Reverse()];
        Assert.Equal(0, Share(heldOut, reversed, [.. heldOut[1..50], heldOut[0], .. heldOut[50..]]));
    }

    [Fact]
    public void Share_DocumentShorterThanAWindow_IsNone()
    {
        int[] heldOut = Tokens(1, 59);
        Assert.Equal(0, Share(heldOut, heldOut));
        Assert.Equal(0, Share([], heldOut));
    }

    private static double Share(int[] heldOut, params int[][] train)
    {
        TrainOverlap overlap = new();
        overlap.AddHeldOut(heldOut);
        overlap.AddHeldOut(Tokens(99, 500));
        Array.ForEach(train, document => overlap.AddTrain(document));
        return overlap.Share(heldOut);
    }

    private static int[] Tokens(int seed, int count)
    {
        Random random = new(seed);
        return [.. Enumerable.Range(0, count).Select(_ => random.Next(8192))];
    }
}
