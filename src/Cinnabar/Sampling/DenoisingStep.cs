using Cinnabar.Diffusion;

namespace Cinnabar.Sampling;

/// <summary>What one step of a sampler did.</summary>
/// <param name="Step">Number of the step, from 1.</param>
/// <param name="ForwardPasses">Passes through the network so far; guidance takes two a step, a step of quota 0 none.</param>
/// <param name="Block">Block the step worked on, from 0.</param>
/// <param name="Commits">The committed positions, ascending; includes what was filled because its hole was settled.</param>
/// <param name="Edits">Committed positions that got another token, ascending.</param>
/// <param name="Renoised">Committed positions that became noisy again, ascending.</param>
/// <param name="Remaining">Noisy positions left on the whole canvas.</param>
/// <param name="Canvas">The live canvas: it shows this step until the next one is asked for.</param>
public sealed record DenoisingStep(
    int Step,
    int ForwardPasses,
    int Block,
    IReadOnlyList<Commit> Commits,
    IReadOnlyList<Commit> Edits,
    IReadOnlyList<int> Renoised,
    int Remaining,
    Canvas Canvas);
