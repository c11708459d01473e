using Cinnabar.Diffusion;
using Cinnabar.Latents;

namespace Cinnabar.Tests.Diffusion;

public sealed class GaussianScheduleTests
{
    public static TheoryData<GaussianSchedule> All => [GaussianSchedule.Cosine(), GaussianSchedule.Cosine(0.5), GaussianSchedule.Linear()];

    [Theory]
    [MemberData(nameof(All))]
    public void Signal_AnyTime_PreservesVarianceAndFalls(GaussianSchedule schedule)
    {
        double last = double.PositiveInfinity;
        for (double t = GaussianSchedule.MinimumTime; t < 1; t += 0.01)
        {
            (double signal, double noise) = (schedule.Signal(t), schedule.Noise(t));
            Assert.Equal(1, (signal * signal) + (noise * noise), 1e-12);
            Assert.Equal(schedule.LogRatio(t), 2 * Math.Log(signal / noise), 1e-6);
            Assert.True(signal < last);
            last = signal;
        }

        Assert.True(schedule.Noise(GaussianSchedule.MinimumTime) < 0.002);
        Assert.True(schedule.Signal(1 - GaussianSchedule.MinimumTime) < 0.007);
    }

    [Fact]
    public void Signal_Cosine_IsTheCosine()
    {
        foreach (double t in new[] { 0.1, 0.5, 0.9 })
        {
            Assert.Equal(Math.Cos(Math.PI / 2 * t), GaussianSchedule.Cosine().Signal(t), 1e-12);
            Assert.True(GaussianSchedule.Cosine(0.5).Signal(t) < GaussianSchedule.Cosine().Signal(t));
        }
    }

    [Fact]
    public void AddNoise_ManyLatents_HasTheMomentsOfTheLaw()
    {
        DeterministicRandom random = new(2);
        float[] noise = [.. Enumerable.Range(0, 40_000).Select(_ => (float)random.NextGaussian())];
        float[] clean = [.. Enumerable.Repeat(2f, noise.Length)];
        float[] noisy = new float[noise.Length];
        GaussianSchedule schedule = GaussianSchedule.Cosine();
        Corruption.AddNoise(clean, noise, schedule, 0.4, noisy);
        double mean = noisy.Average();
        Assert.Equal(2 * schedule.Signal(0.4), mean, 0.015);
        Assert.Equal(schedule.Noise(0.4), Math.Sqrt(noisy.Average(z => (z - mean) * (z - mean))), 0.01);
    }

    [Fact]
    public void Velocity_AndBack_IsTheCleanLatent()
    {
        GaussianSchedule schedule = GaussianSchedule.Cosine();
        float[] clean = [1, -2, 0.5f];
        float[] noise = [0.3f, 1, -1];
        foreach (double t in new[] { 0.01, 0.5, 0.99 })
        {
            float[] noisy = new float[3];
            float[] velocity = new float[3];
            Corruption.AddNoise(clean, noise, schedule, t, noisy);
            LatentTargets.Velocity(schedule, t, clean, noise, velocity);
            LatentTargets.Clean(schedule, t, noisy, velocity, velocity);
            for (int i = 0; i < 3; i++)
            {
                Assert.Equal(clean[i], velocity[i], 1e-5f);
            }
        }
    }

    [Fact]
    public void Create_WrongLaw_Throws()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => GaussianSchedule.Cosine(0));
        Assert.Throws<ArgumentOutOfRangeException>(() => GaussianSchedule.Linear(1, 1));
    }
}
