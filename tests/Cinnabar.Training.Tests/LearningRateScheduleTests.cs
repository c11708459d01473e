namespace Cinnabar.Training.Tests;

public sealed class LearningRateScheduleTests
{
    private static readonly TrainingOptions s_options = new()
    {
        Steps = 100, WarmupSteps = 10, DecaySteps = 20, LearningRate = 0.5, FinalLearningRateRatio = 0.1,
    };

    [Theory]
    [InlineData(1, 0.05)]
    [InlineData(5, 0.25)]
    [InlineData(10, 0.5)]
    [InlineData(11, 0.5)]
    [InlineData(80, 0.5)]
    [InlineData(90, 0.275)]
    [InlineData(99, 0.0725)]
    [InlineData(100, 0.05)]
    [InlineData(101, 0.05)]
    public void At_Wsd_WarmsUpStaysAndDecaysLinearly(int step, double expected) =>
        Assert.Equal(expected, LearningRateSchedule.At(step, s_options), 1e-12);

    [Fact]
    public void At_WsdWithoutDecay_StaysToTheEnd() => Assert.Equal(0.5, LearningRateSchedule.At(100, s_options with { DecaySteps = 0 }));

    [Theory]
    [InlineData(1, 0.05)]
    [InlineData(10, 0.5)]
    [InlineData(40, 0.3875)] // a third of the way: 0.1 + 0.9 · ¾
    [InlineData(55, 0.275)]
    [InlineData(100, 0.05)]
    [InlineData(101, 0.05)]
    public void At_Cosine_WarmsUpAndFallsToTheFinalShare(int step, double expected) =>
        Assert.Equal(expected, LearningRateSchedule.At(step, s_options with { Schedule = "cosine" }), 1e-12);

    [Theory]
    [InlineData("wsd")]
    [InlineData("cosine")]
    public void At_AnyLengths_StaysBetweenZeroAndTheHighest(string schedule)
    {
        foreach ((int steps, int warmup, int decay) in ((int, int, int)[])[(1, 0, 0), (1, 5, 5), (10, 0, 20), (10, 10, 0), (10, 20, 3)])
        {
            TrainingOptions options = s_options with { Schedule = schedule, Steps = steps, WarmupSteps = warmup, DecaySteps = decay };
            for (int step = 1; step <= steps; step++)
            {
                Assert.InRange(LearningRateSchedule.At(step, options), 1e-9, 0.5);
            }
        }
    }

    [Fact]
    public void At_WsdBeforeItsDecay_DoesNotDependOnTheNumberOfSteps()
    {
        for (int step = 1; step <= 80; step++)
        {
            Assert.Equal(LearningRateSchedule.At(step, s_options), LearningRateSchedule.At(step, s_options with { Steps = 1000 }));
        }
    }
}
