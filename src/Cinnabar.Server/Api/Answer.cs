namespace Cinnabar.Server.Api;

/// <summary>A text that has been written, and how it came about.</summary>
internal sealed record Answer
{
    /// <summary>Number of the text in its request, from 0.</summary>
    public required int Index { get; init; }

    /// <summary>What was written into each hole, cut at the first stop text.</summary>
    public required IReadOnlyList<string> Texts { get; init; }

    /// <summary>Tokens of each hole, as far as they are needed for its text.</summary>
    public required IReadOnlyList<int> Tokens { get; init; }

    /// <summary>Why it ends.</summary>
    public required Ending Ending { get; init; }

    /// <summary>The stop text that ends it; null: none does.</summary>
    public string? StopText { get; init; }

    /// <summary>Known tokens that the network saw.</summary>
    public required int PromptTokens { get; init; }

    /// <summary>Whether the text was longer than the context, so that the network saw only what stands near the holes.</summary>
    public required bool IsTruncated { get; init; }

    /// <summary>Denoising steps.</summary>
    public required int Steps { get; init; }

    /// <summary>Passes through the network.</summary>
    public required int Passes { get; init; }

    /// <summary>Passes that finding the lengths of its holes took.</summary>
    public int LengthPasses { get; init; }

    /// <summary>Time of the steps and of finding lengths.</summary>
    public required TimeSpan Elapsed { get; init; }

    /// <summary>Start of the random numbers.</summary>
    public required ulong Seed { get; init; }

    /// <summary>An answer that no network had to write.</summary>
    public static Answer Empty(GenerationRequest request) => new()
    {
        Index = 0,
        Texts = [""],
        Tokens = [0],
        Ending = Ending.Stop,
        PromptTokens = 0,
        IsTruncated = false,
        Steps = 0,
        Passes = 0,
        Elapsed = TimeSpan.Zero,
        Seed = request.Options.Seed,
    };

    /// <summary>Tokens of all holes.</summary>
    public int NewTokens => Tokens.Sum();

    /// <summary>The word of OpenAI's API for why it ends.</summary>
    public string FinishReason => Ending == Ending.Length ? "length" : "stop";
}

/// <summary>Why a text ends.</summary>
internal enum Ending
{
    /// <summary>The network ended it, or every hole has the length it was to have.</summary>
    Stop,

    /// <summary>A stop text was found.</summary>
    StopText,

    /// <summary>A hole is full and has no end.</summary>
    Length,
}
