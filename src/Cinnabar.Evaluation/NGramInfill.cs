// The baseline that models text without a network: an n-gram model of the training split, mixed with one of the hole's own context
// (a cache, as in Hellendoorn and Devanbu 2017), and a beam search for the most probable line:
//
//   score(line) = Σ_i log p(line_i | …) + Σ_{j < n} log p(after_j | …)        p = (1 − λ) · p_train + λ · p_context
//
// So a line is chosen to fit what precedes it and to lead into what follows. A line consists of tokens without a line break. Its number
// of tokens is the given one, or else whatever scores best between the shortest and the longest line of the task.
//
// n = 14 and λ = 0.3 gave the most exact lines among n = 4, 5, 6, 8, 10, 14 and λ = 0.3, 0.5, 0.7 (18 of the pairs tried; λ = 0.7 only for
// small n) on 300 lines of the validation split of a corpus of 24 M tokens of C#. That n is so long shows how much code repeats code
// that is older.
using Cinnabar.Tokenizers;

namespace Cinnabar.Evaluation;

/// <summary>Fills line holes by beam search under an n-gram model with a cache; not thread-safe.</summary>
public sealed class NGramInfill : IInfiller
{
    private const int BeamWidth = 8;
    private const double CacheShare = 0.3; // λ: weight of the context's own n-grams

    private readonly NGramModel _model;
    private readonly Tokenizer _tokenizer;
    private readonly LineHoleOptions _range;
    private readonly bool[] _inLine;
    private readonly double[] _probabilities;
    private readonly double[] _cached;

    /// <summary>Makes the baseline.</summary>
    /// <param name="model">Counted on the training split.</param>
    /// <param name="tokenizer">The tokenizer of its ids.</param>
    /// <param name="range">The shortest and the longest line that occur.</param>
    public NGramInfill(NGramModel model, Tokenizer tokenizer, LineHoleOptions range)
    {
        _model = model;
        _tokenizer = tokenizer;
        _range = range;
        LineTokens lines = new(tokenizer);
        _inLine = [.. Enumerable.Range(0, model.VocabularySize).Select(id => !lines.Breaks(id) && !tokenizer.IsSpecial(id))];
        _probabilities = new double[model.VocabularySize];
        _cached = new double[model.VocabularySize];
    }

    /// <inheritdoc/>
    public string Name => $"{_model.Order}-gram";

    /// <inheritdoc/>
    public string Description => string.Create(
        System.Globalization.CultureInfo.InvariantCulture,
        $"{_model.Order}-gram model (interpolated absolute discounting) of {_model.TokenCount / 1e6:F1} M training tokens, mixed with one "
        + $"of the same context (weight {CacheShare:F1}); the best line of a beam search (width {BeamWidth}), scored together with "
        + $"the tokens that follow it.");

    /// <inheritdoc/>
    public InfillPrediction Fill(LineHole hole, bool lengthGiven)
    {
        NGramModel cache = new([hole.Before, hole.After], _model.VocabularySize, _model.Order);
        int shortest = lengthGiven ? hole.Reference.Length : _range.MinTokens;
        int longest = lengthGiven ? hole.Reference.Length : _range.MaxTokens;
        int[] history = hole.Before[^Math.Min(hole.Before.Length, _model.Order - 1)..];
        List<Hypothesis> beam = [new(history, 0)];
        Hypothesis best = new([], double.NegativeInfinity);

        // Log-probabilities only fall, so once the best line beats all that can still grow, it stays the best.
        for (int length = 0; length <= longest && beam.Count > 0 && beam[0].Score > best.Score; length++)
        {
            List<Hypothesis> grown = [];
            foreach (Hypothesis hypothesis in beam)
            {
                if (length >= shortest)
                {
                    double complete = ScoreWithFollowing(hypothesis, hole.After, best.Score, cache);
                    best = complete > best.Score ? hypothesis with { Score = complete } : best;
                }

                if (length < longest)
                {
                    Predict(hypothesis.Ids, cache);
                    Grow(hypothesis, grown);
                }
            }

            beam = [.. grown.OrderByDescending(hypothesis => hypothesis.Score).Take(BeamWidth)];
        }

        return new InfillPrediction(_tokenizer.Decode(best.Ids.AsSpan(Math.Min(history.Length, best.Ids.Length))), default);
    }

    // The next-token distribution, into _probabilities.
    private void Predict(int[] ids, NGramModel cache)
    {
        _model.Distribution(ids, _probabilities);
        cache.Distribution(ids, _cached);
        for (int w = 0; w < _probabilities.Length; w++)
        {
            _probabilities[w] += CacheShare * (_cached[w] - _probabilities[w]);
        }
    }

    private double ScoreWithFollowing(Hypothesis hypothesis, int[] after, double scoreToBeat, NGramModel cache)
    {
        double score = hypothesis.Score;
        List<int> ids = [.. hypothesis.Ids];
        for (int j = 0; j < Math.Min(_model.Order, after.Length) && score > scoreToBeat; j++)
        {
            Predict([.. ids], cache);
            score += Math.Log(_probabilities[after[j]]);
            ids.Add(after[j]);
        }

        return score;
    }

    // Adds the extensions of a hypothesis by its most probable tokens.
    private void Grow(Hypothesis hypothesis, List<Hypothesis> grown)
    {
        PriorityQueue<int, (double Probability, int Earlier)> top = new(BeamWidth + 1);
        for (int w = 0; w < _probabilities.Length; w++)
        {
            if (_inLine[w] && (top.Count < BeamWidth || (top.TryPeek(out _, out var lowest) && _probabilities[w] > lowest.Probability)))
            {
                top.Enqueue(w, (_probabilities[w], -w));
                if (top.Count > BeamWidth)
                {
                    top.Dequeue();
                }
            }
        }

        while (top.TryDequeue(out int token, out (double Probability, int) rank))
        {
            grown.Add(new Hypothesis([.. hypothesis.Ids, token], hypothesis.Score + Math.Log(rank.Probability)));
        }
    }

    // The end of the context, then the line so far.
    private sealed record Hypothesis(int[] Ids, double Score);
}
