using Cinnabar.Diffusion;

namespace Cinnabar.Sampling;

/// <summary>What one step of a sampler did.</summary>
/// <param name="Step">Number of the step, from 1.</param>
/// <param name="ForwardPasses">Passes through the network so far; guidance takes two a step, a step of quota 0 none.</param>
/// <param name="Block">Block the step worked on, from 0.</param>
/// <param name="Remaining">Noisy positions left on the whole canvas.</param>
/// <param name="Canvas">The live canvas: it shows this step until the next one is asked for.</param>
public sealed record DenoisingStep(int Step, int ForwardPasses, int Block, int Remaining, Canvas Canvas)
{
    /// <summary>The committed positions, ascending; includes what was filled because its hole was settled.</summary>
    public IReadOnlyList<Commit> Commits { get; init; } = [];

    /// <summary>Committed positions that got another token, ascending.</summary>
    public IReadOnlyList<Commit> Edits { get; init; } = [];

    /// <summary>Committed positions that became noisy again, ascending.</summary>
    public IReadOnlyList<int> Renoised { get; init; } = [];

    /// <summary>
    /// Positions that became two, ascending, as they were numbered before the step; all other positions of this record are numbered as
    /// before it, too.
    /// </summary>
    public IReadOnlyList<int> Expanded { get; init; } = [];

    /// <summary>Committed positions before this one never change any more; the canvas' length if none does.</summary>
    public required int FinalBefore { get; init; }

    /// <summary>
    /// The most probable tokens of every position that was noisy in the step, ascending; empty unless
    /// <see cref="SamplerOptions.Alternatives"/> asks for them. With drafts: of those that the step committed.
    /// </summary>
    public IReadOnlyList<Alternatives> Alternatives { get; init; } = [];

    /// <summary>
    /// Positions that went through the network so far, over all passes: without a cache, the canvas once a pass; of a collage, the segments
    /// and overlaps whose rows were wanted.
    /// </summary>
    public long ComputedPositions { get; init; }

    /// <summary>
    /// If the step refreshed a cache and <see cref="SamplerOptions.MeasureDrift"/> is on: the largest change of the logit of a token
    /// committed since the last refresh; else null.
    /// </summary>
    public float? CacheDrift { get; init; }
}

/// <summary>The most probable tokens of a noisy position in one step.</summary>
/// <param name="Position">Index into the canvas.</param>
/// <param name="Tokens">Most probable first, with softmax of the logits at temperature 1, unfiltered.</param>
public sealed record Alternatives(int Position, IReadOnlyList<(int TokenId, double Probability)> Tokens);
