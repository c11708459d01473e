// Spreads commits over the block. If even the surest candidate is below the low threshold, only the quota is committed. Otherwise the
// surest candidate of every run of neighbouring noisy positions, if it reaches the low threshold, and every candidate that reaches the
// high one; and at least the quota. Tokens far apart depend less on each other than neighbours do, so less certainty is needed.
// Source: inclusionAI/dInfer, "hierarchy" decoder (low threshold 0.4 … 0.62).
using Cinnabar.Diffusion;

namespace Cinnabar.Sampling;

/// <summary>One token in every gap if it is fairly sure, and all that are very sure.</summary>
/// <param name="low">Least score for the best of a run.</param>
/// <param name="high">Least score for any other.</param>
/// <param name="order">Gives the scores.</param>
public sealed class HierarchyPolicy(double low, double high, StepPolicy order) : StepPolicy
{
    /// <inheritdoc/>
    public override RowUse Uses => order.Uses;

    /// <inheritdoc/>
    public override double Score(TokenDistribution row, CounterRandom random) => order.Score(row, random);

    /// <inheritdoc/>
    public override void Choose(StepView view, StepChoice choice)
    {
        HashSet<int> bestOfRuns = BestOfRuns(view.Candidates);
        bool anySure = view.Candidates.Count > 0 && view.Candidates[0].Score >= low;
        for (int i = 0; i < view.Candidates.Count; i++)
        {
            Candidate candidate = view.Candidates[i];
            bool sure = anySure && (candidate.Score >= high || (candidate.Score >= low && bestOfRuns.Contains(candidate.Position)));
            if (sure || i < view.Context.Quota)
            {
                choice.Commits.Add(candidate);
            }
        }
    }

    /// <inheritdoc/>
    public override bool NeedsPass(in StepContext context) => true;

    // Candidates come surest first, so the first one seen of a run is its best.
    private static HashSet<int> BestOfRuns(IReadOnlyList<Candidate> candidates)
    {
        int[] positions = [.. candidates.Select(candidate => candidate.Position).Order()];
        Dictionary<int, int> runOf = [];
        for (int i = 0; i < positions.Length; i++)
        {
            runOf[positions[i]] = i > 0 && positions[i] == positions[i - 1] + 1 ? runOf[positions[i - 1]] : positions[i];
        }

        return [.. candidates.DistinctBy(candidate => runOf[candidate.Position]).Select(candidate => candidate.Position)];
    }
}
