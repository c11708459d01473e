using Cinnabar.Diffusion;
using Cinnabar.Sampling;

namespace Cinnabar.Tests.Sampling;

public sealed class BestLengthsTests
{
    private const int V = 20;
    private const int Mask = 19;
    private const int Pad = 17;
    private const int Left = 15;
    private const int Right = 14;
    private static readonly CanvasTokens s_tokens = new(Mask, null, Pad);

    [Fact]
    public void Search_OneLengthThatTheNetworkIsSureOf_KeepsItsText()
    {
        BestLengths best = new([(0, 12)]);
        List<int[]> tried = Run(best);
        Assert.Equal([5], best.Lengths);
        Assert.Equal([1, 2, 3, 4, 5], best.Filled!.TextOf(0));
        Assert.Equal(best.Score, BestOf.MeanLogProbability(best.Filled));

        // All positions, from which end tokens leave three, then three ± 2 and 2, 4, 8.
        Assert.Equal([12, 1, 2, 3, 4, 5, 8], tried.Select(lengths => lengths[0]));
    }

    [Fact]
    public void Search_ProbedLength_IsTriedWithItsNeighboursInsteadOfShortOnes()
    {
        List<int[]> tried = Run(new BestLengths([(2, 12)], [11]));
        Assert.Equal([12, 2, 3, 4, 5, 10, 11], tried.Select(lengths => lengths[0]));
    }

    [Fact]
    public void Search_SeveralHoles_GoesThroughThemInTurn()
    {
        BestLengths best = new([(0, 9), (4, 4), (0, 9)]);
        List<int[]> tried = Run(best);
        Assert.Equal([5, 4, 5], best.Lengths);
        Assert.All(tried, lengths => Assert.Equal(4, lengths[1]));
        Assert.All(tried.SkipWhile(lengths => lengths[2] == 9), lengths => Assert.Equal(5, lengths[0]));
        Assert.Equal([1, 2, 3, 4, 5], best.Filled!.TextOf(2));
    }

    [Fact]
    public void Search_EqualScores_KeepsTheEarlierText()
    {
        BestLengths best = new([(0, 4)]);
        best.Next();
        Canvas filled = Filled([4]);
        best.Tell([filled]);
        int round = best.Next().Count;
        best.Tell([.. Enumerable.Repeat(filled.Copy(), round)]);
        Assert.Same(filled, best.Filled);
        Assert.Equal([4], best.Lengths);
        Assert.Empty(best.Next());
    }

    private static List<int[]> Run(BestLengths best)
    {
        List<int[]> tried = [];
        while (best.Next() is { Count: > 0 } round)
        {
            tried.AddRange(round.Select(lengths => lengths.ToArray()));
            best.Tell([.. round.Select(lengths => Filled(lengths))]);
        }

        return tried;
    }

    private static Canvas Filled(IReadOnlyList<int> lengths)
    {
        IEnumerable<CanvasSegment> segments = lengths.SelectMany(length => (CanvasSegment[])
            [CanvasSegment.Text([Left]), CanvasSegment.Hole(length), CanvasSegment.Text([Right])]);
        Canvas canvas = new([.. segments], s_tokens);
        new Sampler(Network()).Run(canvas, new SamplerOptions());
        return canvas;
    }

    // Wants 1, 2, 3 … between Left and Right, and ends the text behind three of them; sure only where it has five positions.
    private static TableDenoiser Network() => new(V, Mask, (ids, position, token) =>
    {
        int start = Array.LastIndexOf(ids, Left, position) + 1;
        int length = Array.IndexOf(ids, Right, position) - start;
        int place = position - start;
        int wanted = length != 5 && place >= 3 ? Pad : place + 1;
        return token == wanted ? (length == 5 ? 8 : 3) - (0.1 * place) : 0;
    });
}
