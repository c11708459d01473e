// Several texts for one place, of which the most probable is kept. By the probabilities that tokens had when they were committed,
//
//   log P = Σ_i log p(token i | what was there then)          the sum over the text of each hole and the end token behind it
//
// What is behind that end token is no text: most of it was filled, not drawn.
//
// Where a step commits one token, it is the exact log-probability of the text in the order in which it was written (the chain rule); where
// it commits several, those count as independent. All texts are denoised in shared passes.
using Cinnabar.Diffusion;

namespace Cinnabar.Sampling;

/// <summary>Denoises several texts and tells the most probable.</summary>
public static class BestOf
{
    /// <summary>Denoises a canvas several times, with one seed after the other.</summary>
    /// <param name="sampler">Of the network.</param>
    /// <param name="canvas">What to denoise; stays as it is.</param>
    /// <param name="options">How, with a temperature above 0 or an order that is drawn: otherwise all texts are the same.</param>
    /// <param name="count">Number of texts, at least 1.</param>
    /// <param name="cancellation">Looked at before every pass.</param>
    /// <returns>The canvas with the largest log P, the first of equals, and the work of all.</returns>
    /// <exception cref="CinnabarException">Nothing is drawn, or what the sampler refuses.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static (Canvas Canvas, PassCount Work) Run(
        Sampler sampler, Canvas canvas, SamplerOptions options, int count, CancellationToken cancellation = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        bool drawsOrder = options.Policy is not null || options.Remasking is Remasking.Random or Remasking.Origin;
        if (count > 1 && options.Temperature == 0 && !drawsOrder)
        {
            throw new CinnabarException(
                $"Expected a temperature above 0 for the best of {count} texts, found 0, which gives the same text each time.",
                "Set a temperature, such as 0.7, or an order that is drawn.");
        }

        Canvas[] canvases = [.. Enumerable.Range(0, count).Select(_ => canvas.Copy())];
        SamplerOptions[] seeded = [.. Enumerable.Range(0, count).Select(n => options with { Seed = options.Seed + (ulong)n })];
        PassCount work = Denoise(sampler, canvases, seeded, cancellation);
        return (canvases.MaxBy(LogProbability)!, work);
    }

    /// <summary>Denoises canvases in shared passes.</summary>
    /// <param name="sampler">Of the network.</param>
    /// <param name="canvases">Changed in place, each another one.</param>
    /// <param name="options">One for each canvas.</param>
    /// <param name="cancellation">Looked at before every pass.</param>
    /// <returns>The work of all; a pass that several share counts for each.</returns>
    public static PassCount Denoise(
        Sampler sampler,
        IReadOnlyList<Canvas> canvases,
        IReadOnlyList<SamplerOptions> options,
        CancellationToken cancellation = default)
    {
        long[] positions = new long[canvases.Count];
        int[] passes = sampler.Run(canvases, options, cancellation, (i, step) => positions[i] = step.ComputedPositions);
        return new PassCount(passes.Sum(), positions.Sum());
    }

    /// <summary>log P of the file head, in nats.</summary>
    /// <param name="canvas">Without noise.</param>
    public static double LogProbability(Canvas canvas) => canvas.Holes
        .Select((hole, i) => Enumerable.Range(hole.Start, Counted(canvas, i)).Sum(position => Math.Log(canvas.ConfidenceOf(position))))
        .Sum();

    // Tokens of a hole up to its first end token; all, or as many as its text may have, where it has none.
    private static int Counted(Canvas canvas, int hole)
    {
        Hole place = canvas.Holes[hole];
        int most = Math.Min(place.Length, place.MostText ?? place.Length);
        return Math.Min(canvas.TextOf(hole).Length + 1, most);
    }
}

/// <summary>What a network did.</summary>
/// <param name="ForwardPasses">Passes through it.</param>
/// <param name="ComputedPositions">Positions that went through it, over all passes.</param>
public readonly record struct PassCount(int ForwardPasses, long ComputedPositions);
