// Corrects committed tokens: where another token than the one that stands there is the most probable, with a probability above the edit
// threshold, it replaces it. When nothing of the block is noisy any more, up to 16 further steps only edit, until one changes nothing.
// An edit never ends a hole. Source: LLaDA 2.1 (mask-to-token and token-to-token), τ_edit 0.9 there.
using Cinnabar.Diffusion;

namespace Cinnabar.Sampling;

/// <summary>Replaces committed tokens by better ones.</summary>
/// <param name="threshold">Least probability of the better token.</param>
/// <param name="inner">Chooses what is committed.</param>
public sealed class TokenEditingPolicy(double threshold, StepPolicy inner) : RevisingPolicy(inner)
{
    private const int MostStepsAfter = 16;

    /// <inheritdoc/>
    public override bool LooksBack => true;

    /// <inheritdoc/>
    public override void Choose(StepView view, StepChoice choice)
    {
        base.Choose(view, choice);
        foreach (Review review in view.Reviews)
        {
            bool better = review.BestTokenId != review.TokenId && review.BestProbability > threshold;
            if (better && !choice.Renoised.Contains(review.Position))
            {
                choice.Edits.Add(new Commit(review.Position, review.BestTokenId, (float)review.BestProbability));
            }
        }
    }

    /// <inheritdoc/>
    public override bool NeedsPass(in StepContext context) => true;

    /// <inheritdoc/>
    public override bool Continues(in StepContext context, StepChoice? last) =>
        base.Continues(context, last)
        || context.CleanSteps == 0
        || (last is { Edits.Count: > 0 } && context.CleanSteps < MostStepsAfter);
}
