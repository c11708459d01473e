using Cinnabar.Diffusion;

namespace Cinnabar.Sampling;

/// <summary>A policy that leaves everything to another one but what it overrides.</summary>
/// <param name="inner">The other one.</param>
public abstract class RevisingPolicy(StepPolicy inner) : StepPolicy
{
    /// <inheritdoc/>
    public override bool LooksBack => inner.LooksBack;

    /// <inheritdoc/>
    public override bool HidesReviewed => inner.HidesReviewed;

    /// <inheritdoc/>
    public override bool Revises => LooksBack || inner.Revises;

    /// <inheritdoc/>
    public override bool ComparesTokens => inner.ComparesTokens;

    /// <inheritdoc/>
    public override RowUse Uses => inner.Uses;

    /// <inheritdoc/>
    public override void Begin(Canvas canvas) => inner.Begin(canvas);

    /// <inheritdoc/>
    public override void Adjust(int position, Span<float> logits) => inner.Adjust(position, logits);

    /// <inheritdoc/>
    public override double Score(TokenDistribution row, CounterRandom random) => inner.Score(row, random);

    /// <inheritdoc/>
    public override int Count(ReadOnlySpan<double> scores, in StepContext context) => inner.Count(scores, context);

    /// <inheritdoc/>
    public override void Choose(StepView view, StepChoice choice) => inner.Choose(view, choice);

    /// <inheritdoc/>
    public override bool NeedsPass(in StepContext context) => inner.NeedsPass(context);

    /// <inheritdoc/>
    public override bool Continues(in StepContext context, StepChoice? last) => inner.Continues(context, last);
}
