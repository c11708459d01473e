// What noise does, by kind:
//
//   masked    a token turns into the mask token and stays there         LinearSchedule, CosineSchedule     back: Sampling/MaskedRun
//   uniform   a token turns into any token; only sampled here, with networks of others, not trained        back: Sampling/UniformRun
//   Gaussian  numbers are added to the numbers of a latent              GaussianSchedule                   back: Sampling/LatentRun
//
//   Mask          each maskable position independently with probability p = 1 − α(t)      (training; weight w(t))
//   MaskExactly   l of the L maskable positions, every subset equally likely               (likelihood; weight L / l)
//   MaskTail      about t of them, the last ones                                           (training; no bound)
//   AddNoise      z = α(t) x + σ(t) ε
//
// Of masks the first two estimate the same bound; drawing l uniformly from 1 … L and masking exactly l has the smaller variance (LLaDA: 128
// draws where the first form needs over 1,000). Mask draws one number per maskable position whatever p is, so the same generator with a
// larger p masks a superset.
//
// Source: Nie et al., LLaDA, 2025, equations 3 and 6; Austin et al., D3PM, 2021 (absorbing state).
namespace Cinnabar.Diffusion;

/// <summary>What noise does to a sequence of token ids, or of latents.</summary>
public static class Corruption
{
    /// <summary>Masks each maskable position with probability <paramref name="probability"/>, in place.</summary>
    /// <param name="ids">Token ids [L], changed in place.</param>
    /// <param name="maskable">Positions that may be masked, each once.</param>
    /// <param name="probability">0 … 1.</param>
    /// <param name="maskTokenId">The id that stands for noise.</param>
    /// <param name="random">Draws one number per maskable position.</param>
    /// <returns>The masked positions in the order of <paramref name="maskable"/>; may be empty.</returns>
    public static int[] Mask(
        Span<int> ids, ReadOnlySpan<int> maskable, double probability, int maskTokenId, DeterministicRandom random)
    {
        if (!(probability >= 0 && probability <= 1))
        {
            throw new ArgumentOutOfRangeException(nameof(probability), probability, "A probability lies in 0 … 1.");
        }

        var masked = new List<int>(maskable.Length);
        foreach (int position in maskable)
        {
            if (random.NextDouble() < probability)
            {
                ids[position] = maskTokenId;
                masked.Add(position);
            }
        }

        return [.. masked];
    }

    /// <summary>
    /// Masks the last of the maskable positions, in place: <paramref name="share"/> of them, rounded up or down at random so that it is as
    /// many on average.
    /// </summary>
    /// <param name="ids">Token ids [L], changed in place.</param>
    /// <param name="maskable">Positions that may be masked, ascending.</param>
    /// <param name="share">In 0 … 1.</param>
    /// <param name="maskTokenId">The id that stands for noise.</param>
    /// <param name="random">Draws one number.</param>
    /// <returns>The masked positions, ascending.</returns>
    public static int[] MaskTail(
        Span<int> ids, ReadOnlySpan<int> maskable, double share, int maskTokenId, DeterministicRandom random)
    {
        int count = Math.Min(maskable.Length, (int)((share * maskable.Length) + random.NextDouble()));
        int[] masked = maskable[^count..].ToArray();
        foreach (int position in masked)
        {
            ids[position] = maskTokenId;
        }

        return masked;
    }

    /// <summary>Masks exactly <paramref name="count"/> maskable positions, in place; every subset of that size is equally likely.</summary>
    /// <param name="ids">Token ids [L], changed in place.</param>
    /// <param name="maskable">Positions that may be masked, each once.</param>
    /// <param name="count">l, 0 … the number of maskable positions.</param>
    /// <param name="maskTokenId">The id that stands for noise.</param>
    /// <param name="random">Draws <paramref name="count"/> integers.</param>
    /// <returns>The masked positions, ascending.</returns>
    public static int[] MaskExactly(
        Span<int> ids, ReadOnlySpan<int> maskable, int count, int maskTokenId, DeterministicRandom random)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, maskable.Length);
        int[] pool = maskable.ToArray();
        for (int i = 0; i < count; i++)
        {
            // First steps of a Fisher-Yates shuffle: the front of the pool is a uniform draw without replacement.
            int other = i + random.NextInt(pool.Length - i);
            (pool[i], pool[other]) = (pool[other], pool[i]);
            ids[pool[i]] = maskTokenId;
        }

        int[] masked = pool[..count];
        Array.Sort(masked);
        return masked;
    }

    /// <summary>Adds Gaussian noise: z = α(t) x + σ(t) ε.</summary>
    /// <param name="clean">x.</param>
    /// <param name="noise">ε, as many.</param>
    /// <param name="schedule">The law of noise.</param>
    /// <param name="t">The time.</param>
    /// <param name="noisy">Receives z, as many; may be the same span as x.</param>
    public static void AddNoise(
        ReadOnlySpan<float> clean, ReadOnlySpan<float> noise, GaussianSchedule schedule, double t, Span<float> noisy)
    {
        (float signal, float deviation) = ((float)schedule.Signal(t), (float)schedule.Noise(t));
        for (int i = 0; i < noisy.Length; i++)
        {
            noisy[i] = (signal * clean[i]) + (deviation * noise[i]);
        }
    }
}
