using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Numerics.Cuda.Tests;

/// <summary>Readings of rows of logits on the GPU against their definition.</summary>
public sealed class TokenStatisticsTests(Device device) : IClassFixture<Device>
{
    // Exponentials of single tokens are floats there.
    private const double Relative = 1e-5;
    private const double Absolute = 1e-9;
    private const int BitsOfWord = 32;
    private const int Masks = 3;
    private static readonly double[] s_temperatures = [0, 1, 0.3, 2.5, 0.01];

    private readonly ReferenceTokenStatistics _reference = new();

    // Around chunks of 4096; vocabularies of many chunks; and so many rows that what is told about them, 68 kB, is longer than what is
    // compared with an earlier upload.
    [CudaTheory]
    [InlineData(1, 1)]
    [InlineData(2, 33)]
    [InlineData(5, 1000)]
    [InlineData(3, 4095)]
    [InlineData(3, 4096)]
    [InlineData(3, 4097)]
    [InlineData(12, 126_464)]
    [InlineData(7, 150_000)]
    [InlineData(1_700, 300)]
    public void Forward_RandomRows_AgreesWithTheDefinition(int count, int size)
    {
        ITokenStatistics statistics = device.Kernels.TokenStatistics!;

        for (int seed = 0; seed < 5; seed++)
        {
            var random = new Random((1000 * seed) + size);
            Tensor logits = RandomLogits(random, count + 2, size, seed);
            uint[] masks = RandomMasks(random, size);
            List<int> own = [];
            TokenRow[] rows = [.. Enumerable.Range(0, count).Select(i => RandomRow(random, i, count + 1 - i, size, own))];
            Compare(statistics, logits, rows, masks, [.. own], $"{count} rows of {size}, seed {seed}");
        }
    }

    [CudaFact]
    public void Forward_RowsThatAreNotFinite_SayWhere()
    {
        ITokenStatistics statistics = device.Kernels.TokenStatistics!;

        const int Size = 10_000;
        Tensor logits = Tensor.Zeros(5, Size);
        logits.Row(0)[9_000] = float.NaN;
        logits.Row(0)[4_000] = float.PositiveInfinity;
        logits.Row(1)[5_000] = float.PositiveInfinity;
        logits.Row(1)[9_999] = float.PositiveInfinity;
        logits.Row(2).Fill(float.NegativeInfinity);
        logits.Row(3)[7_000] = float.NaN; // forbidden
        logits.Row(4).Fill(float.NegativeInfinity);
        logits.Row(4)[8_191] = -3;
        TokenRow[] rows = [.. Enumerable.Range(0, 5).Select(i => new TokenRow(1, 77, i, 0, 0, i == 3 ? 1 : 0, 0))];
        TokenReading[] found = Compare(statistics, logits, rows, new uint[Masks * WordsOf(Size)], [7_000], "not finite");
        Assert.Equal([9_000, 5_000, -1], found.Take(3).Select(reading => reading.BestId));
        Assert.Equal(8_191, found[4].DrawnId);
    }

    [CudaFact]
    public void Forward_SameRowsTwiceAndAlone_HasTheSameBits()
    {
        ITokenStatistics statistics = device.Kernels.TokenStatistics!;

        const int Count = 40;
        const int Size = 50_257;
        var random = new Random(3);
        Tensor logits = RandomLogits(random, Count, Size, seed: 1);
        uint[] masks = RandomMasks(random, Size);
        List<int> own = [];
        TokenRow[] rows = [.. Enumerable.Range(0, Count).Select(i => RandomRow(random, i, i, Size, own))];
        var first = new TokenReading[Count];
        var second = new TokenReading[Count];
        var alone = new TokenReading[1];
        statistics.Forward(logits, rows, masks, own.ToArray(), first);
        statistics.Forward(logits, rows, masks, own.ToArray(), second);
        Assert.Equal(first, second);
        for (int i = 0; i < Count; i++)
        {
            statistics.Forward(logits, rows.AsSpan(i, 1), masks, own.ToArray(), alone);
            Assert.Equal(first[i], alone[0]);
        }
    }

    private TokenReading[] Compare(
        ITokenStatistics statistics, Tensor logits, TokenRow[] rows, uint[] masks, int[] own, string what)
    {
        var expected = new TokenReading[rows.Length];
        var found = new TokenReading[rows.Length];
        Array.Fill(found, new TokenReading(-9, -9, -9, -9, -9, -9, -9, -9, -9));
        _reference.Forward(logits, rows, masks, own, expected);
        statistics.Forward(logits, rows, masks, own, found);
        for (int i = 0; i < rows.Length; i++)
        {
            (TokenReading one, TokenReading other) = (expected[i], found[i]);
            bool isSame = one.BestId == other.BestId && one.DrawnId == other.DrawnId && one.BestLogit.Equals(other.BestLogit)
                && IsNear(one.BestProbability, other.BestProbability) && IsNear(one.DrawnProbability, other.DrawnProbability)
                && IsNear(one.AskedProbability, other.AskedProbability) && IsNear(one.NegativeEntropy, other.NegativeEntropy)
                && IsNear(one.Margin, other.Margin) && one.Lead.Equals(other.Lead);
            Assert.True(isSame, $"{what}, row {i}, {rows[i]}:\nexpected {one},\nfound {other}.");
        }

        return found;
    }

    private static bool IsNear(double expected, double found) =>
        expected.Equals(found) || Math.Abs(expected - found) <= Absolute + (Relative * Math.Abs(expected));

    private static int WordsOf(int size) => (size + BitsOfWord - 1) / BitsOfWord;

    private static TokenRow RandomRow(Random random, int i, int row, int size, List<int> own)
    {
        int firstOwn = own.Count;
        own.AddRange(Enumerable.Range(0, random.Next(4)).Select(_ => random.Next(size)));
        return new TokenRow(
            s_temperatures[i % s_temperatures.Length],
            (ulong)random.NextInt64(),
            row,
            random.Next(Masks),
            firstOwn,
            own.Count - firstOwn,
            random.Next(2) == 0 ? -1 : random.Next(size));
    }

    // The first mask forbids nothing, the second little, the third half of all.
    private static uint[] RandomMasks(Random random, int size)
    {
        uint[] masks = new uint[Masks * WordsOf(size)];
        for (int v = 0; v < size; v++)
        {
            uint bit = 1u << (v % BitsOfWord);
            masks[WordsOf(size) + (v / BitsOfWord)] |= random.Next(50) == 0 ? bit : 0;
            masks[(2 * WordsOf(size)) + (v / BitsOfWord)] |= random.Next(2) == 0 ? bit : 0;
        }

        return masks;
    }

    // Flat, as a network's, and steep; with ties and −0; with much at −∞.
    private static Tensor RandomLogits(Random random, int rows, int size, int seed)
    {
        Tensor logits = Tensor.Zeros(rows, size);
        double spread = seed switch { 0 => 0.02, 1 => 12, 2 => 100, _ => 6 };
        foreach (ref float logit in logits.Floats)
        {
            double value = spread * (random.NextDouble() - 0.5);
            logit = seed == 3 ? (float)Math.Round(value)
                : seed == 4 && random.Next(3) == 0 ? float.NegativeInfinity
                : (float)value;
        }

        return logits;
    }
}
