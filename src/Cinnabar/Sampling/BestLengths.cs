// Holes are filled with several lengths, and the most probable text is kept (mean log-probability per token, BestOf):
//
//   round 0       every hole with all its positions
//   round h ≥ 1   hole h alone with n positions, for n within 2 of the tokens of the best text so far, and within 1 of what a probe found
//                 (LengthProbe), or without one for n = 2, 4, 8; the other holes as in the best text so far
//
// End tokens trim the text of any candidate. They are not forbidden where the length is tried: a forbidden token leaves its probability to
// the others, so that just the lengths that the network would end before would look sure.
//
// The candidates of a round are denoised as one batch. A hole of known length has no round. Ties, up to rounding, go to the earlier
// candidate. Holes are gone through once, left to right: with several it is a search along the axes, which need not find the best of all
// combinations.
using Cinnabar.Diffusion;

namespace Cinnabar.Sampling;

/// <summary>Says which lengths to try next, and keeps the best; not thread-safe.</summary>
public sealed class BestLengths
{
    private const int AroundText = 2;
    private const int AroundProbed = 1;
    private const double Rounding = 1e-6; // confidences are floats
    private static readonly int[] s_short = [2, 4, 8];

    private readonly IReadOnlyList<(int Least, int Most)> _holes;
    private readonly IReadOnlyList<int>? _probed;
    private IReadOnlyList<int[]> _round = [];
    private int _hole;

    /// <summary>Begins a search.</summary>
    /// <param name="holes">The fewest and the most tokens of each hole; where both are equal the length is known.</param>
    /// <param name="probed">The lengths that a probe found; null: there was none.</param>
    public BestLengths(IReadOnlyList<(int Least, int Most)> holes, IReadOnlyList<int>? probed = null)
    {
        (_holes, _probed) = (holes, probed);
        Lengths = [.. holes.Select(hole => hole.Most)];
    }

    /// <summary>Positions of each hole for the best text.</summary>
    public IReadOnlyList<int> Lengths { get; private set; }

    /// <summary>The best text; null before the first round.</summary>
    public Canvas? Filled { get; private set; }

    /// <summary>Its mean log-probability, in nats a token.</summary>
    public double Score { get; private set; }

    /// <summary>The candidates of the next round, as <see cref="Lengths"/>; none: the search is over.</summary>
    public IReadOnlyList<IReadOnlyList<int>> Next()
    {
        _round = Filled is null ? [[.. Lengths]] : [];
        while (_round.Count == 0 && _hole < _holes.Count)
        {
            _round = [.. Tried(_hole).Select(length => (int[])[.. Lengths.Select((other, i) => i == _hole ? length : other)])];
            _hole++;
        }

        return _round;
    }

    /// <summary>Takes what became of the candidates.</summary>
    /// <param name="filled">A canvas for each, without noise.</param>
    public void Tell(IReadOnlyList<Canvas> filled)
    {
        for (int i = 0; i < _round.Count; i++)
        {
            double score = BestOf.MeanLogProbability(filled[i]);
            if (Filled is null || score > Score + Rounding)
            {
                (Lengths, Filled, Score) = (_round[i], filled[i], score);
            }
        }
    }

    private IEnumerable<int> Tried(int hole)
    {
        (int least, int most) = (Math.Max(1, _holes[hole].Least), _holes[hole].Most);
        IEnumerable<int> likely = _probed is null ? s_short : Around(_probed[hole], AroundProbed);
        return Around(Filled!.TextOf(hole).Length, AroundText).Union(likely).Where(n => n >= least && n < most).Order();
    }

    private static IEnumerable<int> Around(int length, int reach) => Enumerable.Range(length - reach, (2 * reach) + 1);
}
