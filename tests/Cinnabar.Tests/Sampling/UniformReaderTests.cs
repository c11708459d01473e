using Cinnabar.Numerics;
using Cinnabar.Sampling;

namespace Cinnabar.Tests.Sampling;

public sealed class UniformReaderTests
{
    // Entropies, bound, and which slots stand: the sum of those before a slot, in ascending order, is at most the bound.
    public static TheoryData<double[], double, int[]> Acceptances => new()
    {
        { [5.0], 0, [0] }, // the first is always accepted
        { [0.3, 0.2, 0.1], 0, [2] }, // before slot 1: 0.1
        { [0.3, 0.2, 0.1], 0.1, [1, 2] }, // before slot 1: 0.1; before slot 0: 0.1 + 0.2
        { [0.5, 0.25, 0.125], 0.375, [0, 1, 2] }, // before slot 0: exactly the bound
        { [0.5, 0.25, 0.125], 0.374, [1, 2] },
        { [0, 0, 9, 0], 0, [0, 1, 2, 3] }, // before slot 2: 0
        { [0, 1, 1, 0], 0, [0, 1, 3] }, // of equal ones the first slot
        { [2, 2, 2], 1.9, [0] },
        { [2, 2, 2], 2, [0, 1] },
    };

    [Theory]
    [MemberData(nameof(Acceptances))]
    public void Accept_HandComputedEntropies(double[] entropies, double bound, int[] expected)
    {
        bool[] accepted = [.. entropies.Select(_ => true)]; // of the step before
        UniformReader.Accept([.. entropies.Select(entropy => new UniformSlot(0, 1, 0, 1, entropy))], bound, accepted);
        Assert.Equal(expected, Enumerable.Range(0, accepted.Length).Where(slot => accepted[slot]));
    }

    [Fact]
    public void Read_HandComputedRow()
    {
        // At temperature 1/2 the weights of ln 1, ln 2, ln 3 are 1, 4, 9; the entropy is ln 14 − (4 ln 4 + 9 ln 9)/14.
        Tensor logits = Tensor.From([0, MathF.Log(2), MathF.Log(3), 7, 7, 7], 2, 3);
        UniformSlot[] slots = new UniformSlot[2];
        new UniformReader(3, workers: null).Read(logits, 0.5, new ChosenDraws((_, _, _) => 1), 0, 1, slots);
        Assert.Equal((2, 1), (slots[0].Best, slots[0].Sample));
        Assert.Equal(0.5, slots[0].BestConfidence, 1e-6);
        Assert.Equal(1.0 / 3, slots[0].SampleConfidence, 1e-6);
        Assert.Equal(Math.Log(14) - (((4 * Math.Log(4)) + (9 * Math.Log(9))) / 14), slots[0].Entropy, 1e-6);
        Assert.Equal(0, slots[1].Best); // of equal ones the first
        Assert.Equal(Math.Log(3), slots[1].Entropy, 1e-12);
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.NegativeInfinity)]
    [InlineData(float.PositiveInfinity)]
    public void Read_LogitThatIsNoNumber_IsRefused(float logit)
    {
        Tensor logits = Tensor.From([0, 1, logit], 1, 3);
        Assert.Contains("token 2", Assert.Throws<CinnabarException>(
            () => new UniformReader(3, workers: null).Read(logits, 1, new SeededDraws(0, 1), 0, 1, new UniformSlot[1])).Message);
    }

    [Fact]
    public void SeededDraws_FollowTheirDistributions()
    {
        const int Draws = 40_000;
        double[] weights = [1, 0, 5, 2, 0];
        double[] samples = new double[5];
        double[] noise = new double[5];
        SeededDraws draws = new(seed: 9, canvasLength: 100);
        for (int i = 0; i < Draws; i++)
        {
            samples[draws.Sample(i / 1000, 1 + (i / 100 % 10), i % 100, weights, 8)]++;
            noise[draws.Noise(i / 1000, i / 100 % 10, i % 100, 5)]++;
        }

        for (int id = 0; id < 5; id++)
        {
            Assert.Equal(weights[id] / 8, samples[id] / Draws, 0.012); // five standard deviations
            Assert.Equal(0.2, noise[id] / Draws, 0.012);
        }

        Assert.Equal(0, samples[1] + samples[4]);
    }
}

/// <summary>Draws that a test chose: sample(canvas, step, slot); noise is 10·canvas + 3·step + slot, modulo the vocabulary.</summary>
internal sealed class ChosenDraws(Func<int, int, int, int> sample) : IUniformDraws
{
    public static int NoiseAt(int canvas, int step, int slot, int vocabularySize) =>
        ((10 * canvas) + (3 * step) + slot) % vocabularySize;

    public int Noise(int canvas, int step, int slot, int vocabularySize) => NoiseAt(canvas, step, slot, vocabularySize);

    public int Sample(int canvas, int step, int slot, ReadOnlySpan<double> weights, double sum) => sample(canvas, step, slot);
}
