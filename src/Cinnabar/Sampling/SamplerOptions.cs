using Cinnabar.Latents;

namespace Cinnabar.Sampling;

/// <summary>How a canvas is denoised.</summary>
public sealed partial record SamplerOptions
{
    /// <summary>The most new tokens, steps or positions of a block that can be asked for, far above the context of any model.</summary>
    public const int MaximumCount = 1 << 20;

    /// <summary>The most tokens that can be drafted at once.</summary>
    public const int MaximumDraft = 256;

    /// <summary>Length of the noisy tail when a text is continued, 1 … 1,048,576 tokens (LLaDA <c>gen_length</c>).</summary>
    public int MaxNewTokens { get; init; } = 128;

    /// <summary>
    /// Denoising steps for the whole canvas, at least one per block, 1 … 1,048,576; null: one token per step. With
    /// <see cref="Threshold"/>, <see cref="Factor"/> or <see cref="EntropyBound"/> an upper limit.
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

    /// <summary>
    /// Makes a policy of your own for each run, instead of the one that <see cref="Remasking"/>, <see cref="Threshold"/> and the options
    /// like it describe; null: theirs.
    /// </summary>
    public Func<StepPolicy>? Policy { get; init; }

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

    /// <summary>
    /// A step also commits as many positions, least entropy first, as keep the sum of their entropies but the largest within this, in nats,
    /// 0 … 1000; with Entropy only (RND1 uses 0.1); null: off.
    /// </summary>
    public double? EntropyBound { get; init; }

    /// <summary>
    /// Beside <see cref="Threshold"/>: a position must also have changed by less than this divergence, in nats, in each of the last two
    /// steps; greater than 0 (KLASS uses 0.015 for LLaDA and 0.001 for Dream); null: off.
    /// </summary>
    public double? Stability { get; init; }

    /// <summary>
    /// Beside <see cref="Threshold"/>: the surest position of each run of noisy positions is also committed if it is at least this sure,
    /// in (0, Threshold] (dInfer uses 0.5); null: off.
    /// </summary>
    public double? LowThreshold { get; init; }

    /// <summary>
    /// Beside <see cref="Threshold"/>: committed tokens are masked again whose probability, had they not been written, is below this, in
    /// (0, 1] (WINO uses 0.9 beside a threshold of 0.6); null: off.
    /// </summary>
    public double? VerifyThreshold { get; init; }

    /// <summary>
    /// Texts are written as the network writes them that reads left to right, token after token: continuations, and, where it was trained
    /// to (<see cref="Checkpoints.ModelConfig.CausalInfill"/>), a single hole that may end before its last position. The options of order,
    /// from <see cref="Steps"/> to <see cref="Remdm"/>, and <see cref="Cache"/> have no meaning beside it. Other canvases, with several
    /// holes, an exact length or a pin behind noise, are denoised as without it. Default false.
    /// </summary>
    public bool LeftToRight { get; init; }

    /// <summary>
    /// The text of <see cref="LeftToRight"/>, also without it, in fewer passes: so many tokens at most, 1 … 256, are drafted in a pass that
    /// sees both sides, and the same network, reading left to right, keeps those that it would write (<see cref="DraftedRun"/>). Null:
    /// nothing is drafted.
    /// </summary>
    public int? DraftTokens { get; init; }

    /// <summary>Tokens that led in earlier steps become surer (dInfer's credit).</summary>
    public bool Credit { get; init; }

    /// <summary>
    /// A step commits the whole block if the best logit leads the second by this, in nats, on average over its noisy positions; greater
    /// than 0 (5 is bold, 7.5 careful); null: off.
    /// </summary>
    public double? EarlyExit { get; init; }

    /// <summary>Committed tokens whose probability has fallen below this become noisy again, in (0, 1); null: off.</summary>
    public double? RemaskBelow { get; init; }

    /// <summary>
    /// Committed tokens are replaced where another is more probable than this, in (0, 1] (LLaDA 2.1 uses 0.9); null: off.
    /// </summary>
    public double? EditThreshold { get; init; }

    /// <summary>Remasking diffusion, with Origin only; null: off.</summary>
    public RemdmKind? Remdm { get; init; }

    /// <summary>η of <see cref="Remdm"/>, 0 … 1.</summary>
    public double RemdmEta { get; init; } = 0.02;

    /// <summary>
    /// Most passes through the network, at least 1 (2 with guidance); the last one commits all that is left; null: no limit.
    /// </summary>
    public int? MaxPasses { get; init; }

    /// <summary>
    /// Time for the whole canvas, greater than 0; the pass that is expected to be the last within it commits all that is left. With it the
    /// text depends on the speed of the machine. Null: no limit.
    /// </summary>
    public TimeSpan? Deadline { get; init; }

    /// <summary>
    /// What is kept of earlier passes with full attention; the text may differ from that without a cache. With causal and block-causal
    /// attention everything that cannot have changed is always kept.
    /// </summary>
    public CacheKind Cache { get; init; } = CacheKind.None;

    /// <summary>Every so many passes, at least 1, one computes everything; null: only when <see cref="Cache"/> says so.</summary>
    public int? CacheRefresh { get; init; }

    /// <summary>Measures how far a cache has drifted, at its refreshes, without guidance and constraints; costs time.</summary>
    public bool MeasureDrift { get; init; }

    /// <summary>So many of the most probable tokens of every noisy position are reported with each step, 0 … 20. Changes no text.</summary>
    public int Alternatives { get; init; }

    /// <summary>Lets the padding token appear in a continuation.</summary>
    public bool AllowPadding { get; init; }

    /// <summary>
    /// For networks whose noise is random tokens, which know beside these only <see cref="MaxNewTokens"/> and <see cref="Seed"/>; without
    /// a meaning for others.
    /// </summary>
    public UniformOptions Uniform { get; init; } = new();

    /// <summary>
    /// For networks whose noise is Gaussian, which know beside these only <see cref="MaxNewTokens"/>, <see cref="Steps"/> (25 unless set),
    /// <see cref="CfgScale"/> and <see cref="Seed"/>; without a meaning for others.
    /// </summary>
    public LatentOptions Latents { get; init; } = new();

    /// <summary>Start of the random numbers; the same seed gives the same text.</summary>
    public ulong Seed { get; init; }

    /// <summary>Checks every option.</summary>
    /// <exception cref="CinnabarException">An option is outside its range, or two options contradict each other.</exception>
    public void Validate()
    {
        Check(MaxNewTokens is >= 1 and <= MaximumCount, nameof(MaxNewTokens), $"1 … {MaximumCount}", MaxNewTokens);
        Check(Steps is null or (>= 1 and <= MaximumCount), nameof(Steps), $"1 … {MaximumCount}", Steps);
        Check(BlockSize is null or (>= 1 and <= MaximumCount), nameof(BlockSize), $"1 … {MaximumCount}", BlockSize);
        Check(Temperature is >= 0 and <= 100, nameof(Temperature), "0 … 100", Temperature);
        Check(TopP is null or (> 0 and <= 1), nameof(TopP), "greater than 0, at most 1", TopP);
        Check(TopK is null or >= 1, nameof(TopK), "1 or more", TopK);
        Check(CfgScale is >= 0 and <= 100, nameof(CfgScale), "0 … 100", CfgScale);
        Check(Enum.IsDefined(Remasking), nameof(Remasking), string.Join(", ", Enum.GetNames<Remasking>()), Remasking);
        Check(Enum.IsDefined(Transfer), nameof(Transfer), string.Join(", ", Enum.GetNames<Transfer>()), Transfer);
        Check(Threshold is null or (> 0 and <= 1), nameof(Threshold), "greater than 0, at most 1", Threshold);
        Check(Factor is null or (> 0 and <= 1e6), nameof(Factor), "greater than 0, at most 1e6", Factor);
        Check(EntropyBound is null or (>= 0 and <= 1000), nameof(EntropyBound), "0 … 1000", EntropyBound);
        Check(Stability is null or (> 0 and <= 1000), nameof(Stability), "greater than 0, at most 1000", Stability);
        Check(LowThreshold is null or (> 0 and <= 1), nameof(LowThreshold), "greater than 0, at most Threshold", LowThreshold);
        Check(VerifyThreshold is null or (> 0 and <= 1), nameof(VerifyThreshold), "greater than 0, at most 1", VerifyThreshold);
        Check(EarlyExit is null or (> 0 and <= 1000), nameof(EarlyExit), "greater than 0, at most 1000", EarlyExit);
        Check(RemaskBelow is null or (> 0 and < 1), nameof(RemaskBelow), "between 0 and 1", RemaskBelow);
        Check(EditThreshold is null or (> 0 and <= 1), nameof(EditThreshold), "greater than 0, at most 1", EditThreshold);
        Check(Remdm is not RemdmKind kind || Enum.IsDefined(kind), nameof(Remdm), string.Join(", ", Enum.GetNames<RemdmKind>()), Remdm);
        Check(RemdmEta is >= 0 and <= 1, nameof(RemdmEta), "0 … 1", RemdmEta);
        Check(DraftTokens is null or (>= 1 and <= MaximumDraft), nameof(DraftTokens), $"1 … {MaximumDraft}", DraftTokens);
        int fewest = CfgScale > 0 ? 2 : 1;
        Check(MaxPasses is null || MaxPasses >= fewest, nameof(MaxPasses), $"{fewest} or more", MaxPasses);
        Check(Deadline is null || Deadline > TimeSpan.Zero, nameof(Deadline), "greater than 0", Deadline);
        Check(Enum.IsDefined(Cache), nameof(Cache), string.Join(", ", Enum.GetNames<CacheKind>()), Cache);
        Check(Alternatives is >= 0 and <= 20, nameof(Alternatives), "0 … 20", Alternatives);
        Check(CacheRefresh is null or >= 1, nameof(CacheRefresh), "1 or more", CacheRefresh);
        ValidateTogether();
        Uniform.Validate();
        Latents.Validate();
    }

    private void ValidateTogether()
    {
        bool isProbability = Remasking is Remasking.LowConfidence;
        bool isOnScale = Remasking is Remasking.LowConfidence or Remasking.Margin;
        Check(Threshold is null || isOnScale, nameof(Remasking), "LowConfidence or Margin beside Threshold", Remasking);
        Check(Factor is null || isProbability, nameof(Remasking), "LowConfidence beside Factor", Remasking);
        Check(EntropyBound is null || Remasking is Remasking.Entropy, nameof(Remasking), "Entropy beside EntropyBound", Remasking);
        Check(Remdm is null || Remasking is Remasking.Origin, nameof(Remasking), "Origin beside Remdm", Remasking);
        Check(Threshold is null || Factor is null, nameof(Factor), "null beside Threshold", Factor);
        bool hasDraft = Threshold is not null && isProbability;
        Check(Stability is null || hasDraft, nameof(Stability), "null without Threshold and Remasking LowConfidence", Stability);
        bool isBelow = LowThreshold is null || LowThreshold <= Threshold;
        Check(isBelow, nameof(LowThreshold), "at most Threshold, and null without it", LowThreshold);
        Check(
            VerifyThreshold is null || hasDraft,
            nameof(VerifyThreshold),
            "null without Threshold and Remasking LowConfidence",
            VerifyThreshold);
        bool verifiesAlone = LowThreshold is null && Stability is null && Cache == CacheKind.None && CfgScale == 0;
        Check(
            VerifyThreshold is null || verifiesAlone,
            nameof(VerifyThreshold),
            "null beside LowThreshold, Stability, Cache and CfgScale",
            VerifyThreshold);
        Check(LowThreshold is null || Stability is null, nameof(LowThreshold), "null beside Stability", LowThreshold);
        Check(DraftTokens is null || CfgScale == 0, nameof(DraftTokens), "null beside CfgScale", DraftTokens);
        Check(!LeftToRight || CfgScale == 0, nameof(LeftToRight), "false beside CfgScale", LeftToRight);
    }

    private static void Check(bool holds, string option, string range, object? found)
    {
        if (!holds)
        {
            throw new CinnabarException($"Expected the option {option} to be {range}, found {found ?? "null"}.", $"Change {option}.");
        }
    }
}
