namespace Cinnabar.Sampling;

/// <summary>How a canvas is denoised.</summary>
public sealed record SamplerOptions
{
    private const int MaximumCount = 1 << 20;

    /// <summary>Length of the noisy tail when a text is continued, 1 … 1,048,576 tokens (LLaDA <c>gen_length</c>).</summary>
    public int MaxNewTokens { get; init; } = 128;

    /// <summary>
    /// Denoising steps for the whole canvas, at least one a block, 1 … 1,048,576; null: one token a step. With <see cref="Threshold"/> or
    /// <see cref="Factor"/> an upper limit.
    /// </summary>
    public int? Steps { get; init; }

    /// <summary>Noisy positions denoised together, leftmost first, 1 … 1,048,576; null: all (LLaDA <c>block_length</c>).</summary>
    public int? BlockSize { get; init; }

    /// <summary>0 takes the most probable token; T > 0 draws from softmax(logits / T); at most 100.</summary>
    public double Temperature { get; init; }

    /// <summary>Draws only from the most probable tokens that sum to TopP, including the one that crosses; in (0, 1]; null: all.</summary>
    public double? TopP { get; init; }

    /// <summary>Draws only from the TopK most probable tokens, at least 1; null: from all.</summary>
    public int? TopK { get; init; }

    /// <summary>Guidance: logits = u + (CfgScale + 1)(c − u), u without the known text; 0 … 100, 0 is off. Doubles the passes.</summary>
    public double CfgScale { get; init; }

    /// <summary>The order in which positions are committed.</summary>
    public Remasking Remasking { get; init; } = Remasking.LowConfidence;

    /// <summary>How many positions a step commits.</summary>
    public Transfer Transfer { get; init; } = Transfer.Even;

    /// <summary>
    /// A step also commits every position whose score is at least this, in (0, 1]; with LowConfidence or Margin only (Fast-dLLM uses 0.9);
    /// null: off.
    /// </summary>
    public double? Threshold { get; init; }

    /// <summary>
    /// A step also commits as many of the surest positions as have confidence at least 1 − Factor/(n + 1), n being their number;
    /// greater than 0; with LowConfidence only; null: off.
    /// </summary>
    public double? Factor { get; init; }

    /// <summary>Lets the padding token appear in a continuation.</summary>
    public bool AllowPadding { get; init; }

    /// <summary>Start of the random numbers; the same seed gives the same text.</summary>
    public ulong Seed { get; init; }

    /// <summary>Checks every option.</summary>
    /// <exception cref="CinnabarException">An option is outside its range, or two options contradict each other.</exception>
    public void Validate()
    {
        Check(MaxNewTokens is >= 1 and <= MaximumCount, nameof(MaxNewTokens), "1 … 1048576", MaxNewTokens);
        Check(Steps is null or (>= 1 and <= MaximumCount), nameof(Steps), "1 … 1048576", Steps);
        Check(BlockSize is null or (>= 1 and <= MaximumCount), nameof(BlockSize), "1 … 1048576", BlockSize);
        Check(Temperature is >= 0 and <= 100, nameof(Temperature), "0 … 100", Temperature);
        Check(TopP is null or (> 0 and <= 1), nameof(TopP), "greater than 0, at most 1", TopP);
        Check(TopK is null or >= 1, nameof(TopK), "1 or more", TopK);
        Check(CfgScale is >= 0 and <= 100, nameof(CfgScale), "0 … 100", CfgScale);
        Check(Enum.IsDefined(Remasking), nameof(Remasking), string.Join(", ", Enum.GetNames<Remasking>()), Remasking);
        Check(Enum.IsDefined(Transfer), nameof(Transfer), string.Join(", ", Enum.GetNames<Transfer>()), Transfer);
        Check(Threshold is null or (> 0 and <= 1), nameof(Threshold), "greater than 0, at most 1", Threshold);
        Check(Factor is null or (> 0 and <= 1e6), nameof(Factor), "greater than 0, at most 1e6", Factor);
        if (Threshold is not null)
        {
            bool onScale = Remasking is Remasking.LowConfidence or Remasking.Margin;
            Check(onScale, nameof(Remasking), "LowConfidence or Margin beside Threshold", Remasking);
            Check(Factor is null, nameof(Factor), "null beside Threshold", Factor);
        }

        if (Factor is not null)
        {
            Check(Remasking is Remasking.LowConfidence, nameof(Remasking), "LowConfidence beside Factor", Remasking);
        }
    }

    private static void Check(bool holds, string option, string range, object? found)
    {
        if (!holds)
        {
            throw new CinnabarException($"Expected the option {option} to be {range}, found {found ?? "null"}.", $"Change {option}.");
        }
    }
}
