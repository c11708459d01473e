using Cinnabar.Diffusion;
using Cinnabar.Numerics;
using Cinnabar.Numerics.Kernels;
using Cinnabar.Sampling;

namespace Cinnabar.Tests.Sampling;

/// <summary>The definition of what a device finds in a row, against what the sampler finds there itself.</summary>
public sealed class TokenStatisticsTests
{
    private const int BitsOfWord = 32;
    private readonly ReferenceTokenStatistics _statistics = new();

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(31)]
    [InlineData(32)]
    [InlineData(100)]
    [InlineData(1000)]
    public void Forward_RandomRows_ReadsThemAsTheSamplerDoes(int size)
    {
        var row = new TokenDistribution(size);
        for (int i = 0; i < 60; i++)
        {
            var random = new DeterministicRandom((ulong)((1000 * size) + i));
            int[] shared = [.. RandomIds(random, size, size / 10)];
            int[] own = [.. RandomIds(random, size, random.NextInt(3))];
            Tensor logits = RandomLogits(random, rows: 3, size, spread: i % 3 == 0 ? 0.5 : 8, hasTies: i % 4 == 0);
            var options = new SamplerOptions { Temperature = i % 2 == 0 ? 0 : 0.1 + (2 * random.NextDouble()) };
            var numbers = new CounterRandom(random.NextUInt64(), step: i, position: 7);
            int asked = random.NextInt(size);
            TokenRow question = new(options.Temperature, numbers.Key, Row: 1, Mask: 1, FirstOwn: 0, own.Length, asked);
            TokenReading reading = Ask(logits, question, shared, own);

            int[] forbidden = [.. shared.Union(own)];
            if (forbidden.Length == size)
            {
                Assert.Equal(-1, reading.BestId);
                continue;
            }

            row.Load(logits.Row(1), forbidden, options, numbers, position: 7);
            Assert.Equal(row.TokenId, reading.DrawnId);
            Assert.Equal(row.Top(1)[0].TokenId, reading.BestId);
            Assert.Equal(logits.Row(1)[reading.BestId], reading.BestLogit);
            Assert.Equal(row.Probability, reading.DrawnProbability, 12);
            Assert.Equal(row.ProbabilityOf(reading.BestId), reading.BestProbability, 12);
            Assert.Equal(row.ProbabilityOf(asked), reading.AskedProbability, 12);
            Assert.Equal(row.NegativeEntropy(), reading.NegativeEntropy, 12);
            Assert.Equal(row.Margin(), reading.Margin, 12);
            Assert.Equal(row.LogitLead(), reading.Lead);
        }
    }

    [Fact]
    public void Forward_ForbiddenToken_HasNoProbability()
    {
        Tensor logits = Tensor.From([9, 1, 2], 1, 3);
        TokenReading reading = default;
        TokenRow question = new(0, 0, Row: 0, Mask: 0, FirstOwn: 0, OwnCount: 1, Asked: 0);
        _statistics.Forward(logits, [question], [0b100], [0], new Span<TokenReading>(ref reading));
        Assert.Equal(default(TokenReading) with
        {
            BestId = 1,
            DrawnId = 1,
            BestLogit = 1,
            BestProbability = 1,
            DrawnProbability = 1,
            Margin = 1,
            Lead = double.PositiveInfinity,
        }, reading);
    }

    [Theory]
    [InlineData(new[] { 3, float.NaN, float.PositiveInfinity, float.NaN }, 1)]
    [InlineData(new[] { 3, float.PositiveInfinity, 4, float.PositiveInfinity }, 1)]
    [InlineData(new[] { float.NegativeInfinity, float.NegativeInfinity, float.NegativeInfinity, float.NegativeInfinity }, -1)]
    public void Forward_NotFinite_SaysWhereAndTheSamplerRefuses(float[] values, int where)
    {
        TokenReading reading = Ask(Tensor.From([.. values, .. values], 2, 4), new TokenRow(1, 5, 1, 0, 0, 0, -1), [], []);
        Assert.Equal(where, reading.BestId);
        Assert.False(float.IsFinite(reading.BestLogit));
        var row = new TokenDistribution(4);
        string found = Assert.Throws<CinnabarException>(() => row.Load(reading, 12)).Message;
        Assert.Equal(Assert.Throws<CinnabarException>(() => row.Load(values, [], new(), default, 12)).Message, found);
    }

    [Theory]
    [InlineData(-1, 0, 0, 0, 0, -1)]
    [InlineData(double.NaN, 0, 0, 0, 0, -1)]
    [InlineData(1, 2, 0, 0, 0, -1)]
    [InlineData(1, -1, 0, 0, 0, -1)]
    [InlineData(1, 0, 2, 0, 0, -1)]
    [InlineData(1, 0, -1, 0, 0, -1)]
    [InlineData(1, 0, 0, 1, 1, -1)]
    [InlineData(1, 0, 0, -1, 1, -1)]
    [InlineData(1, 0, 0, 0, -1, -1)]
    [InlineData(1, 0, 0, 0, 0, 3)]
    [InlineData(1, 0, 0, 0, 0, -2)]
    public void Forward_QuestionThatPointsOutside_IsRefused(
        double temperature, int row, int mask, int firstOwn, int ownCount, int asked) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => _statistics.Forward(
            Tensor.Zeros(2, 3), [new TokenRow(temperature, 0, row, mask, firstOwn, ownCount, asked)], [0, 0], [1], new TokenReading[1]));

    [Fact]
    public void Load_Reading_HasNoOtherTokens()
    {
        var row = new TokenDistribution(4);
        row.Load(Ask(Tensor.From([1, 2, 3, 4, 1, 2, 3, 4], 2, 4), new TokenRow(0, 0, 1, 0, 0, 0, -1), [], []), 0);
        Assert.Equal(3, row.TokenId);
        Assert.Equal(1, row.LogitLead());
        Assert.Contains("Everything", Assert.Throws<InvalidOperationException>(() => row.Top(2)).Message);
        Assert.Throws<InvalidOperationException>(() => row.ProbabilityOf(1));
        row.Load([1, 2, 3, 4], [], new(), default, 0);
        Assert.Equal(2, row.Top(2).Length);
    }

    // The second of two masks is that of the forbidden ids; the first forbids nothing.
    private TokenReading Ask(Tensor logits, TokenRow question, int[] forbidden, int[] own)
    {
        int words = (logits.Columns + BitsOfWord - 1) / BitsOfWord;
        uint[] masks = new uint[2 * words];
        foreach (int id in forbidden)
        {
            masks[words + (id / BitsOfWord)] |= 1u << (id % BitsOfWord);
        }

        var readings = new TokenReading[1];
        _statistics.Forward(logits, [question], masks, own, readings);
        return readings[0];
    }

    private static IEnumerable<int> RandomIds(DeterministicRandom random, int size, int count) =>
        Enumerable.Range(0, count).Select(_ => random.NextInt(size)).Distinct().ToArray();

    private static Tensor RandomLogits(DeterministicRandom random, int rows, int size, double spread, bool hasTies)
    {
        Tensor logits = Tensor.Zeros(rows, size);
        foreach (ref float logit in logits.Floats)
        {
            double value = spread * (random.NextDouble() - 0.5);
            logit = (float)(hasTies ? Math.Round(value) : value);
        }

        return logits;
    }
}
