// Commits positions that are sure and have settled: probability above the threshold, and KL(p_t ‖ p_{t−1}) below a bound in each of the
// last 2 steps; where there is none, the step's quota of surest ones. A token that is sure only now may still change its mind.
//
// p_{t−1} is kept as its 16 most probable ids and the mass of all others, so the divergence is that of the two distributions with
// the others lumped together, a lower bound of the full one:  Σ_{16} p ln(p/p') + r ln(r/r'), r and r' the masses of the others.
// Source: KLASS, Kim et al. 2025 (shkim0116/KLASS); thresholds there 0.6 and 0.015 for LLaDA, 0.9 and 0.001 for Dream.
using Cinnabar.Diffusion;

namespace Cinnabar.Sampling;

/// <summary>All positions that are sure and have not changed in the last two steps; where there is none, the quota.</summary>
/// <param name="threshold">Least probability.</param>
/// <param name="bound">Largest divergence from one step to the next, in nats.</param>
/// <param name="order">Gives the scores, probabilities.</param>
public sealed class StabilityPolicy(double threshold, double bound, StepPolicy order) : StepPolicy
{
    private const int StepsNeeded = 2;
    private const int Kept = 16;
    private const double Smallest = 1e-12;

    private readonly Dictionary<int, History> _histories = [];

    /// <inheritdoc/>
    public override void Begin(Canvas canvas)
    {
        _histories.Clear();
        foreach (int position in canvas.OpenPositions())
        {
            _histories[position] = new History();
        }
    }

    /// <inheritdoc/>
    /// <remarks>A stable position scores 1 more than its probability, so that it comes before all others.</remarks>
    public override double Score(TokenDistribution row, CounterRandom random)
    {
        double score = order.Score(row, random);
        History history = _histories[row.Position];
        history.Compare(row, bound);
        return score > threshold && history.StableSteps >= StepsNeeded ? 1 + score : score;
    }

    /// <inheritdoc/>
    public override int Count(ReadOnlySpan<double> scores, in StepContext context)
    {
        int stable = 0;
        while (stable < scores.Length && scores[stable] > 1)
        {
            stable++;
        }

        return Math.Max(stable, Math.Min(context.Quota, scores.Length));
    }

    /// <inheritdoc/>
    public override bool NeedsPass(in StepContext context) => true;

    private sealed class History
    {
        private readonly int[] _ids = new int[Kept];
        private readonly double[] _probabilities = new double[Kept];
        private int _count;

        public int StableSteps { get; private set; }

        public void Compare(TokenDistribution row, double bound)
        {
            if (_count > 0)
            {
                StableSteps = DivergenceOf(row) < bound ? StableSteps + 1 : 0;
            }

            _count = row.Top(_ids, _probabilities);
        }

        private double DivergenceOf(TokenDistribution row)
        {
            double divergence = 0;
            double rest = 1;
            double restBefore = 1;
            for (int i = 0; i < _count; i++)
            {
                double now = row.ProbabilityOf(_ids[i]);
                divergence += Term(now, _probabilities[i]);
                rest -= now;
                restBefore -= _probabilities[i];
            }

            return divergence + Term(rest, restBefore);
        }

        private static double Term(double now, double before) =>
            now <= Smallest ? 0 : now * Math.Log(now / Math.Max(before, Smallest));
    }
}
