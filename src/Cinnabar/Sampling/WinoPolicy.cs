// Drafts boldly and takes back what does not hold: "wide in, narrow out". In one pass the noisy positions give candidates, and a shadow
// of each committed position, a mask that sees everything but that position's own token, gives the probability of the token there had it
// not been written. With m noisy positions:
//
//   accept   candidates with a probability above the threshold, at most min(max(⌊0.7·m⌋, 5), 20), at least the quota
//   revoke   if more than one was accepted: committed tokens whose probability without themselves is below the verify threshold, least
//            first, fewer than the step before accepted (30 in the first)
//
// Source: WINO, Hong et al. 2025 (Feng-Hong/WINO-DLLM); thresholds there 0.6 and 0.9. Deviation: shadows of committed positions only.
using Cinnabar.Diffusion;

namespace Cinnabar.Sampling;

/// <summary>Accepts many tokens at once and masks again those that the others do not support.</summary>
/// <param name="threshold">Least probability to accept.</param>
/// <param name="verifyThreshold">Least probability to stay.</param>
/// <param name="order">Gives the scores, probabilities.</param>
public sealed class WinoPolicy(double threshold, double verifyThreshold, StepPolicy order) : StepPolicy
{
    private const double Share = 0.7;
    private const int FewestAllowed = 5;
    private const int MostAllowed = 20;
    private const int AcceptedBeforeFirst = 30;

    private int _accepted;

    /// <inheritdoc/>
    public override bool LooksBack => true;

    /// <inheritdoc/>
    public override bool HidesReviewed => true;

    /// <inheritdoc/>
    public override void Begin(Canvas canvas) => _accepted = AcceptedBeforeFirst;

    /// <inheritdoc/>
    public override RowUse Uses => order.Uses;

    /// <inheritdoc/>
    public override double Score(TokenDistribution row, CounterRandom random) => order.Score(row, random);

    /// <inheritdoc/>
    public override int Count(ReadOnlySpan<double> scores, in StepContext context)
    {
        int most = Math.Clamp((int)(Share * scores.Length), FewestAllowed, MostAllowed);
        int count = 0;
        while (count < Math.Min(most, scores.Length) && scores[count] > threshold)
        {
            count++;
        }

        return Math.Max(count, Math.Min(context.Quota, scores.Length));
    }

    /// <inheritdoc/>
    public override void Choose(StepView view, StepChoice choice)
    {
        base.Choose(view, choice);
        if (choice.Commits.Count > 1)
        {
            choice.Renoised.AddRange(view.Doubtful(verifyThreshold, _accepted - 1));
        }

        _accepted = choice.Commits.Count;
    }

    /// <inheritdoc/>
    public override bool NeedsPass(in StepContext context) => true;
}
