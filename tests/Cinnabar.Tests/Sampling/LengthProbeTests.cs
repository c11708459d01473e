using Cinnabar.Models;
using Cinnabar.Numerics;
using Cinnabar.Sampling;

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

        Assert.Equal(expected, new LengthProbe(network).Sureness(s_before, 5, s_after), 6);
        Assert.Equal(s_before.Length + 5 + s_after.Length, network.LastLength);
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

        (int length, int passes) = probe.Find(s_before, s_after, most: 20, bias);

        Assert.Equal(wanted, length);
        Assert.InRange(passes, 5, 20);
    }

    [Fact]
    public void Fit_LeavesOutLengthsNearTheTrueOne()
    {
        SureOfLengths network = new(length => length is > 2 and < 12 ? 5 : 1);
        double ordinary = new LengthProbe(network).Sureness(s_before, 1, s_after);
        LengthBias bias = LengthBias.Fit(new LengthProbe(network), [(s_before, 7, s_after), (s_before, 40, s_after)], most: 20);

        Assert.Equal(ordinary, bias.Of(1), 6);
        Assert.True(bias.Of(7) > ordinary); // of the second hole alone
        Assert.Throws<ArgumentException>(() => LengthBias.Fit(new LengthProbe(network), [(s_before, 7, s_after)], most: 20));
    }

    // Prefers the first token by as many nats as the length of the hole says.
    private sealed class SureOfLengths(Func<int, double> nats) : IDenoiser
    {
        public int VocabularySize => Vocabulary;

        public int MaxLength => 100;

        public int MaskTokenId => Mask;

        public int LastLength { get; private set; }

        public Tensor Logits(ReadOnlySpan<int> ids, ReadOnlySpan<int> rows)
        {
            LastLength = ids.Length;
            Tensor logits = Tensor.Zeros(rows.Length, Vocabulary);
            for (int i = 0; i < rows.Length; i++)
            {
                logits.Row(i)[Mask] = 100;
                logits.Row(i)[1] = (float)nats(rows.Length);
            }

            return logits;
        }
    }
}
