using Cinnabar.Diffusion;
using Cinnabar.Sampling;

namespace Cinnabar.Tests.Sampling;

public sealed class GrowingHoleTests
{
    private const int V = 20;
    private const int Mask = 19;
    private const int Eos = 18;
    private const int Pad = 17;
    private const int Expand = 16;
    private const int Left = 15;
    private const int Right = 14;
    private static readonly CanvasTokens s_tokens = new(Mask, Eos, Pad) { ExpandTokenId = Expand };

    [Theory]
    [InlineData(1, 8)]
    [InlineData(2, 8)]
    [InlineData(5, 8)]
    [InlineData(8, 8)]
    public void Run_NetworkThatKnowsTheText_FindsItsLength(int first, int most)
    {
        int[] text = [1, 2, 3, 4, 5];
        Canvas canvas = CanvasOf(CanvasSegment.GrowingHole(first, most));
        List<DenoisingStep> steps = [.. new Sampler(Knows(text)).Steps(canvas, new SamplerOptions())];
        Assert.Equal(text, canvas.TextOf(0));
        Assert.Equal([Left, .. text, Right], canvas.Text());
        Assert.Equal(Math.Max(first, 5), canvas.Holes[0].Length);
        Assert.Equal(Math.Max(0, 5 - first), steps.Sum(step => step.Expanded.Count));
        Assert.Equal(0, canvas.NoisyCount);
    }

    [Fact]
    public void Run_HoleThatIsFull_TakesTheNextBestToken()
    {
        Canvas canvas = CanvasOf(CanvasSegment.GrowingHole(1, 3));
        new Sampler(Knows([1, 2, 3, 4, 5])).Run(canvas, new SamplerOptions());
        Assert.Equal(3, canvas.Holes[0].Length);
        Assert.Equal([1, 2, 3], canvas.TextOf(0));
    }

    [Fact]
    public void Run_HoleThatDoesNotGrow_NeverHoldsTheExpandToken()
    {
        Canvas canvas = CanvasOf(CanvasSegment.Hole(3));
        new Sampler(Knows([1, 2, 3, 4, 5])).Run(canvas, new SamplerOptions());
        Assert.Equal([1, 2, 3], canvas.TextOf(0));
    }

    [Fact]
    public void Run_TwoHoles_GrowTogetherAndKeepKnownText()
    {
        int[] text = [1, 2, 3, 4, 5];
        Canvas canvas = new(
            [
                CanvasSegment.Text([Left]), CanvasSegment.GrowingHole(2, 6), CanvasSegment.Text([Right, 7, 8, Left]),
                CanvasSegment.GrowingHole(1, 6), CanvasSegment.Text([Right]),
            ],
            s_tokens);
        new Sampler(Knows(text)).Run(canvas, new SamplerOptions { Threshold = 0.5 });
        Assert.Equal([Left, .. text, Right, 7, 8, Left, .. text, Right], canvas.Text());
    }

    [Theory]
    [InlineData(2)]
    [InlineData(5)]
    public void Run_GivenSteps_EndsInTimeAndWithoutExpandTokens(int count)
    {
        Canvas canvas = CanvasOf(CanvasSegment.GrowingHole(2, 9));
        List<DenoisingStep> steps = [.. new Sampler(Knows([1, 2, 3, 4, 5])).Steps(canvas, new SamplerOptions { Steps = count })];
        Assert.True(steps.Count <= count);
        Assert.Equal(0, canvas.NoisyCount);
        Assert.DoesNotContain(Expand, canvas.Ids.ToArray());
    }

    [Fact]
    public void Run_CopyOfAnEarlierStep_StaysAsItWas()
    {
        Canvas canvas = CanvasOf(CanvasSegment.GrowingHole(1, 8));
        List<(Canvas Copy, int Length)> seen = [];
        foreach (DenoisingStep step in new Sampler(Knows([1, 2, 3, 4])).Steps(canvas, new SamplerOptions()))
        {
            seen.Add((step.Canvas.Copy(), step.Canvas.Length));
        }

        Assert.All(seen, step => Assert.Equal(step.Length, step.Copy.Length));
        Assert.True(seen[0].Length < seen[^1].Length);
        Assert.All(seen, step => Assert.Equal(step.Length - 2, step.Copy.Holes[0].Length));
    }

    [Theory]
    [InlineData(2, 3)]
    [InlineData(3, 5)]
    [InlineData(1, 8)]
    public void Report_SeveralThatWantMoreThanThereIsRoom_TellsOfThoseThatGrew(int first, int most)
    {
        TableDenoiser greedy = new(V, Mask, (_, position, token) => token == Expand ? 9 : token == 1 ? 5 : 0);
        Canvas canvas = CanvasOf(CanvasSegment.GrowingHole(first, most));
        List<DenoisingStep> steps = [.. new Sampler(greedy).Steps(canvas, new SamplerOptions { Threshold = 0.1 })];
        Assert.Equal(most, canvas.Holes[0].Length);
        Assert.Equal(most - first, steps.Sum(step => step.Expanded.Count));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    [InlineData(6)]
    public void Run_LeastLength_TextIsNoShorter(int least)
    {
        Canvas canvas = CanvasOf(CanvasSegment.Hole(6, least));
        new Sampler(Knows([1])).Run(canvas, new SamplerOptions());
        Assert.Equal(Math.Max(1, least), canvas.TextOf(0).Length);
    }

    [Fact]
    public void Check_WithBlocksOrPins_SaysWhatDoesNotGoTogether()
    {
        Canvas canvas = CanvasOf(CanvasSegment.GrowingHole(2, 4));
        string error = Assert.Throws<CinnabarException>(
            () => new Sampler(Knows([1])).Run(canvas, new SamplerOptions { BlockSize = 2 })).Message;
        Assert.Contains("holes that grow", error, StringComparison.Ordinal);

        canvas.Pin(1, 5);
        Assert.Throws<CinnabarException>(() => new Sampler(Knows([1])).Run(canvas, new SamplerOptions()));
    }

    [Fact]
    public void Canvas_BadLengths_AreRefused()
    {
        Assert.Throws<CinnabarException>(() => CanvasOf(CanvasSegment.GrowingHole(5, 4)));
        Assert.Throws<CinnabarException>(() => CanvasOf(CanvasSegment.Hole(4, 5)));
    }

    private static Canvas CanvasOf(CanvasSegment hole) =>
        new([CanvasSegment.Text([Left]), hole, CanvasSegment.Text([Right])], s_tokens);

    // Between Left and Right it wants the text, and says so at the last position of the hole where that is too short. Positions to the
    // left are surer. Second best is always a token of the text.
    private static TableDenoiser Knows(int[] text) => new(V, Mask, (ids, position, token) =>
    {
        int start = Array.LastIndexOf(ids, Left, position) + 1;
        int end = Array.IndexOf(ids, Right, position);
        int place = position - start;
        int wanted = place >= text.Length ? Pad : text[place];
        bool isShort = position == end - 1 && end - start < text.Length;
        double sure = 10 - (0.1 * place);
        return token == Expand && isShort ? sure + 5 : token == wanted ? sure : 0;
    });
}
