using System.Diagnostics;
using Cinnabar.Diffusion;
using Cinnabar.Sampling;

namespace Cinnabar.Evaluation;

/// <summary>What it took to fill a canvas.</summary>
/// <param name="ForwardPasses">Passes through the network.</param>
/// <param name="ComputedPositions">Positions that went through it, over all passes.</param>
/// <param name="Tokens">Tokens written, the unused rest of the holes left out.</param>
/// <param name="FirstStepTokens">Those of them that the first step wrote.</param>
/// <param name="FirstStepSeconds">Time of the first step, which has to read all that is known.</param>
/// <param name="Seconds">Time of all steps.</param>
public readonly record struct DecodingWork(
    int ForwardPasses, long ComputedPositions, int Tokens, int FirstStepTokens, double FirstStepSeconds, double Seconds)
{
    /// <summary>Denoises a canvas to the end.</summary>
    /// <param name="sampler">Of the network.</param>
    /// <param name="canvas">What to denoise.</param>
    /// <param name="options">How.</param>
    /// <param name="onStep">Told every step; its time counts.</param>
    /// <param name="cancellation">Looked at before every pass.</param>
    public static DecodingWork Run(
        Sampler sampler,
        Canvas canvas,
        SamplerOptions options,
        Action<DenoisingStep>? onStep = null,
        CancellationToken cancellation = default)
    {
        DenoisingStep? last = null;
        int firstTokens = 0;
        double firstSeconds = 0;
        Stopwatch time = Stopwatch.StartNew();
        sampler.Run(canvas, options, cancellation, step =>
        {
            if (last is null)
            {
                firstTokens = step.Commits.Count;
                firstSeconds = time.Elapsed.TotalSeconds;
            }

            last = step;
            onStep?.Invoke(step);
        });
        double seconds = time.Elapsed.TotalSeconds;
        int tokens = TokensOf(canvas);
        return new DecodingWork(
            last?.ForwardPasses ?? 0, last?.ComputedPositions ?? 0, tokens, Math.Min(firstTokens, tokens), firstSeconds, seconds);
    }

    /// <summary>What it took to find a canvas among others that were filled as well.</summary>
    /// <param name="passes">Of all of them.</param>
    /// <param name="canvas">The one that was kept, whose tokens count.</param>
    /// <param name="elapsed">Time of all of them.</param>
    public static DecodingWork Of(PassCount passes, Canvas canvas, TimeSpan elapsed) => new(
        passes.ForwardPasses,
        passes.ComputedPositions,
        TokensOf(canvas),
        FirstStepTokens: 0,
        FirstStepSeconds: 0,
        elapsed.TotalSeconds);

    /// <summary>Tokens in the holes of a canvas, their unused rest left out.</summary>
    private static int TokensOf(Canvas canvas) => Enumerable.Range(0, canvas.Holes.Count).Sum(hole => canvas.TextOf(hole).Length);

    /// <summary>The sum of two pieces of work.</summary>
    public static DecodingWork operator +(DecodingWork a, DecodingWork b) => new(
        a.ForwardPasses + b.ForwardPasses,
        a.ComputedPositions + b.ComputedPositions,
        a.Tokens + b.Tokens,
        a.FirstStepTokens + b.FirstStepTokens,
        a.FirstStepSeconds + b.FirstStepSeconds,
        a.Seconds + b.Seconds);
}
