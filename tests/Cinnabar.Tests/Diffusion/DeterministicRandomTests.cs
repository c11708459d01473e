using Cinnabar.Diffusion;
using Cinnabar.Numerics;

namespace Cinnabar.Tests.Diffusion;

public sealed class DeterministicRandomTests
{
    [Fact]
    public void NextUInt64_OfASeed_IsXoshiro256StarStarFromSplitMix64()
    {
        // From an independent implementation that gives the test vector of the Rust crate rand_xoshiro, made with the authors' C code.
        ulong[] expected =
        [
            3504822795582309479, 1819558768956484042, 1250851346055027673, 16940231675099994102, 11585879347611423030,
            8134400763355999650, 16522854393704305783, 6681395768013188110, 6428666302753294433, 3497713684171130211,
        ];
        Assert.Equal(expected, Draw(new DeterministicRandom(1234567), 10));
    }

    [Fact]
    public void SplitMix_NumbersOfASeed_ArePublishedOnes() => Assert.Equal(
        [6457827717110365317UL, 3203168211198807973UL, 9817491932198370423UL, 4593380528125082431UL],
        Enumerable.Range(0, 4).Select(i => SplitMix.At(1234567, (ulong)i)));

    [Fact]
    public void Fork_DependsOnSeedAndStreamOnly()
    {
        var random = new DeterministicRandom(7);
        ulong[] before = Draw(random.Fork(1), 4);
        random.NextUInt64();
        Assert.Equal(before, Draw(random.Fork(1), 4));
        Assert.NotEqual(before, Draw(random.Fork(2), 4));
        Assert.NotEqual(before, Draw(new DeterministicRandom(8).Fork(1), 4));
        Assert.NotEqual(before, Draw(new DeterministicRandom(7), 4));
    }

    [Fact]
    public void NextDouble_ManyDraws_StaysInTheOpenIntervalWithTheMomentsOfAUniform()
    {
        var random = new DeterministicRandom(1);
        const int Count = 200_000;
        double sum = 0;
        double squares = 0;
        for (int i = 0; i < Count; i++)
        {
            double u = random.NextDouble();
            Assert.True(u is > 0 and < 1);
            sum += u;
            squares += u * u;
        }

        // Five standard errors: sqrt(1/12/n) and sqrt(4/45/n).
        Assert.Equal(0.5, sum / Count, 0.0033);
        Assert.Equal(1.0 / 3, squares / Count, 0.0034);
    }

    [Theory]
    [InlineData(0UL, 1.0 / (1UL << 54))]
    [InlineData(ulong.MaxValue, 1 - (1.0 / (1UL << 53)))]
    [InlineData(1UL << 63, 0.5)]
    public void ToUnit_Extremes_AreInsideTheOpenInterval(ulong bits, double expected) => Assert.Equal(expected, SplitMix.ToUnit(bits));

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(320)]
    public void NextInt_ManyDraws_IsUniform(int bound)
    {
        var random = new DeterministicRandom(5);
        var counts = new double[bound];
        for (int i = 0; i < 400 * bound; i++)
        {
            counts[random.NextInt(bound)]++;
        }

        Assert.True(ChiSquare.Fits(counts, Enumerable.Repeat(1.0 / bound, bound)));
    }

    [Fact]
    public void NextInt_LargestBound_HasNoModuloBias()
    {
        // 3 · 2^29 does not divide 2^32: a 32-bit remainder would land below 2^30 with probability 3/4 instead of 2/3.
        var random = new DeterministicRandom(9);
        int low = Enumerable.Range(0, 30_000).Count(_ => random.NextInt(3 << 29) < 1 << 30);
        Assert.Equal(2.0 / 3, low / 30_000.0, 0.014);
        Assert.Throws<ArgumentOutOfRangeException>(() => random.NextInt(0));
    }

    [Fact]
    public void NextGaussian_ManyDraws_HasTheMomentsOfAStandardNormal()
    {
        var random = new DeterministicRandom(2);
        double[] draws = [.. Enumerable.Range(0, 100_000).Select(_ => random.NextGaussian())];

        // Five standard errors of the first, second and fourth moment: √(1, 2, 96)/√n.
        Assert.Equal(0, draws.Average(), 0.016);
        Assert.Equal(1, draws.Average(x => x * x), 0.023);
        Assert.Equal(3, draws.Average(x => x * x * x * x), 0.16);
    }

    [Fact]
    public void CounterRandom_NeighbouringKeys_AreUniformAndDiffer()
    {
        var seen = new HashSet<double>();
        var counts = new double[16];
        for (int step = 0; step < 20; step++)
        {
            for (int position = 0; position < 20; position++)
            {
                for (ulong token = 0; token < 20; token++)
                {
                    double u = new CounterRandom(3, step, position).Unit(token);
                    Assert.True(seen.Add(u));
                    counts[(int)(u * 16)]++;
                }
            }
        }

        Assert.True(ChiSquare.Fits(counts, Enumerable.Repeat(1.0 / 16, 16)));
    }

    private static ulong[] Draw(DeterministicRandom random, int count) => [.. Enumerable.Range(0, count).Select(_ => random.NextUInt64())];
}
