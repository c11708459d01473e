// The truth about speed: every way of decoding fills the same holes, and its tokens per second stand beside what it got right.
//
//   tokens/s                 tokens written / time, reading the context included
//   tokens/s after the       the same without the first step, which reads the context: what a long text converges to
//   first step
//   share of the peak        2·N·positions / time / peak, N the weights that take part in products; attention is not counted
//   exact match              of single-line holes whose length is given
using System.Globalization;
using Cinnabar.Sampling;

namespace Cinnabar.Evaluation;

/// <summary>A way of decoding.</summary>
/// <param name="Name">What it is called.</param>
/// <param name="Options">Its settings.</param>
public sealed record DecodingMethod(string Name, SamplerOptions Options)
{
    /// <summary>The ways worth comparing.</summary>
    public static IReadOnlyList<DecodingMethod> Standard { get; } = MakeStandard();

    private static DecodingMethod[] MakeStandard()
    {
        SamplerOptions plain = new();
        SamplerOptions sure = new() { Threshold = 0.9 };
        SamplerOptions bold = new() { Threshold = 0.5 };
        SamplerOptions dual = new() { Cache = CacheKind.Dual };
        return
        [
            new("one token per pass", plain),
            new("8 steps", plain with { Steps = 8 }),
            new("4 steps", plain with { Steps = 4 }),
            new("2 steps", plain with { Steps = 2 }),
            new("1 step", plain with { Steps = 1 }),
            new("threshold 0.9", sure),
            new("threshold 0.7", plain with { Threshold = 0.7 }),
            new("threshold 0.5", bold),
            new("factor 1", plain with { Factor = 1 }),
            new("entropy bound 0.1", plain with { EntropyBound = 0.1, Remasking = Remasking.Entropy }),
            new("entropy bound 1", plain with { EntropyBound = 1, Remasking = Remasking.Entropy }),
            new("threshold 0.9, stable", sure with { Stability = 0.01 }),
            new("threshold 0.9, gaps 0.5", sure with { LowThreshold = 0.5 }),
            new("threshold 0.9, credit", sure with { Credit = true }),
            new("threshold 0.5, edits", bold with { EditThreshold = 0.5 }),
            new("threshold 0.5, masks again", bold with { RemaskBelow = 0.3 }),
            new("threshold 0.6, verified 0.9", plain with { Threshold = 0.6, VerifyThreshold = 0.9 }),
            new("early exit 5", plain with { EarlyExit = 5 }),
            new("ReMDM, 8 steps", plain with { Steps = 8, Remasking = Remasking.Origin, Remdm = RemdmKind.Confidence }),
            new("one token per pass, dual cache", dual),
            new("one token per pass, active cache", plain with { Cache = CacheKind.Active }),
            new("4 steps, dual cache", dual with { Steps = 4 }),
            new("threshold 0.9, dual cache", sure with { Cache = CacheKind.Dual }),
            new("threshold 0.9, active cache", sure with { Cache = CacheKind.Active }),
            new("threshold 0.5, dual cache", bold with { Cache = CacheKind.Dual }),
        ];
    }
}

/// <summary>What a way of decoding reached.</summary>
/// <param name="Method">Its name.</param>
/// <param name="Model">Name of the model.</param>
/// <param name="Result">Quality, and work over all holes.</param>
/// <param name="ShareOfPeak">0 … 1; null where the peak is not known.</param>
/// <param name="AllocatedBytesPerPass">Managed memory allocated by all threads, per pass.</param>
public sealed record DecodingResult(string Method, string Model, InfillResult Result, double? ShareOfPeak, double AllocatedBytesPerPass)
{
    /// <summary>Titles of <see cref="Cells"/>.</summary>
    public static IReadOnlyList<string> Columns { get; } =
    [
        "model", "method", "passes", "tokens per pass", "positions per token", "tokens/s", "after first step", "% of peak",
        "bytes per pass",
        "exact match",
    ];

    /// <summary>Tokens written per second.</summary>
    public double TokensPerSecond => Result.Work.Tokens / Result.Work.Seconds;

    /// <summary>Tokens written per second after the first step; null if the first step wrote everything.</summary>
    public double? TokensPerSecondAfterFirstStep => Result.Work.Tokens > Result.Work.FirstStepTokens
        ? (Result.Work.Tokens - Result.Work.FirstStepTokens) / (Result.Work.Seconds - Result.Work.FirstStepSeconds)
        : null;

    /// <summary>A row of a table.</summary>
    public string[] Cells
    {
        get
        {
            DecodingWork work = Result.Work;
            double tokens = Math.Max(1, work.Tokens);
            return
            [
                Model,
                Method,
                Number(Result.ForwardPasses, 1),
                Number(tokens / Math.Max(1, work.ForwardPasses), 2),
                Number(work.ComputedPositions / tokens, 0),
                Number(TokensPerSecond, 0),
                TokensPerSecondAfterFirstStep is double after ? Number(after, 0) : "",
                ShareOfPeak is double share ? Number(100 * share, 0) : "",
                Number(AllocatedBytesPerPass, 0),
                $"{Number(100 * Result.ExactMatch.Mean, 1)} ± {Number(100 * Result.ExactMatch.StandardError, 1)} %",
            ];
        }
    }

    private static string Number(double value, int digits) => value.ToString($"F{digits}", CultureInfo.InvariantCulture);
}
