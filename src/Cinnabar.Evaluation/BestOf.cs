// Several texts for one canvas, of which the most probable is kept:
//
//   texts n = 0 … N − 1, each with seed + n
//   kept: the one with the largest Σ_i log p(token i | what was there when it was committed)
//
// Where a step commits one token, the sum is the exact log-probability of the text in the order in which it was written (the chain rule);
// where it commits several, those count as independent. All texts are denoised in shared passes.
using System.Diagnostics;
using Cinnabar.Diffusion;
using Cinnabar.Sampling;

namespace Cinnabar.Evaluation;

/// <summary>Denoises a canvas several times and keeps the most probable text.</summary>
public static class BestOf
{
    /// <summary>Runs.</summary>
    /// <param name="sampler">Of the network.</param>
    /// <param name="canvas">What to denoise; stays as it is.</param>
    /// <param name="options">How, with a temperature above 0: without one all texts are the same.</param>
    /// <param name="count">N, at least 1.</param>
    /// <returns>
    /// The canvas with the most probable text, the first of equals, and the work of all N; the tokens are those of that text.
    /// </returns>
    /// <exception cref="CinnabarException">The temperature is 0, or what the sampler refuses.</exception>
    public static (Canvas Canvas, DecodingWork Work) Run(Sampler sampler, Canvas canvas, SamplerOptions options, int count)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        if (count > 1 && options.Temperature == 0)
        {
            throw new CinnabarException(
                $"Expected a temperature above 0 for the best of {count} texts, found 0, which draws the same text each time.",
                "Set a temperature, such as 0.7.");
        }

        Canvas[] canvases = [.. Enumerable.Range(0, count).Select(_ => canvas.Copy())];
        SamplerOptions[] seeded = [.. Enumerable.Range(0, count).Select(n => options with { Seed = options.Seed + (ulong)n })];
        DenoisingStep?[] last = new DenoisingStep?[count];
        Stopwatch time = Stopwatch.StartNew();
        sampler.Run(canvases, seeded, observer: (n, step) => last[n] = step);
        Canvas best = canvases.MaxBy(LogProbability)!;
        return (best, new DecodingWork(
            last.Sum(step => step?.ForwardPasses ?? 0),
            last.Sum(step => step?.ComputedPositions ?? 0),
            DecodingWork.TokensOf(best),
            FirstStepTokens: 0,
            FirstStepSeconds: 0,
            time.Elapsed.TotalSeconds));
    }

    /// <summary>Sum over the positions of all holes, in nats.</summary>
    /// <param name="canvas">Without noise.</param>
    public static double LogProbability(Canvas canvas) => canvas.Holes
        .SelectMany(hole => Enumerable.Range(hole.Start, hole.Length))
        .Sum(position => Math.Log(canvas.ConfidenceOf(position)));
}
