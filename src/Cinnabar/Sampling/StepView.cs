using Cinnabar.Diffusion;

namespace Cinnabar.Sampling;

/// <summary>Where in its block a step stands.</summary>
/// <param name="Index">Step within the block, from 0.</param>
/// <param name="Steps">Steps of the block.</param>
/// <param name="Quota">Masks the step is to commit by the schedule; may exceed what is left.</param>
/// <param name="CleanSteps">Steps so far that began with no noisy position in the block.</param>
public readonly record struct StepContext(int Index, int Steps, int Quota, int CleanSteps = 0)
{
    /// <summary>From here on every noisy position is committed, whatever the policy says, and none is masked again.</summary>
    public bool IsLast => Index >= Steps - 1;
}

/// <summary>What a policy decides from: a step after its pass through the network. The lists are those of this step only.</summary>
/// <param name="Context">Where the step stands.</param>
/// <param name="Canvas">The canvas before the step's changes; to be read only.</param>
/// <param name="Candidates">
/// One for each noisy position of the block, or of those that a random order chose, surest first, ties to the lower position.
/// </param>
/// <param name="Committed">The block's committed positions that belong to the text of their hole, ascending.</param>
/// <param name="Reviews">One for each of <paramref name="Committed"/> if the policy looks back, else none.</param>
/// <param name="Seed">Start of the random numbers.</param>
/// <param name="Step">Number of the step on the whole canvas, from 1.</param>
public readonly record struct StepView(
    StepContext Context,
    Canvas Canvas,
    IReadOnlyList<Candidate> Candidates,
    IReadOnlyList<int> Committed,
    IReadOnlyList<Review> Reviews,
    ulong Seed,
    int Step)
{
    /// <summary>Reviewed positions whose token is less probable than a bound, least first, ties to the lower position.</summary>
    /// <param name="bound">Bound of the probability.</param>
    /// <param name="most">At most so many; none if negative.</param>
    public IEnumerable<int> Doubtful(double bound, int most) => Reviews
        .Where(review => review.Probability < bound)
        .OrderBy(review => review.Probability)
        .ThenBy(review => review.Position)
        .Take(most)
        .Select(review => review.Position);

    /// <summary>The random numbers of a position in this step.</summary>
    public CounterRandom RandomOf(int position) => new(Seed, Step, position);
}

/// <summary>What a policy decided for a step; used again for the next one.</summary>
public sealed class StepChoice
{
    /// <summary>Candidates whose tokens are written.</summary>
    public List<Candidate> Commits { get; } = [];

    /// <summary>Committed positions that get another token.</summary>
    public List<Commit> Edits { get; } = [];

    /// <summary>Committed positions that become noisy again.</summary>
    public List<int> Renoised { get; } = [];

    internal void Clear()
    {
        Commits.Clear();
        Edits.Clear();
        Renoised.Clear();
    }
}
