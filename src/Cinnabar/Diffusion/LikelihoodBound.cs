// Upper bound of the negative log-likelihood of a text under a masked-diffusion model (LLaDA, Nie et al. 2025, eq. 6 and
// get_log_likelihood.py; spec of the estimator: D.1).
//
//   −log p(x) ≤ E_{l ~ U{1..n}} E_{masks of exactly l of n positions} [ n/l · Σ_{i masked} −log f(x_i | corrupted x) ]
//
// Masking an exact count has a lower variance than masking each token with probability t. Over a batch of b samples the counts are
// stratified: with k ~ U{1..n}, sample j masks ((k + ⌊j·n/b + ½⌋ − 1) mod n) + 1 positions, each count equally likely. Deviation: the
// reference rounds k + j·n/b, halves to even; where j·n/b has a half that leaves out every other count, which biases the estimate. Standard
// errors are those of independent samples, more than strata mostly have.
using Cinnabar.Models;
using Cinnabar.Numerics;

namespace Cinnabar.Diffusion;

/// <summary>Estimates the likelihood bound of token sequences.</summary>
public sealed class LikelihoodBound
{
    private readonly IDenoiser _denoiser;
    private readonly KernelTable _kernels;

    /// <summary>Estimates under one network.</summary>
    public LikelihoodBound(IDenoiser denoiser, KernelTable kernels)
    {
        denoiser.RequireMask("the likelihood of a text");
        _denoiser = denoiser;
        _kernels = kernels;
    }

    /// <summary>Estimates the bound for one sequence of n tokens from <paramref name="samples"/> stratified samples.</summary>
    /// <param name="ids">The clean tokens: 1 … MaxLength of them.</param>
    /// <param name="samples">Network passes to spend.</param>
    /// <param name="random">Source of counts and masks.</param>
    public LikelihoodEstimate Estimate(ReadOnlySpan<int> ids, int samples, DeterministicRandom random) =>
        LikelihoodEstimate.MeanOf([.. Samples(ids.ToArray(), samples, random)]);

    /// <summary>The samples of <see cref="Estimate"/> in nats, one by one; the pass of each is made when it is asked for.</summary>
    /// <inheritdoc cref="Estimate"/>
    public IEnumerable<double> Samples(int[] ids, int samples, DeterministicRandom random)
    {
        int n = ids.Length;
        int k = 1 + random.NextInt(n);
        for (int j = 0; j < samples; j++)
        {
            int shift = (int)(((2L * j * n) + samples) / (2L * samples)); // ⌊j·n/b + ½⌋
            int masked = ((k + shift - 1) % n) + 1;
            yield return SampleWithCount(ids, masked, random);
        }
    }

    /// <summary>
    /// Estimates the sum of the bounds of equally long windows, one sample each, the mask counts stratified over the windows. The cheap
    /// form for following a training run: same <paramref name="seed"/>, same masks.
    /// </summary>
    public LikelihoodEstimate EstimateWindows(IReadOnlyList<int[]> windows, ulong seed, Action<int>? windowDone = null)
    {
        DeterministicRandom random = new(seed);
        double[] times = NoiseSchedule.Times(windows.Count, random, minimumTime: 0);
        double[] nats = new double[windows.Count];
        for (int w = 0; w < windows.Count; w++)
        {
            nats[w] = SampleWithCount(windows[w], 1 + (int)(times[w] * windows[w].Length), random);
            windowDone?.Invoke(w + 1);
        }

        return LikelihoodEstimate.SumOf(nats);
    }

    // n/l · Σ cross-entropy over l positions chosen without replacement.
    private double SampleWithCount(ReadOnlySpan<int> ids, int count, DeterministicRandom random)
    {
        int[] corrupted = ids.ToArray();
        int[] all = [.. Enumerable.Range(0, ids.Length)];
        int[] rows = Corruption.MaskExactly(corrupted, all, count, _denoiser.MaskTokenId, random);
        int[] targets = new int[count];
        for (int i = 0; i < count; i++)
        {
            targets[i] = ids[rows[i]];
        }

        Tensor losses = Tensor.Zeros(count);
        _kernels.CrossEntropy.Forward(_denoiser.Logits(corrupted, rows), targets, losses);
        double sum = 0;
        foreach (float loss in losses.Floats)
        {
            sum += loss;
        }

        return sum * ids.Length / count;
    }
}
