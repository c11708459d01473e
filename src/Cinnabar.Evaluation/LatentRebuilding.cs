// What latents keep of held-out text: windows spread over a split go through latents and codes and back. A token counts as rebuilt if the
// likeliest token at its place is it. A codebook's use is measured by the share of its codes that were chosen at all, and by its perplexity
// exp(−Σ p ln p) of their frequencies p: as many codes, equally often chosen, would tell as much. With noise added to the latents the share
// that still comes back tells how far a denoiser may be off: AuBLEU, the area under the curve of BLEU against the noise's share of the
// variance, as PLANNER has it (Zhang et al. 2023). Here it is the mean over shares a = 0, 0.1 … 0.9, each as noise of deviation
// √(a/(1 − a)) on latents of size 1; the paper does not say at which points it measured, so figures compare within this program alone.
using System.Globalization;
using Cinnabar.Checkpoints;
using Cinnabar.Diffusion;
using Cinnabar.Latents;
using Cinnabar.Tokenizers;

namespace Cinnabar.Evaluation;

/// <summary>The share of tokens that come back, and how codes are used.</summary>
/// <param name="Tokens">Share of tokens that come back, with its standard error over windows.</param>
/// <param name="Windows">Windows.</param>
/// <param name="Bleu">BLEU of the texts that come back, 0 … 100.</param>
/// <param name="UsedCodes">Share of all codes that were chosen.</param>
/// <param name="CodePerplexity">Mean over the codebooks.</param>
/// <param name="CodebookSize">K; 0: no codes were used.</param>
public sealed record LatentRebuilding(
    SampleMean Tokens, int Windows, double Bleu, double UsedCodes, double CodePerplexity, int CodebookSize)
{
    private const ulong NoiseSeed = 1;

    /// <summary>Measures a model.</summary>
    /// <param name="network">Its network.</param>
    /// <param name="tokenizer">Its tokens.</param>
    /// <param name="windows">Texts of a multiple of s tokens.</param>
    /// <param name="raw">Whether latents stay as they are, instead of becoming their nearest codes.</param>
    /// <param name="noise">Deviation of the Gaussian noise that is added to the latents.</param>
    /// <param name="done">Told after every window.</param>
    /// <param name="cancellation">Stops before the next window.</param>
    public static LatentRebuilding Measure(
        LatentTextDenoiser network,
        Tokenizer tokenizer,
        IReadOnlyList<int[]> windows,
        bool raw = false,
        double noise = 0,
        Action<int>? done = null,
        CancellationToken cancellation = default)
    {
        LatentShape shape = network.Shape;
        long[] chosen = new long[shape.CodebookGroups * shape.CodebookSize];
        List<double> shares = [];
        List<(string, IReadOnlyList<string>)> texts = [];
        DeterministicRandom random = new(NoiseSeed);
        foreach (int[] window in windows)
        {
            cancellation.ThrowIfCancellationRequested();
            (int[] rebuilt, int[] codes) = network.Rebuild(window, raw, noise, random);
            shares.Add(window.Where((id, i) => rebuilt[i] == id).Count() / (double)window.Length);
            texts.Add((tokenizer.Decode(rebuilt), [tokenizer.Decode(window)]));
            for (int i = 0; i < codes.Length; i++)
            {
                chosen[(i % shape.CodebookGroups * shape.CodebookSize) + codes[i]]++;
            }

            done?.Invoke(shares.Count);
        }

        bool hasCodes = !raw && shape.CodebookSize > 0;
        return new LatentRebuilding(
            SampleMean.Of(shares),
            shares.Count,
            Evaluation.Bleu.Of(texts),
            hasCodes ? chosen.Count(n => n > 0) / (double)chosen.Length : 0,
            hasCodes ? chosen.Chunk(shape.CodebookSize).Average(Perplexity) : 0,
            hasCodes ? shape.CodebookSize : 0);
    }

    /// <summary>The shares of the variance at which AuBLEU measures.</summary>
    public static IReadOnlyList<double> NoiseShares { get; } = [.. Enumerable.Range(0, 10).Select(i => i / 10.0)];

    /// <summary>Deviation of noise that is a given share of the variance, for latents of size 1.</summary>
    /// <param name="share">At least 0, below 1.</param>
    public static double DeviationOf(double share) => Math.Sqrt(share / (1 - share));

    /// <inheritdoc/>
    public override string ToString()
    {
        string tokens = string.Create(
            CultureInfo.InvariantCulture,
            $"rebuilt {100 * Tokens.Mean:F2} ± {100 * Tokens.StandardError:F2} % of tokens, BLEU {Bleu:F1} ({Windows} windows)");
        return CodebookSize == 0 ? tokens : tokens + string.Create(
            CultureInfo.InvariantCulture,
            $"; codes used {100 * UsedCodes:F1} %, perplexity {CodePerplexity:F0} of {CodebookSize}");
    }

    private static double Perplexity(long[] counts)
    {
        double sum = counts.Sum();
        return Math.Exp(-counts.Where(n => n > 0).Sum(n => n / sum * Math.Log(n / sum)));
    }
}
