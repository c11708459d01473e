using Cinnabar.Diffusion;
using Cinnabar.Models;
using Cinnabar.Numerics;

namespace Cinnabar.Tests.Diffusion;

public sealed class LikelihoodBoundTests
{
    private const int Vocabulary = 50;
    private const int Mask = 0;

    private static readonly KernelTable s_kernels = KernelTable.Create(threads: 1, KernelForm.Vector);

    [Theory]
    [InlineData(1, 1)]
    [InlineData(1, 5)]
    [InlineData(7, 1)]
    [InlineData(7, 2)]
    [InlineData(30, 13)]
    [InlineData(30, 128)]
    public void Estimate_UniformDenoiser_IsLengthTimesLogVocabularyWithoutError(int n, int samples)
    {
        LikelihoodBound bound = new(new CountingDenoiser(_ => 0), s_kernels);
        for (ulong seed = 0; seed < 5; seed++)
        {
            LikelihoodEstimate estimate = bound.Estimate(Text(n), samples, new DeterministicRandom(seed));
            Assert.Equal(n * Math.Log(Vocabulary), estimate.Nats, n * 1e-6);
            Assert.Equal(0, estimate.StandardError, 1e-9);
        }
    }

    [Fact]
    public void EstimateWindows_UniformDenoiser_IsTheSumOverWindowsWithoutError()
    {
        LikelihoodBound bound = new(new CountingDenoiser(_ => 0), s_kernels);
        List<int> done = [];
        LikelihoodEstimate estimate = bound.EstimateWindows([Text(20), Text(20), Text(20)], seed: 3, done.Add);
        Assert.Equal(60 * Math.Log(Vocabulary), estimate.Nats, 1e-4);
        Assert.Equal(0, estimate.StandardError, 1e-9);
        Assert.Equal([1, 2, 3], done);
    }

    // ((k + ⌊j·n/b + ½⌋ − 1) mod n) + 1; k is what the first sample masks. Each sample by itself meets every count.
    [Theory]
    [InlineData(10, 4)]
    [InlineData(6, 4)]
    [InlineData(9, 9)]
    [InlineData(7, 16)]
    public void Estimate_MaskCounts_AreStratified(int n, int samples)
    {
        HashSet<int>[] met = [.. Enumerable.Range(0, samples).Select(_ => new HashSet<int>())];
        for (ulong seed = 0; seed < 200; seed++)
        {
            CountingDenoiser denoiser = new(_ => 0);
            new LikelihoodBound(denoiser, s_kernels).Estimate(Text(n), samples, new DeterministicRandom(seed));
            int[] counts = denoiser.Counts;
            int CountOf(int j) => ((counts[0] + (int)Math.Floor((j * n / (double)samples) + 0.5) - 1) % n) + 1;
            Assert.Equal(Enumerable.Range(0, samples).Select(CountOf), counts);
            for (int j = 0; j < samples; j++)
            {
                met[j].Add(counts[j]);
            }
        }

        Assert.All(met, counts => Assert.Equal(Enumerable.Range(1, n), counts.Order()));
    }

    [Fact]
    public void Estimate_AsManySamplesAsTokens_IsTheMeanOverEveryCount()
    {
        // The denoiser is as sure as few tokens are missing, so every count has a loss of its own.
        const int N = 12;
        CountingDenoiser denoiser = new(masked => 6.0 / masked);
        LikelihoodEstimate estimate = new LikelihoodBound(denoiser, s_kernels).Estimate(Text(N), N, new DeterministicRandom(1));
        double[] nats = [.. Enumerable.Range(1, N).Select(l => N * (Math.Log(Math.Exp(6.0 / l) + Vocabulary - 1) - (6.0 / l)))];
        double mean = nats.Average();
        double deviation = Math.Sqrt(nats.Sum(x => (x - mean) * (x - mean)) / (N - 1));
        Assert.Equal(Enumerable.Range(1, N), denoiser.Counts.Order());
        Assert.Equal(mean, estimate.Nats, 1e-4);
        Assert.Equal(deviation / Math.Sqrt(N), estimate.StandardError, 1e-4);
        Assert.Equal(mean / 100 / Math.Log(2), estimate.BitsPer(100).Nats, 1e-6);
    }

    [Fact]
    public void Estimate_SameSeed_SameMasks()
    {
        CountingDenoiser first = new(_ => 0);
        CountingDenoiser second = new(_ => 0);
        new LikelihoodBound(first, s_kernels).Estimate(Text(20), 6, new DeterministicRandom(9));
        new LikelihoodBound(second, s_kernels).Estimate(Text(20), 6, new DeterministicRandom(9));
        Assert.Equal(first.Rows, second.Rows);
        Assert.Equal(6, first.Rows.Distinct(Comparer).Count());
    }

    private static EqualityComparer<int[]> Comparer { get; } =
        EqualityComparer<int[]>.Create((a, b) => a!.AsSpan().SequenceEqual(b), rows => rows.Length);

    private static int[] Text(int n) => [.. Enumerable.Range(0, n).Select(i => 1 + (i * 13 % (Vocabulary - 1)))];

    // Gives the clean token the logit that a number of masked positions asks for, and checks what it is shown.
    private sealed class CountingDenoiser(Func<int, double> logit) : IDenoiser
    {
        public List<int[]> Rows { get; } = [];

        public int[] Counts => [.. Rows.Select(rows => rows.Length)];

        public int VocabularySize => Vocabulary;

        public int MaxLength => 1000;

        public int MaskTokenId => Mask;

        public Tensor Logits(ReadOnlySpan<int> sequence, ReadOnlySpan<int> wanted)
        {
            (int[] ids, int[] rows) = (sequence.ToArray(), wanted.ToArray());
            int[] clean = Text(ids.Length);
            Assert.Equal(rows, Enumerable.Range(0, ids.Length).Where(i => ids[i] == Mask));
            Assert.All(Enumerable.Range(0, ids.Length).Except(rows), i => Assert.Equal(clean[i], ids[i]));
            Rows.Add(rows);
            Tensor logits = Tensor.Zeros(rows.Length, Vocabulary);
            for (int r = 0; r < rows.Length; r++)
            {
                logits.Row(r)[clean[rows[r]]] = (float)logit(rows.Length);
            }

            return logits;
        }
    }
}
