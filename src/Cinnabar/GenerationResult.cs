using Cinnabar.Sampling;

namespace Cinnabar;

/// <summary>A finished text.</summary>
public sealed record GenerationResult
{
    /// <summary>The whole text: what was given, with every hole filled.</summary>
    public required string Text { get; init; }

    /// <summary>What was written, left to right; one for a continuation.</summary>
    public required IReadOnlyList<FilledHole> Holes { get; init; }

    /// <summary>
    /// The ids the network saw at the end, known text and holes, without the unused rest of holes, with what a text was cut before.
    /// </summary>
    public required IReadOnlyList<int> TokenIds { get; init; }

    /// <summary>Tokens of known text that did not fit into the context and were not seen by the network; 0 if the text fits.</summary>
    public int OmittedTokens { get; init; }

    /// <summary>Name of the model.</summary>
    public string Model { get; init; } = "";

    /// <summary>Denoising steps taken.</summary>
    public int Steps { get; init; }

    /// <summary>Passes through the network; more than steps with guidance.</summary>
    public int ForwardPasses { get; init; }

    /// <summary>
    /// Passes that finding the lengths of the holes took, beside <see cref="ForwardPasses"/>; 0 if they were not searched for.
    /// </summary>
    public int LengthPasses { get; init; }

    /// <summary>Positions that went through the network, over all passes; less than the canvas a pass with a cache.</summary>
    public long ComputedPositions { get; init; }

    /// <summary>
    /// If <see cref="SamplerOptions.MeasureDrift"/> is on and a cache was refreshed: the largest change of a committed token's
    /// logit.
    /// </summary>
    public float? CacheDrift { get; init; }

    /// <summary>Time of the steps and of finding lengths, without loading the model.</summary>
    public TimeSpan Elapsed { get; init; }

    /// <summary>Start of the random numbers.</summary>
    public ulong Seed { get; init; }

    /// <summary>Number of tokens of the texts of holes.</summary>
    public int NewTokens => Holes.Sum(hole => hole.TokenIds.Count);

    /// <summary><see cref="NewTokens"/> per second of <see cref="Elapsed"/>.</summary>
    public double TokensPerSecond => Elapsed > TimeSpan.Zero ? NewTokens / Elapsed.TotalSeconds : 0;

    /// <summary>A text with what is known of how it came about.</summary>
    internal static GenerationResult Finished(
        GenerationResult text, DiffusionModel model, SamplerOptions options, DenoisingStep? last, TimeSpan elapsed) => text with
    {
        Model = model.Name,
        Steps = last?.Step ?? 0,
        ForwardPasses = last?.ForwardPasses ?? 0,
        ComputedPositions = last?.ComputedPositions ?? 0,
        Elapsed = text.Elapsed + elapsed,
        Seed = options.Seed,
    };
}

/// <summary>What was written into one hole.</summary>
/// <param name="Index">Number of the hole, from 0.</param>
/// <param name="Text">Its text, which ends before it repeats what stands behind the hole.</param>
/// <param name="TokenIds">Its tokens, without the unused rest; where a space stands before the hole, the first token may repeat it.</param>
/// <param name="CanvasLength">Positions that were denoised, the unused rest included.</param>
public sealed record FilledHole(int Index, string Text, IReadOnlyList<int> TokenIds, int CanvasLength);
