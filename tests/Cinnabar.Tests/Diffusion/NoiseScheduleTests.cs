using Cinnabar.Diffusion;

namespace Cinnabar.Tests.Diffusion;

public sealed class NoiseScheduleTests
{
    public static TheoryData<NoiseSchedule> Schedules => [new LinearSchedule(), new CosineSchedule()];

    [Theory]
    [MemberData(nameof(Schedules))]
    public void Alpha_FromCleanToNoise_FallsFromOneToZero(NoiseSchedule schedule)
    {
        Assert.Equal(1, schedule.Alpha(0), 12);
        Assert.Equal(0, schedule.Alpha(1), 12);
        for (int i = 0; i < 100; i++)
        {
            Assert.True(schedule.Alpha((i + 1) / 100.0) < schedule.Alpha(i / 100.0));
            Assert.Equal(1 - schedule.Alpha(i / 100.0), schedule.MaskProbability(i / 100.0), 12);
        }
    }

    [Theory]
    [MemberData(nameof(Schedules))]
    public void AlphaDerivative_AndWeight_MatchCentralDifferences(NoiseSchedule schedule)
    {
        const double H = 1e-5;
        for (int i = 1; i < 20; i++)
        {
            double t = i / 20.0;
            double slope = (schedule.Alpha(t + H) - schedule.Alpha(t - H)) / (2 * H);
            Assert.Equal(slope, schedule.AlphaDerivative(t), 1e-8);
            Assert.Equal(-slope / (1 - schedule.Alpha(t)), schedule.Weight(t), 1e-6);
        }
    }

    [Fact]
    public void Weight_Linear_IsOneOverT() => Assert.Equal(8, new LinearSchedule().Weight(0.125), 12);

    [Fact]
    public void Alpha_CosineAtOneHalf_IsTheNamedFormula() =>
        Assert.Equal(1 - Math.Cos(Math.PI / 4), new CosineSchedule().Alpha(0.5), 12);

    [Theory]
    [InlineData(0)]
    [InlineData(-0.1)]
    [InlineData(1.1)]
    [InlineData(double.NaN)]
    public void Weight_OutsideItsDomain_Throws(double t) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new LinearSchedule().Weight(t));

    [Fact]
    public void Times_OfABatch_HoldOneTimePerStratum()
    {
        double[] times = NoiseSchedule.Times(16, new DeterministicRandom(3));
        Assert.All(times, t => Assert.True(t >= NoiseSchedule.MinimumTime && t < 1));
        int[] strata = [.. times.Select(t => (int)((t - 1e-3) / (1 - 1e-3) * 16)).Order()];
        Assert.Equal(Enumerable.Range(0, 16), strata);
        Assert.Empty(NoiseSchedule.Times(0, new DeterministicRandom(3)));
    }

    [Fact]
    public void Times_OverManyBatches_AreUniformWithinTheirStratum()
    {
        var random = new DeterministicRandom(4);
        var counts = new double[10];
        for (int i = 0; i < 4_000; i++)
        {
            // Example 2 of 4: t in the third quarter.
            double u = (NoiseSchedule.Times(4, random)[2] - 1e-3) / (1 - 1e-3);
            counts[(int)(((4 * u) - 2) * 10)]++;
        }

        Assert.True(ChiSquare.Fits(counts, Enumerable.Repeat(0.1, 10)));
    }

    [Theory]
    [MemberData(nameof(Schedules))]
    public void WeightedLoss_OfAUniformPredictor_IsLogVPerTokenInExpectation(NoiseSchedule schedule)
    {
        // Every masked token costs ln V = 1 unit: E[w(t) · masked] must be L · (α(ε) − α(1)) / (1 − ε), the bound without t < ε.
        const int Length = 32;
        int[] maskable = [.. Enumerable.Range(0, Length)];
        var random = new DeterministicRandom(6);
        double sum = 0;
        const int Batches = 1_000;
        foreach (double t in Enumerable.Range(0, Batches).SelectMany(_ => NoiseSchedule.Times(8, random)))
        {
            sum += schedule.Weight(t) * Corruption.Mask(new int[Length], maskable, schedule.MaskProbability(t), 9, random).Length;
        }

        double expected = (schedule.Alpha(NoiseSchedule.MinimumTime) - schedule.Alpha(1)) / (1 - NoiseSchedule.MinimumTime);

        // Standard error: the variance of w · masked is near L · E[1/t] = L · ln(1/ε) ≈ 7 L; √(7 / 32 / 8000) ≈ 0.005.
        Assert.Equal(expected, sum / (Batches * 8 * Length), 0.03);
    }
}
