using Cinnabar.Sampling;

namespace Cinnabar.Tests.Sampling;

public sealed class StepPolicyTests
{
    [Theory]
    [InlineData(Remasking.LowConfidence, typeof(LowConfidencePolicy))]
    [InlineData(Remasking.Random, typeof(RandomPolicy))]
    [InlineData(Remasking.Entropy, typeof(EntropyPolicy))]
    [InlineData(Remasking.Margin, typeof(MarginPolicy))]
    [InlineData(Remasking.Origin, typeof(OriginPolicy))]
    public void From_EachRemasking_GivesItsPolicy(Remasking remasking, Type expected) =>
        Assert.IsType(expected, StepPolicy.From(new() { Remasking = remasking }));

    [Theory]
    [InlineData(0, 0)]
    [InlineData(2, 2)]
    [InlineData(9, 3)]
    public void Count_OrderPolicy_IsTheQuotaAtMostWhatIsLeft(int quota, int expected) =>
        Assert.Equal(expected, new LowConfidencePolicy().Count([0.9, 0.5, 0.1], new StepContext(0, 4, quota)));

    [Theory]
    [InlineData(0.95, 1, 1)]
    [InlineData(0.9, 1, 1)]
    [InlineData(0.5, 1, 2)]
    [InlineData(0.5, 3, 3)]
    [InlineData(0.05, 1, 3)]
    [InlineData(0.5, 0, 2)]
    public void Count_Threshold_IsAllThatReachItAndAtLeastTheQuota(double threshold, int quota, int expected)
    {
        var policy = new ConfidenceThresholdPolicy(threshold, new LowConfidencePolicy());
        Assert.Equal(expected, policy.Count([0.9, 0.5, 0.1], new StepContext(0, 4, quota)));
    }

    [Theory]
    [InlineData(new[] { 0.1, 0.1 }, 1.0, 1)]
    [InlineData(new[] { 0.9, 0.7, 0.7, 0.7 }, 1.0, 2)]
    [InlineData(new[] { 0.9, 0.85, 0.82, 0.81 }, 1.0, 4)]
    [InlineData(new[] { 0.9, 0.66, 0.65, 0.64 }, 1.0, 1)]
    [InlineData(new[] { 0.9, 0.55, 0.52, 0.51 }, 2.0, 3)]
    [InlineData(new double[0], 1.0, 0)]
    public void Count_Factor_IsTheLongestPrefixAboveItsBounds(double[] scores, double factor, int expected)
    {
        // Bounds for f = 1: none, 2/3, 3/4, 4/5; for f = 2: none, 1/3, 1/2, 3/5.
        var policy = new ConfidenceFactorPolicy(factor, new LowConfidencePolicy());
        Assert.Equal(expected, policy.Count(scores, new StepContext(0, 4, 1)));
    }

    [Fact]
    public void Count_Origin_TakesThoseAboveTheStayProbabilityAndAllAtLast()
    {
        double[] scores = [0.9, 0.76, 0.74, 0.1];
        Assert.Equal(2, new OriginPolicy().Count(scores, new StepContext(0, 4, 0)));
        Assert.Equal(4, new OriginPolicy().Count(scores, new StepContext(3, 4, 0)));
        Assert.Equal(0, new OriginPolicy().Count([0.7], new StepContext(0, 4, 1)));
    }

    [Fact]
    public void NeedsPass_QuotaZero_OnlyWhereScoresDecide()
    {
        var zero = new StepContext(0, 4, 0);
        Assert.False(new EntropyPolicy().NeedsPass(zero));
        Assert.True(new EntropyPolicy().NeedsPass(zero with { Quota = 1 }));
        Assert.True(new OriginPolicy().NeedsPass(zero));
        Assert.True(new ConfidenceThresholdPolicy(0.9, new LowConfidencePolicy()).NeedsPass(zero));
        Assert.True(new ConfidenceFactorPolicy(1, new LowConfidencePolicy()).NeedsPass(zero));
    }
}
