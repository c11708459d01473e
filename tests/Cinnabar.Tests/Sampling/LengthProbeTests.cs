using Cinnabar.Models;
using Cinnabar.Numerics;
using Cinnabar.Sampling;
using Cinnabar.Tests.Checkpoints;

namespace Cinnabar.Tests.Sampling;

public sealed class LengthProbeTests
{
    private const int Mask = 0;
    private const int Vocabulary = 4;
    private static readonly int[] s_before = [1, 2];
    private static readonly int[] s_after = [3];

    [Fact]
    public void Sureness_IsTheMeanOfTheLargestProbabilities()
    {
        SureOfLengths network = new(_ => 2);
        double expected = 1 / (1 + (2 * Math.Exp(-2))); // of three tokens, as the mask counts for nothing

        Assert.Equal(expected, new LengthProbe(network).Sureness([s_before, s_after], [5], 0), 6);
        Assert.Equal(s_before.Length + 5 + s_after.Length, network.LastLength);
    }

    [Theory]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    public void Sureness_LogitsThatAreNoNumbers_AreRefusedWithTheirPlace(double logit)
    {
        SureOfLengths network = new(length => length == 6 ? logit : 2);
        LengthProbe probe = new(network);
        Assert.InRange(probe.Sureness([s_before, s_after], [5], 0), 0, 1);
        string message = Assert.Throws<CinnabarException>(() => probe.Sureness([s_before, s_after], [6], 0)).Message;
        Assert.Contains($"Expected finite logits from the network, found {(float)logit} at position 2", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(8)]
    [InlineData(11)]
    [InlineData(12)]
    [InlineData(5)]
    [InlineData(1)]
    public void Find_OneLengthThatIsSurer_FindsIt(int wanted)
    {
        // Sure of what is near, the more the nearer, and of short holes whatever stands around them.
        LengthProbe probe = new(new SureOfLengths(length => 1.0 / length + (length == wanted ? 1 : 0.2 / Math.Abs(length - wanted))));
        (int[], int, int[])[] holes = [.. Enumerable.Range(1, 30).Select(_ => (s_before, 29, s_after)), (s_before, 2, s_after)];
        LengthBias bias = LengthBias.Fit(new LengthProbe(new SureOfLengths(length => 1.0 / length)), holes, most: 24);

        ProbedLengths found = probe.Find([s_before, s_after], [(0, 20)], bias);

        Assert.Equal([wanted], found.Lengths);
        Assert.InRange(found.Passes, 5, 20);
        Assert.Equal(found.Passes + 1, probe.Climb([s_before, s_after], [(0, 20)], bias).Count());
    }

    [Fact]
    public void Find_SeveralHoles_ClimbsEachBesideTheOthersAsTheyStand()
    {
        // The hole of 3 is right after [1, 2]; the other before [3]. Each is surest at its own length.
        LengthBias flat = LengthBias.Fit(new LengthProbe(new SureOfLengths(_ => 0)), [(s_before, 29, s_after), (s_before, 2, s_after)], 24);
        List<int> lengths = [];
        SureOfLengths network = new((ids, start, length) =>
        {
            lengths.Add(ids.Length);
            int wanted = start == s_before.Length ? 3 : 12;
            return 4.0 / (1 + Math.Abs(length - wanted));
        });
        ProbedLengths found = new LengthProbe(network).Find([s_before, [2, 2], s_after], [(1, 20), (0, 20)], flat);
        Assert.Equal([3, 12], found.Lengths);
        int known = s_before.Length + 2 + s_after.Length;
        Assert.Equal(known + 8 + 8, lengths[0]); // both at the first length
        Assert.Contains(known + 3 + 12, lengths);
        Assert.Equal(lengths.Count, found.Passes);
    }

    [Theory]
    [InlineData(6, 6, 0)]
    [InlineData(10, 20, 7)]
    [InlineData(0, 3, 3)]
    public void Find_BoundsOfTheHole_AreKept(int least, int most, int mostPasses)
    {
        LengthBias flat = LengthBias.Fit(new LengthProbe(new SureOfLengths(_ => 0)), [(s_before, 29, s_after), (s_before, 2, s_after)], 24);
        ProbedLengths found = new LengthProbe(new SureOfLengths(length => 1.0 / length)).Find([s_before, s_after], [(least, most)], flat);
        Assert.Equal([Math.Max(1, least)], found.Lengths);
        Assert.InRange(found.Passes, 0, mostPasses);
        Assert.Throws<ArgumentOutOfRangeException>(() => new LengthProbe(new SureOfLengths(_ => 0)).Find([[], []], [(0, 25)], flat));
    }

    [Fact]
    public void Fit_LeavesOutLengthsNearTheTrueOne()
    {
        SureOfLengths network = new(length => length is > 2 and < 12 ? 5 : 1);
        double ordinary = new LengthProbe(network).Sureness([s_before, s_after], [1], 0);
        LengthBias bias = LengthBias.Fit(new LengthProbe(network), [(s_before, 7, s_after), (s_before, 40, s_after)], most: 20);

        Assert.Equal(ordinary, bias.Of(1), 6);
        Assert.True(bias.Of(7) > ordinary); // of the second hole alone
        Assert.Throws<CinnabarException>(() => LengthBias.Fit(new LengthProbe(network), [(s_before, 7, s_after)], most: 20));
    }

    [Fact]
    public void Save_Load_GivesTheSameValues()
    {
        using TemporaryFolder folder = new();
        SureOfLengths network = new(length => 1.0 / length);
        LengthBias bias = LengthBias.Fit(new LengthProbe(network), [(s_before, 29, s_after), (s_before, 2, s_after)], most: 12);
        bias.Save(folder["b.json"]);
        LengthBias read = LengthBias.Load(folder["b.json"]);
        Assert.Equal(12, read.Most);
        Assert.Equal(Enumerable.Range(1, 12).Select(bias.Of), Enumerable.Range(1, 12).Select(read.Of));
    }

    [Theory]
    [InlineData("{}", "found none")]
    [InlineData("[0.5]", "JSON object")]
    [InlineData("{\"bias\": 0.5}", "something else")]
    [InlineData("{\"bias\": []}", "a list of 0")]
    [InlineData("{\"bias\": [0.5, 0]}", "as number 2")]
    [InlineData("{\"bias\": [1.5]}", "as number 1")]
    [InlineData("{\"bias\": [\"a\"]}", "as number 1")]
    [InlineData("{\"bias\": [1e-400]}", "as number 1")]
    [InlineData("{\"bias\": [0.5", "valid JSON")]
    public void Load_WrongFile_IsRefusedWithItsPlace(string json, string says)
    {
        using TemporaryFolder folder = new();
        File.WriteAllText(folder["b.json"], json);
        string error = Assert.Throws<CinnabarException>(() => LengthBias.Load(folder["b.json"])).Message;
        Assert.Contains(says, error, StringComparison.Ordinal);
        Assert.Contains("b.json", error, StringComparison.Ordinal);
    }

    // Prefers the first token by as many nats as the ids, the first row asked for and the number of rows say.
    private sealed class SureOfLengths(Func<int[], int, int, double> nats) : IDenoiser
    {
        public SureOfLengths(Func<int, double> nats)
            : this((_, _, length) => nats(length))
        {
        }

        public int VocabularySize => Vocabulary;

        public int MaxLength => 100;

        public int MaskTokenId => Mask;

        public int LastLength { get; private set; }

        public Tensor Logits(ReadOnlySpan<int> ids, ReadOnlySpan<int> rows)
        {
            LastLength = ids.Length;
            double sure = nats(ids.ToArray(), rows[0], rows.Length);
            Tensor logits = Tensor.Zeros(rows.Length, Vocabulary);
            for (int i = 0; i < rows.Length; i++)
            {
                logits.Row(i)[Mask] = 100;
                logits.Row(i)[1] = (float)sure;
            }

            return logits;
        }
    }
}
