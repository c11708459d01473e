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

    /// <summary>A clock that moves on by 10 ms with each pass.</summary>
    private sealed class Clock : TimeProvider
    {
        public const long Millisecond = TimeSpan.TicksPerMillisecond;

        private int _lastPosition = int.MaxValue;

        public long Now { get; private set; }

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => Now;

        // A pass asks for rows in ascending order, so a smaller position is a new pass.
        public void Advance(int position, int token)
        {
            if (token == 0)
            {
                Now += position <= _lastPosition ? 10 * Millisecond : 0;
                _lastPosition = position;
            }
        }
    }
}
