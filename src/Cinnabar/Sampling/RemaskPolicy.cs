// Takes back what no longer fits: a committed token whose probability, given all that was written since, has fallen below a bound becomes
// noisy again; the least probable first, and fewer than the step commits, so that every step makes progress.
// Source: inclusionAI/dInfer, "hierarchy remask" (bound 0.4).
namespace Cinnabar.Sampling;

/// <summary>Masks committed tokens again that the network no longer believes in.</summary>
/// <param name="below">Bound of the probability.</param>
/// <param name="inner">Chooses what is committed.</param>
public sealed class RemaskPolicy(double below, StepPolicy inner) : RevisingPolicy(inner)
{
    /// <inheritdoc/>
    public override bool LooksBack => true;

    /// <inheritdoc/>
    public override void Choose(StepView view, StepChoice choice)
    {
        base.Choose(view, choice);
        choice.Renoised.AddRange(view.Doubtful(below, choice.Commits.Count - 1));
    }
}
