// One row of logits l [V] as a distribution over tokens, and the token drawn from it.
//
//   raw        p = softmax(l), forbidden ids at −∞                     what a commit records as its confidence
//   filtered   q = softmax(l / T), then top-p, then top-k, renormalised; T = 1 where the temperature is 0
//   token      T = 0: argmax l; T > 0: argmax of l/T − ln(−ln u_v) over the ids that passed the filters (Gumbel-max, a draw from q)
//
// All sums in float64. u_v is looked up by (seed, step, position, token), so the draw does not depend on anything else. Top-p keeps ids,
// most probable first, as long as the sum *before* the id is at most TopP: the id that crosses is kept, and at least one is. Ties go to
// the lower id everywhere; top-k keeps exactly k ids, where torch keeps all that tie with the k-th.
//
// The order of the filters is Dream's (temperature, top-p, top-k). LLaDA has no filters and draws with the Gumbel form exp(l) / (−ln u)^T,
// whose argmax is the same. Sources: ML-GSAI/LLaDA generate.py, add_gumbel_noise; HKUNLP/Dream generation_utils.py, sample_tokens.
using Cinnabar.Diffusion;

namespace Cinnabar.Sampling;

/// <summary>The distribution of one position's token; a workspace to be filled row after row.</summary>
public sealed class TokenDistribution
{
    // −ln(−ln u) for the largest u below 1 is 36.74: no id that trails by more can win a Gumbel draw.
    private const int LargestGumbel = 37;
    private static readonly double[] s_unitNeeded = [.. Enumerable.Range(0, LargestGumbel).Select(k => Math.Exp(-Math.Exp(-k)))];

    private readonly float[] _logits;
    private readonly TokenFilter _filter;
    private double _maximum;
    private double _sum;
    private double _scale;
    private double _topP;
    private int _topK;
    private bool _filtered;

    /// <summary>Makes a workspace for rows of <paramref name="vocabularySize"/> logits.</summary>
    public TokenDistribution(int vocabularySize)
    {
        _logits = new float[vocabularySize];
        _filter = new TokenFilter(vocabularySize);
    }

    /// <summary>The position whose distribution this is.</summary>
    public int Position { get; private set; }

    /// <summary>The drawn token.</summary>
    public int TokenId { get; private set; }

    /// <summary>Raw probability of <see cref="TokenId"/>.</summary>
    public double Probability => ProbabilityOf(TokenId);

    /// <summary>Raw probability of a token.</summary>
    public double ProbabilityOf(int tokenId) => Math.Exp(_logits[tokenId] - _maximum) / _sum;

    /// <summary>The largest logit minus the second largest, in nats; +∞ if only one token may be drawn.</summary>
    public double LogitLead()
    {
        float first = float.NegativeInfinity;
        float second = float.NegativeInfinity;
        foreach (float logit in _logits)
        {
            (first, second) = logit > first ? (logit, first) : (first, Math.Max(second, logit));
        }

        return first - second;
    }

    /// <summary>The most probable tokens with their raw probabilities, most probable first, ties to the lower id.</summary>
    /// <param name="ids">Receives the ids; its length is their number.</param>
    /// <param name="probabilities">Receives the probabilities.</param>
    /// <returns>How many were found: fewer than asked for if fewer may be drawn.</returns>
    public int Top(Span<int> ids, Span<double> probabilities)
    {
        int count = 0;
        for (int id = 0; id < _logits.Length; id++)
        {
            float logit = _logits[id];
            if (float.IsNegativeInfinity(logit) || (count == ids.Length && logit <= _logits[ids[count - 1]]))
            {
                continue;
            }

            int place = count < ids.Length ? count++ : count - 1;
            for (; place > 0 && _logits[ids[place - 1]] < logit; place--)
            {
                ids[place] = ids[place - 1];
            }

            ids[place] = id;
        }

        for (int i = 0; i < count; i++)
        {
            probabilities[i] = ProbabilityOf(ids[i]);
        }

        return count;
    }

    /// <summary>The most probable tokens with their raw probabilities, most probable first, ties to the lower id.</summary>
    /// <param name="most">Their number, at least 1; fewer come back if fewer may be drawn.</param>
    public (int TokenId, double Probability)[] Top(int most)
    {
        int[] ids = new int[most];
        double[] probabilities = new double[most];
        int count = Top(ids, probabilities);
        return [.. ids.Zip(probabilities).Take(count)];
    }

    /// <summary>Σ q ln q of the filtered distribution: 0 if one token is certain, −ln V if all are equal.</summary>
    public double NegativeEntropy()
    {
        Filter();
        return _filter.NegativeEntropy();
    }

    /// <summary>Largest minus second largest probability of the filtered distribution.</summary>
    public double Margin()
    {
        Filter();
        return _filter.Margin();
    }

    /// <summary>Takes a row of logits and draws its token.</summary>
    /// <param name="logits">[V]; −∞ is allowed, NaN and +∞ are not.</param>
    /// <param name="forbidden">Ids that must not be drawn.</param>
    /// <param name="options">Temperature, TopP and TopK.</param>
    /// <param name="random">The numbers of this position in this step.</param>
    /// <param name="position">The position.</param>
    /// <param name="adjust">Changes the logits before the draw; null: none does.</param>
    /// <exception cref="CinnabarException">A logit is NaN or +∞, or no id may be drawn.</exception>
    public void Load(
        ReadOnlySpan<float> logits,
        ReadOnlySpan<int> forbidden,
        SamplerOptions options,
        CounterRandom random,
        int position,
        StepPolicy? adjust = null)
    {
        Position = position;
        logits.CopyTo(_logits);
        foreach (int id in forbidden)
        {
            _logits[id] = float.NegativeInfinity;
        }

        adjust?.Adjust(position, _logits);
        Begin(options);
        _sum = Exponentials.Sum(_logits, _maximum);
        if (options.Temperature > 0)
        {
            TokenId = GumbelDraw(random);
        }
    }

    /// <summary>Takes a row of logarithms of probabilities, with the token that was drawn.</summary>
    /// <param name="logProbabilities">[V]; their probabilities sum to 1, or to less where some were left out.</param>
    /// <param name="tokenId">The token.</param>
    /// <param name="options">Temperature, TopP and TopK.</param>
    /// <param name="position">The position.</param>
    internal void LoadDrawn(ReadOnlySpan<float> logProbabilities, int tokenId, SamplerOptions options, int position)
    {
        Position = position;
        logProbabilities.CopyTo(_logits);
        Begin(options);
        _sum = Math.Exp(-_maximum);
        TokenId = tokenId;
    }

    /// <summary>The ids that pass the filters.</summary>
    internal ReadOnlySpan<int> Kept()
    {
        Filter();
        return _filter.Kept;
    }

    // All but the sum, with the most probable token.
    private void Begin(SamplerOptions options)
    {
        _filtered = false;
        _scale = options.Temperature > 0 ? 1 / options.Temperature : 1;
        _topP = options.TopP ?? 1;
        _topK = Math.Min(options.TopK ?? _logits.Length, _logits.Length);
        TokenId = BestToken(Position);
        _maximum = _logits[TokenId];
    }

    private int BestToken(int position)
    {
        int best = -1;
        float maximum = float.NegativeInfinity;
        for (int id = 0; id < _logits.Length; id++)
        {
            float logit = _logits[id];
            if (logit > maximum)
            {
                (best, maximum) = (id, logit);
            }
            else if (float.IsNaN(logit))
            {
                throw BadLogit(id, position);
            }
        }

        if (float.IsPositiveInfinity(maximum))
        {
            throw BadLogit(best, position);
        }

        return best >= 0
            ? best
            : throw new CinnabarException(
                $"Expected a token that may be emitted at position {position}, found all {_logits.Length} logits −∞ or forbidden.",
                "Check the list of tokens that are never emitted, and the checkpoint.");
    }

    private CinnabarException BadLogit(int id, int position) => new(
        $"Expected finite logits from the network, found {_logits[id]} for token {id} at position {position}.",
        "Check that the checkpoint is complete and matches its configuration.");

    private void Filter()
    {
        if (!_filtered)
        {
            _filter.Apply(_logits, _maximum, _scale, _topP, _topK);
            _filtered = true;
        }
    }

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
