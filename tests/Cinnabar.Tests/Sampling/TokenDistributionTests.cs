using Cinnabar.Diffusion;
using Cinnabar.Sampling;
using Cinnabar.Tests.Diffusion;

namespace Cinnabar.Tests.Sampling;

public sealed class TokenDistributionTests
{
    private static readonly float[] s_logits = [0.3f, 2.0f, -1.0f, 1.5f, 2.0f, 0.0f, -4.0f, 0.9f];

    [Fact]
    public void Load_TemperatureZero_TakesTheLowestIdOfATie()
    {
        TokenDistribution row = Load(new());
        Assert.Equal(1, row.TokenId);
        Assert.Equal(Softmax(s_logits, 1)[1], row.Probability, 12);
    }

    [Fact]
    public void Load_ForbiddenBest_TakesTheNextAndRenormalises()
    {
        var row = new TokenDistribution(8);
        row.Load(s_logits, [1, 4], new(), default, 0);
        Assert.Equal(3, row.TokenId);
        double[] p = Softmax(s_logits, 1);
        Assert.Equal(p[3] / (1 - p[1] - p[4]), row.Probability, 12);
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    public void Load_NotFinite_NamesTokenAndPosition(float bad)
    {
        float[] logits = [.. s_logits];
        logits[5] = bad;
        string message = Assert.Throws<CinnabarException>(() => new TokenDistribution(8).Load(logits, [], new(), default, 12)).Message;
        Assert.Contains("token 5 at position 12", message);
    }

    [Fact]
    public void Load_NaNInAForbiddenToken_IsIgnored()
    {
        float[] logits = [.. s_logits];
        logits[1] = float.NaN;
        var row = new TokenDistribution(8);
        row.Load(logits, [1], new(), default, 0);
        Assert.Equal(4, row.TokenId);
    }

    [Fact]
    public void Load_NothingLeftToEmit_Throws() => Assert.Throws<CinnabarException>(
        () => new TokenDistribution(2).Load([float.NegativeInfinity, 3], [1], new(), default, 0));

    [Fact]
    public void Load_HugeLogits_StayFinite()
    {
        var row = new TokenDistribution(3);
        row.Load([3e38f, 3e38f, -3e38f], [], new(), default, 0);
        Assert.Equal(0.5, row.Probability, 12);
        Assert.Equal(-Math.Log(2), row.NegativeEntropy(), 12);
        Assert.Equal(0, row.Margin(), 12);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(8)]
    [InlineData(61)]
    public void Exponentials_AnyLength_MatchTheScalarFunction(int length)
    {
        var random = new DeterministicRandom(12);
        float[] logits = [.. Enumerable.Range(0, length).Select(_ => (float)(-800 * random.NextDouble() * random.NextDouble()))];
        logits[length / 2] = float.NegativeInfinity;
        logits[0] = 0;
        double[] expected = [.. logits.Select(l => Math.Exp(0.7 * l))];
        var weights = new double[length];
        Assert.Equal(expected.Sum(), Exponentials.Fill(logits, 0, 0.7, weights), 12);
        Assert.All(Enumerable.Range(0, length), v => Assert.Equal(expected[v], weights[v], Math.Max(1e-300, 1e-14 * expected[v])));
        Assert.Equal(logits.Sum(l => Math.Exp(l - 0.5)), Exponentials.Sum(logits, 0.5), 12);
    }

    [Theory]
    [InlineData(1.0)]
    [InlineData(0.5)]
    [InlineData(2.0)]
    public void Load_ManyDraws_MatchTheSoftmax(double temperature) =>
        AssertDraws(new() { Temperature = temperature }, Softmax(s_logits, temperature));

    [Fact]
    public void Load_ManyDrawsTopK_MatchTheSoftmaxOfTheBestK()
    {
        // The third best is 1.5 (id 3).
        double[] p = Softmax(s_logits, 1);
        double sum = p[1] + p[4] + p[3];
        AssertDraws(new() { Temperature = 1, TopK = 3 }, [0, p[1] / sum, 0, p[3] / sum, p[4] / sum, 0, 0, 0]);
    }

    [Fact]
    public void Load_TopKCutsATie_KeepsTheLowerId() => AssertDraws(new() { Temperature = 1, TopK = 1 }, [0, 1, 0, 0, 0, 0, 0, 0]);

    [Fact]
    public void Load_ManyDrawsTopP_KeepTheTokenThatCrosses()
    {
        // p = 0.5, 0.3, 0.15, 0.05: 0.5 + 0.3 crosses 0.6.
        float[] logits = [MathF.Log(0.15f), MathF.Log(0.5f), MathF.Log(0.05f), MathF.Log(0.3f)];
        Assert.True(ChiSquare.Fits(Draws(logits, new() { Temperature = 1, TopP = 0.6 }, 20_000), [0, 0.625, 0, 0.375]));
        Assert.True(ChiSquare.Fits(Draws(logits, new() { Temperature = 1, TopP = 0.4 }, 100), [0, 1, 0, 0]));
        Assert.True(ChiSquare.Fits(Draws(logits, new() { Temperature = 1, TopP = 0.9, TopK = 2 }, 20_000), [0, 0.625, 0, 0.375]));
        Assert.True(ChiSquare.Fits(Draws(logits, new() { Temperature = 1, TopP = 1, TopK = 4 }, 20_000), [0.15, 0.5, 0.05, 0.3]));
    }

    [Fact]
    public void Load_TopPOfTheTemperedDistribution_FollowsDreamsOrder()
    {
        // At T = 4 the distribution is flat enough that two tokens do not reach 0.6.
        float[] logits = [MathF.Log(0.15f), MathF.Log(0.5f), MathF.Log(0.05f), MathF.Log(0.3f)];
        double[] p = Softmax(logits, 4);
        double sum = p[0] + p[1] + p[3];
        Assert.True(p[1] + p[3] < 0.6);
        double[] expected = [p[0] / sum, p[1] / sum, 0, p[3] / sum];
        Assert.True(ChiSquare.Fits(Draws(logits, new() { Temperature = 4, TopP = 0.6 }, 20_000), expected));
    }

    [Fact]
    public void Load_TinyTemperature_IsGreedy()
    {
        float[] logits = [1, 3, 2.9f, -5];
        Assert.Equal(200, Draws(logits, new() { Temperature = 1e-4 }, 200)[1]);
    }

    [Fact]
    public void Load_SmallestTemperature_IsGreedyWithFiniteNumbers()
    {
        // 1/T is +∞.
        var row = new TokenDistribution(5);
        SamplerOptions options = new() { Temperature = double.Epsilon };
        row.Load([1, 3, 2.9f, -5, float.NegativeInfinity], [], options, new CounterRandom(1, 2, 3), 0);
        Assert.Equal(1, row.TokenId);
        Assert.Equal(0, row.NegativeEntropy(), 12);
        Assert.Equal(1, row.Margin(), 12);
    }

    [Fact]
    public void LoadDrawn_LogarithmRoundedAboveZero_IsNoMoreThanCertain()
    {
        var row = new TokenDistribution(3);
        row.LoadDrawn([2e-6f, -20, float.NegativeInfinity], tokenId: 0, new(), position: 0);
        Assert.Equal(1, row.Probability);
        Assert.Equal(Math.Exp(-20), row.ProbabilityOf(1), 1e-12);
    }

    [Fact]
    public void Load_RareToken_IsDrawnAtItsRate()
    {
        // 1e-3 for all the other 200 tokens together: float32 Gumbel numbers, or a bound that drops contenders, would show here.
        const int Size = 200;
        float[] logits = new float[Size];
        logits[0] = MathF.Log(999f * (Size - 1));
        double others = Draws(logits, new() { Temperature = 1 }, 60_000).Skip(1).Sum();
        Assert.InRange(others, 60 - 31, 60 + 31);
    }

    [Fact]
    public void Load_GumbelBound_NeverChangesTheWinner()
    {
        // The plain definition: argmax of l/T − ln(−ln u).
        var source = new DeterministicRandom(11);
        for (int trial = 0; trial < 300; trial++)
        {
            float[] logits = [.. Enumerable.Range(0, 50).Select(_ => (float)(source.NextDouble() * 12))];
            var random = new CounterRandom(1, trial, 0);
            double temperature = 0.3 + source.NextDouble();
            int expected = Enumerable.Range(0, 50).MaxBy(id => (logits[id] / temperature) - Math.Log(-Math.Log(random.Unit((ulong)id))));
            var row = new TokenDistribution(50);
            row.Load(logits, [], new() { Temperature = temperature }, random, 0);
            Assert.Equal(expected, row.TokenId);
        }
    }

    [Fact]
    public void Probability_OfADrawnToken_IsRawWhateverTemperatureAndFilters()
    {
        var options = new SamplerOptions { Temperature = 3, TopK = 4, TopP = 0.95 };
        for (int step = 0; step < 20; step++)
        {
            var row = new TokenDistribution(8);
            row.Load(s_logits, [], options, new CounterRandom(2, step, 0), 0);
            Assert.Equal(Softmax(s_logits, 1)[row.TokenId], row.Probability, 12);
        }
    }

    [Fact]
    public void NegativeEntropyAndMargin_OfTheFilteredDistribution_MatchTheDefinition()
    {
        double[] plain = Softmax(s_logits, 1);
        Assert.Equal(plain.Sum(p => p * Math.Log(p)), Load(new()).NegativeEntropy(), 12);
        Assert.Equal(0, Load(new()).Margin(), 12);

        // T = 0.5, then the best two and the third: (2, 2, 1.5)/0.5.
        double[] kept = Softmax([2f, 2f, 1.5f], 0.5);
        var options = new SamplerOptions { Temperature = 0.5, TopK = 3 };
        Assert.Equal(kept.Sum(p => p * Math.Log(p)), Load(options).NegativeEntropy(), 12);

        // One token left: certain.
        Assert.Equal(0, Load(new() { TopK = 1 }).NegativeEntropy(), 12);
        Assert.Equal(1, Load(new() { TopK = 1 }).Margin(), 12);
    }

    [Fact]
    public void Margin_UnsortedLogits_IsFirstMinusSecond()
    {
        var row = new TokenDistribution(4);
        row.Load([0.1f, 1.0f, 0.5f, 3.0f], [], new(), default, 0);
        double[] p = Softmax([0.1f, 1.0f, 0.5f, 3.0f], 1);
        Assert.Equal(p[3] - p[1], row.Margin(), 12);
    }

    private static TokenDistribution Load(SamplerOptions options)
    {
        var row = new TokenDistribution(s_logits.Length);
        row.Load(s_logits, [], options, new CounterRandom(1, 1, 1), 0);
        return row;
    }

    private static void AssertDraws(SamplerOptions options, double[] expected) =>
        Assert.True(ChiSquare.Fits(Draws(s_logits, options, 40_000), expected));

    private static double[] Draws(float[] logits, SamplerOptions options, int count)
    {
        var counts = new double[logits.Length];
        var row = new TokenDistribution(logits.Length);
        for (int i = 0; i < count; i++)
        {
            // Steps and positions both vary, as in a run.
            row.Load(logits, [], options, new CounterRandom(17, i / 100, i % 100), 0);
            counts[row.TokenId]++;
        }

        return counts;
    }

    private static double[] Softmax(float[] logits, double temperature)
    {
        double[] weights = [.. logits.Select(l => Math.Exp(l / temperature))];
        return [.. weights.Select(w => w / weights.Sum())];
    }
}
