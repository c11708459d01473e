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
//
// Where the device that holds the row has read it (ITokenStatistics), only what it found is here.
using Cinnabar.Diffusion;
using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Sampling;

/// <summary>The distribution of one position's token; a workspace to be filled row after row.</summary>
public sealed partial class TokenDistribution
{
    private readonly float[] _logits;
    private readonly TokenFilter _filter;
    private double _maximum;
    private double _sum;
    private double _scale;
    private double _topP;
    private int _topK;
    private bool _filtered;
    private TokenReading? _reading; // null: the row itself is here

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
    public double Probability => _reading?.DrawnProbability ?? ProbabilityOf(TokenId);

    /// <summary>Raw probability of a token.</summary>
    /// <exception cref="InvalidOperationException">
    /// The policy said that it needs less than <see cref="RowUse.Everything"/>; likewise from <see cref="Top(int)"/>.
    /// </exception>
    public double ProbabilityOf(int tokenId)
    {
        RequireRow();
        return Math.Exp(_logits[tokenId] - _maximum) / _sum;
    }

    /// <summary>The largest logit minus the second largest, in nats; +∞ if only one token may be drawn.</summary>
    public double LogitLead()
    {
        if (_reading is TokenReading reading)
        {
            return reading.Lead;
        }

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
        RequireRow();
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
        if (_reading is TokenReading reading)
        {
            return reading.NegativeEntropy;
        }

        Filter();
        return _filter.NegativeEntropy();
    }

    /// <summary>Largest minus second largest probability of the filtered distribution.</summary>
    public double Margin()
    {
        if (_reading is TokenReading reading)
        {
            return reading.Margin;
        }

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

        // The logarithm of a certain token may be rounded to a little above 0; no probability is above 1 for it.
        _sum = Math.Max(1, Math.Exp(-_maximum));
        TokenId = tokenId;
    }

    /// <summary>Takes what a device found in a row of logits.</summary>
    /// <param name="reading">Of a row without filters.</param>
    /// <param name="position">The position.</param>
    /// <exception cref="CinnabarException">A logit is NaN or +∞, or no id may be drawn.</exception>
    internal void Load(in TokenReading reading, int position)
    {
        if (reading.BestId < 0)
        {
            throw NothingToEmit(position);
        }

        if (!float.IsFinite(reading.BestLogit))
        {
            throw BadLogit(reading.BestLogit, reading.BestId, position);
        }

        (_reading, Position, TokenId) = (reading, position, reading.DrawnId);
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
        _reading = null;

        // 1/T of the smallest temperatures is +∞, and +∞ · 0 no number.
        _scale = options.Temperature > 0 ? Math.Min(1 / options.Temperature, double.MaxValue) : 1;
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
                throw BadLogit(logit, id, position);
            }
        }

        if (float.IsPositiveInfinity(maximum))
        {
            throw BadLogit(maximum, best, position);
        }

        return best >= 0 ? best : throw NothingToEmit(position);
    }

    private CinnabarException NothingToEmit(int position) => new(
        $"Expected a token that may be emitted at position {position}, found all {_logits.Length} logits −∞ or forbidden.",
        "Check the list of tokens that are never emitted, and the checkpoint.");

    private static CinnabarException BadLogit(float logit, int id, int position) => new(
        $"Expected finite logits from the network, found {logit} for token {id} at position {position}.",
        "Check that the checkpoint is complete and matches its configuration.");

    private void RequireRow()
    {
        if (_reading is not null)
        {
            throw new InvalidOperationException(
                $"Expected {nameof(StepPolicy.Uses)} = {nameof(RowUse.Everything)} of a policy that asks for other tokens than the "
                + "drawn one.");
        }
    }

    private void Filter()
    {
        if (!_filtered)
        {
            _filter.Apply(_logits, _maximum, _scale, _topP, _topK);
            _filtered = true;
        }
    }
}
