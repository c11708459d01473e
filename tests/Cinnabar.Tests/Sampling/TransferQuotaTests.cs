using Cinnabar.Sampling;

namespace Cinnabar.Tests.Sampling;

public sealed class TransferQuotaTests
{
    [Theory]
    [InlineData(10, 4, new[] { 3, 3, 2, 2 })]
    [InlineData(4, 4, new[] { 1, 1, 1, 1 })]
    [InlineData(2, 4, new[] { 1, 1, 0, 0 })]
    [InlineData(0, 2, new[] { 0, 0 })]
    [InlineData(7, 1, new[] { 7 })]
    public void Even_Shares_PutTheRemainderFirst(int total, int shares, int[] expected) =>
        Assert.Equal(expected, Enumerable.Range(0, shares).Select(i => TransferQuota.Even(total, shares, i)));

    [Fact]
    public void Even_AnyTotal_SumsToIt()
    {
        for (int total = 0; total < 50; total++)
        {
            for (int shares = 1; shares < 20; shares++)
            {
                Assert.Equal(total, Enumerable.Range(0, shares).Sum(i => TransferQuota.Even(total, shares, i)));
            }
        }
    }

    [Fact]
    public void Timestep_TenMasksInFourSteps_IsDreams2224() => Assert.Equal([2, 2, 2, 4], Timesteps(10, 4));

    [Fact]
    public void Timestep_MoreStepsThanMasks_TransfersNothingInSome()
    {
        int[] quotas = Timesteps(4, 16);
        Assert.Equal(4, quotas.Sum());
        Assert.Contains(0, quotas);
    }

    [Fact]
    public void StayProbability_FourSteps_MatchesTheComputedValues()
    {
        double[] expected = [0.75025, 0.66711, 0.50100, 0];
        for (int i = 0; i < 4; i++)
        {
            Assert.Equal(expected[i], TransferQuota.StayProbability(4, i), 1e-5);
        }
    }

    private static int[] Timesteps(int masks, int steps)
    {
        var quotas = new int[steps];
        for (int i = 0; i < steps; i++)
        {
            quotas[i] = TransferQuota.Timestep(masks, steps, i);
            masks -= quotas[i];
        }

        return quotas;
    }
}
