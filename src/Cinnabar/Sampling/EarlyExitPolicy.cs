// Commits the whole block as soon as the network has made up its mind: when the lead of the best logit over the second, averaged over
// the block's noisy positions, reaches a bound in nats (5 means: on average the best token is e⁵ ≈ 150 times as probable as the next).
// Source: Prophet, Li et al. 2025 (decoding stops once the top-2 gap is large); its bound falls from 7.5 to 2.5 in the course of
// decoding, here it is one number.
using Cinnabar.Diffusion;

namespace Cinnabar.Sampling;

/// <summary>All at once, when sure on average.</summary>
/// <param name="bound">Mean lead in nats.</param>
/// <param name="inner">Decides as long as the bound is not reached.</param>
public sealed class EarlyExitPolicy(double bound, StepPolicy inner) : RevisingPolicy(inner)
{
    private double[] _leads = [];

    /// <inheritdoc/>
    public override RowUse Uses => base.Uses == RowUse.Token ? RowUse.Spread : base.Uses;

    /// <inheritdoc/>
    public override void Begin(Canvas canvas)
    {
        base.Begin(canvas);
        _leads = new double[canvas.Length];
    }

    /// <inheritdoc/>
    public override double Score(TokenDistribution row, CounterRandom random)
    {
        _leads[row.Position] = row.LogitLead();
        return base.Score(row, random);
    }

    /// <inheritdoc/>
    public override void Choose(StepView view, StepChoice choice)
    {
        if (view.Candidates.Count > 0 && MeanLead(view.Candidates) >= bound)
        {
            choice.Commits.AddRange(view.Candidates);
        }
        else
        {
            base.Choose(view, choice);
        }
    }

    // A position where only one token is possible, by a constraint, says nothing of how sure the network is.
    private double MeanLead(IReadOnlyList<Candidate> candidates) => candidates.Select(candidate => _leads[candidate.Position])
        .Where(double.IsFinite).DefaultIfEmpty(double.PositiveInfinity).Average();

    /// <inheritdoc/>
    public override bool NeedsPass(in StepContext context) => true;
}
