// Remasking diffusion: the reverse process of masked diffusion in which a written token may be masked again, so that mistakes can be
// repaired, and which still ends in the distribution the network was trained for. From time t to s < t, with α the share of clean tokens:
//
//   a committed token is masked again with probability σ
//   a noisy one is committed with probability (α_s − (1 − σ)·α_t)/(1 − α_t)
//
//   kind         σ, at most 1 and at most (1 − α_s)/α_t                      α(t)
//   Cap          η                                                           1 − t
//   Rescale      η · min(1, (1 − α_s)/α_t)                                   1 − t
//   Confidence   softmax(−p_i) over committed i, p_i the confidence at       1 − t
//                commit, times min(1, (1 − α_s)/α_t); 0 in the second line
//   Loop         η while 0.05 < t ≤ 0.55, else 0                             rises to 0.9 until t = 0.55, stays, rises from t = 0.05 to 1
//
// Times go from 1 to ε in equal steps (TransferQuota.Time); the last step commits all that is left. Steps that only mask again cost no
// pass. Source: Wang et al. 2025, "Remasking discrete diffusion models with inference-time scaling", eq. 5, sec. 4; remdm/diffusion.py.
// Deviation: Loop's middle phase ends with the step whose t is above 0.05, whatever the number of steps.
using Cinnabar.Diffusion;

namespace Cinnabar.Sampling;

/// <summary>How often remasking diffusion masks again.</summary>
public enum RemdmKind
{
    /// <summary>With a constant probability.</summary>
    Cap,

    /// <summary>With a constant share of the largest possible probability.</summary>
    Rescale,

    /// <summary>The less sure a token was, the more often.</summary>
    Confidence,

    /// <summary>In a middle phase, over and over.</summary>
    Loop,
}

/// <summary>Each position on its own is committed, or masked again, with the probabilities of remasking diffusion.</summary>
/// <param name="kind">How often.</param>
/// <param name="eta">η in [0, 1].</param>
public sealed class RemdmPolicy(RemdmKind kind, double eta) : StepPolicy
{
    private const double LoopBegins = 0.55;
    private const double LoopEnds = 0.05;
    private const double LoopClean = 0.9;

    /// <inheritdoc/>
    public override bool Revises => true;

    /// <inheritdoc/>
    public override RowUse Uses => RowUse.Token;

    /// <inheritdoc/>
    public override double Score(TokenDistribution row, CounterRandom random) => random.Unit(OrderNumber);

    /// <inheritdoc/>
    public override void Choose(StepView view, StepChoice choice)
    {
        double t = TransferQuota.Time(view.Context.Steps, view.Context.Index);
        double s = view.Context.IsLast ? 0 : TransferQuota.Time(view.Context.Steps, view.Context.Index + 1);
        double cleanAtT = Clean(t);
        double cleanAtS = Clean(s);
        double largest = cleanAtT <= 0 ? 1 : Math.Min(1, (1 - cleanAtS) / cleanAtT);
        double sigma = kind switch
        {
            RemdmKind.Cap => Math.Min(eta, largest),
            RemdmKind.Rescale => eta * largest,
            RemdmKind.Loop when t is > LoopEnds and <= LoopBegins => Math.Min(eta, largest),
            _ => 0,
        };
        double commit = (cleanAtS - ((1 - sigma) * cleanAtT)) / (1 - cleanAtT);
        choice.Commits.AddRange(view.Candidates.Where(candidate => candidate.Score >= 1 - commit));

        double sum = view.Committed.Sum(position => Math.Exp(-view.Canvas.ConfidenceOf(position)));
        foreach (int position in view.Committed)
        {
            double own = kind == RemdmKind.Confidence ? Math.Exp(-view.Canvas.ConfidenceOf(position)) / sum * largest : sigma;
            if (view.RandomOf(position).Unit(OrderNumber) < own)
            {
                choice.Renoised.Add(position);
            }
        }
    }

    /// <inheritdoc/>
    public override bool NeedsPass(in StepContext context) => true;

    /// <inheritdoc/>
    public override bool Continues(in StepContext context, StepChoice? last) => !context.IsLast;

    private double Clean(double t) => kind != RemdmKind.Loop ? 1 - t
        : t > LoopBegins ? LoopClean * (1 - t) / (1 - LoopBegins)
        : t > LoopEnds ? LoopClean
        : LoopClean + ((1 - LoopClean) * (LoopEnds - t) / LoopEnds);
}
