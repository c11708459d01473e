// The Gumbel draw (head of TokenDistribution.cs) with next to no logarithms.
using Cinnabar.Diffusion;

namespace Cinnabar.Sampling;

public sealed partial class TokenDistribution
{
    // −ln(−ln u) for the largest u below 1 is 36.74: no id that trails by more can win a Gumbel draw.
    private const int LargestGumbel = 37;
    private static readonly double[] s_unitNeeded = [.. Enumerable.Range(0, LargestGumbel).Select(k => Math.Exp(-Math.Exp(-k)))];

    private int GumbelDraw(CounterRandom random)
    {
        int best = TokenId;
        double bestScore = GumbelScore(best, random);
        if (_topP < 1 || _topK < _logits.Length)
        {
            Filter();
            foreach (int id in _filter.Kept)
            {
                Contend(id, random, ref best, ref bestScore);
            }
        }
        else
        {
            for (int id = 0; id < _logits.Length; id++)
            {
                Contend(id, random, ref best, ref bestScore);
            }
        }

        return best;
    }

    // Lets id replace the best so far. Most ids cannot: to lead, the Gumbel number must exceed the gap, and that is decided by u alone,
    // without a logarithm.
    private void Contend(int id, CounterRandom random, ref int best, ref double bestScore)
    {
        double gap = bestScore - (_scale * (_logits[id] - _maximum));
        if (gap >= LargestGumbel || (gap > 0 && random.Unit((ulong)id) < s_unitNeeded[(int)gap]))
        {
            return;
        }

        double score = GumbelScore(id, random);
        if (score > bestScore || (score == bestScore && id < best))
        {
            (best, bestScore) = (id, score);
        }
    }

    private double GumbelScore(int id, CounterRandom random) =>
        (_scale * (_logits[id] - _maximum)) - Math.Log(-Math.Log(random.Unit((ulong)id)));
}
