using Cinnabar.Diffusion;
using Cinnabar.Sampling;

namespace Cinnabar.Tests.Sampling;

public sealed class PassBudgetTests
{
    private const int V = 12;
    private const int Mask = 11;
    private static readonly CanvasTokens s_tokens = new(Mask, 10, 9);

    [Theory]
    [InlineData(10, 1, null, new[] { 10 })]
    [InlineData(10, 4, null, new[] { 3, 3, 2, 2 })]
    [InlineData(10, 50, null, new[] { 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 })]
    [InlineData(10, 4, 5, new[] { 3, 2, 3, 2 })]
    [InlineData(10, 1, 2, new[] { 10 })]
    public void MaxPasses_FewerThanMasks_CommitsMoreAtATime(int masks, int most, int? blockSize, int[] expected) =>
        Assert.Equal(expected, Counts(masks, new() { MaxPasses = most, BlockSize = blockSize }, null));

    [Fact]
    public void MaxPasses_WithGuidance_CountsBothPasses() =>
        Assert.Equal([5, 5], Counts(10, new() { MaxPasses = 5, CfgScale = 1 }, null));

    [Theory]
    [InlineData(1, new[] { 1, 9 })]
    [InlineData(25, new[] { 1, 9 })]
    [InlineData(40, new[] { 1, 3, 3, 3 })]
    [InlineData(4000, new[] { 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 })]
    public void Deadline_PassesOfTenMilliseconds_FitsThem(int milliseconds, int[] expected)
    {
        var clock = new Clock();
        Assert.Equal(expected, Counts(10, new() { Deadline = TimeSpan.FromMilliseconds(milliseconds) }, clock));
        Assert.True(expected.Length == 2 || clock.Now <= milliseconds * Clock.Millisecond);
    }

    // The first step counts for itself and for the last one, which may be as slow; for all others only until there is another.
    [Theory]
    [InlineData(250, new[] { 1, 9 })]
    [InlineData(320, new[] { 1, 5, 1, 1, 1, 1 })]
    [InlineData(600, new[] { 1, 2, 1, 1, 1, 1, 1, 1, 1 })]
    public void Deadline_FirstPassOfAHundredMilliseconds_IsNotExpectedOfEachStep(int milliseconds, int[] expected)
    {
        var clock = new Clock { First = 100 };
        Assert.Equal(expected, Counts(10, new() { Deadline = TimeSpan.FromMilliseconds(milliseconds) }, clock));
        Assert.True(clock.Now <= milliseconds * Clock.Millisecond);
    }

    // Steps of 100 ms, which reads the text so far, and then of 10 ms, each with one token that was drafted wrongly, as long as a pass as
    // slow as the first step still fits; then one pass that writes the rest.
    [Theory]
    [InlineData(320, 13)]
    [InlineData(300, 11)]
    [InlineData(290, 1)]
    public void Deadline_Drafts_AreVerifiedAsLongAsThereIsTime(int milliseconds, int verified)
    {
        const int Tokens = 30;
        TwoReadings network = new(first: 10, [.. Enumerable.Range(1, Tokens)]);
        Canvas canvas = new([CanvasSegment.Text([10]), CanvasSegment.Continuation(Tokens)], new CanvasTokens(0, 1, null));
        Sampler sampler = new(network, time: new ClockOf(network));
        SamplerOptions options = new() { DraftTokens = 8, Deadline = TimeSpan.FromMilliseconds(milliseconds) };
        int[] counts = [.. sampler.Steps(canvas, options).Select(step => step.Commits.Count)];
        Assert.Equal([.. Enumerable.Repeat(1, verified), Tokens - verified], counts);
        Assert.Equal((2 * verified) + 1, network.Passes.Count);
    }

    private static int[] Counts(int masks, SamplerOptions options, Clock? clock)
    {
        var network = new TableDenoiser(V, Mask, (_, position, token) =>
        {
            clock?.Advance(position, token);
            return token == 1 ? 3 : 0;
        });
        Canvas canvas = new([CanvasSegment.Hole(masks)], s_tokens);
        int[] counts = [.. new Sampler(network, time: clock).Steps(canvas, options).Select(step => step.Commits.Count)];
        Assert.Equal(0, canvas.NoisyCount);
        return counts;
    }

    /// <summary>A clock that moves on by 50 ms with each of a network's first two passes, and by 5 ms with each of the others.</summary>
    private sealed class ClockOf(TwoReadings network) : TimeProvider
    {
        public override long TimestampFrequency => 1000;

        public override long GetTimestamp() => (5 * network.Passes.Count) + (45 * Math.Min(2, network.Passes.Count));
    }

    /// <summary>A clock that moves on by 10 ms with each pass but perhaps the first.</summary>
    private sealed class Clock : TimeProvider
    {
        public const long Millisecond = TimeSpan.TicksPerMillisecond;

        private int _lastPosition = int.MaxValue;

        public long First { get; init; } = 10; // ms

        public long Now { get; private set; }

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => Now;

        // A pass asks for rows in ascending order, so a smaller position is a new pass.
        public void Advance(int position, int token)
        {
            if (token == 0)
            {
                Now += position > _lastPosition ? 0 : Now == 0 ? First * Millisecond : 10 * Millisecond;
                _lastPosition = position;
            }
        }
    }
}
