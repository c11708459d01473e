// What a network thinks of the tokens of a sequence: −log2 p of each that stands there, and what it would rather see.
//
//   masked diffusion   p(x_i | all others but the rest of its word): position i and the later tokens of its word are masked, so that the
//                      pieces of a wrong word do not vouch for each other (PLL-word-l2r of Kauf & Ivanova 2023, "A Better Way to Do Masked
//                      Language Model Scoring"). Several positions share a sequence, at least Gap visible tokens apart, so a text of n
//                      tokens takes about Gap + 1 sequences of n tokens instead of n; several sequences share a pass. Of a word without end
//                      (text without spaces, data) at most TokenWords.Longest tokens are masked: all of them would leave nothing to the
//                      right, and take a sequence for each.
//   autoregressive     p(x_i | x_0 … x_{i−1}), in a pass for every PositionsPerPass of them, so that logits of a long sequence need not all
//                      be in memory; the first of all tokens is one of V equally likely ones
//
// Probabilities are among the tokens that stand for text.
using Cinnabar.Models;
using Cinnabar.Numerics;
using Cinnabar.Sampling;

namespace Cinnabar.Proofreading;

/// <summary>One token as a network sees it.</summary>
/// <param name="Bits">−log2 of its probability.</param>
/// <param name="Best">The most probable tokens in its place, most probable first; none were asked for, or nothing is known: empty.</param>
internal readonly record struct TokenReading(double Bits, (int TokenId, double Probability)[] Best)
{
    /// <summary>p(best) · (log2 p(best) − log2 p(standing)): 0 if the standing token is the best.</summary>
    public double Suspicion => Best.Length == 0 ? 0 : Best[0].Probability * Math.Max(0, Bits + Math.Log2(Best[0].Probability));
}

/// <summary>Reads sequences with one network; not thread-safe.</summary>
internal sealed class TokenJudge
{
    // As many positions as make a pass efficient, and few enough that others need not wait long for theirs.
    private const int PositionsPerPass = 512;
    private const int Gap = 7; // 15 finds no more places
    private const double LeastProbability = 1e-300;
    private static readonly SamplerOptions s_plain = new();

    private readonly IDenoiser _denoiser;
    private readonly TokenWords _words;
    private readonly int[] _forbidden;
    private readonly bool _isAutoregressive;
    private readonly TokenDistribution _distribution;

    public TokenJudge(IDenoiser denoiser, TokenWords words, int[] forbidden, bool isAutoregressive)
    {
        (_denoiser, _words, _forbidden, _isAutoregressive) = (denoiser, words, forbidden, isAutoregressive);
        _distribution = new TokenDistribution(denoiser.VocabularySize);
    }

    /// <summary>Whether only what stands before a token is known.</summary>
    public bool IsAutoregressive => _isAutoregressive;

    /// <summary>Reads positions of a sequence; after each pass through the network comes one element.</summary>
    /// <param name="ids">1 … MaxLength tokens.</param>
    /// <param name="first">The first position to read.</param>
    /// <param name="end">The one behind the last.</param>
    /// <param name="alternatives">How many of the most probable tokens are wanted.</param>
    /// <param name="readings">Receives position first + i at i.</param>
    public IEnumerable<int> Read(int[] ids, int first, int end, int alternatives, Memory<TokenReading> readings)
    {
        return _isAutoregressive
            ? ReadLeftToRight(ids, first, end, alternatives, readings)
            : ReadFromBothSides(ids, first, end, alternatives, readings);
    }

    /// <summary>The most probable tokens at a masked position of each sequence, in as few passes as the network allows.</summary>
    public IEnumerable<int> Guess(IReadOnlyList<(int[] Ids, int Position)> masked, int alternatives, TokenReading[] readings)
    {
        int together = masked.Count == 0 ? 1 : Together(masked.Max(item => item.Ids.Length));
        for (int start = 0; start < masked.Count; start += together)
        {
            int count = Math.Min(together, masked.Count - start);
            Tensor logits = Logits([.. masked.Skip(start).Take(count).Select(item => (item.Ids, (int[])[item.Position]))]);
            for (int i = 0; i < count; i++)
            {
                (int[] ids, int position) = masked[start + i];
                readings[start + i] = Reading(logits.Row(i), ids[position], position, alternatives);
            }

            yield return count;
        }
    }

    private IEnumerable<int> ReadLeftToRight(int[] ids, int first, int end, int alternatives, Memory<TokenReading> readings)
    {
        for (int start = first; start < end; start += PositionsPerPass)
        {
            int stop = Math.Min(end, start + PositionsPerPass);
            int from = Math.Max(start, 1);
            if (start == 0)
            {
                readings.Span[0] = new TokenReading(Math.Log2(_denoiser.VocabularySize), []);
            }

            if (from < stop)
            {
                // What stands behind the last of these positions makes no difference to them.
                Tensor logits = _denoiser.Logits(stop == end ? ids : ids[..stop], [.. Enumerable.Range(from, stop - from)]);
                for (int i = from; i < stop; i++)
                {
                    readings.Span[i - first] = Reading(logits.Row(i - from), ids[i], i, alternatives);
                }
            }

            yield return stop - start;
        }
    }

    private IEnumerable<int> ReadFromBothSides(int[] ids, int first, int end, int alternatives, Memory<TokenReading> readings)
    {
        List<List<int>> groups = Group(ids, first, end);
        int together = Together(ids.Length);
        for (int start = 0; start < groups.Count; start += together)
        {
            List<int>[] now = [.. groups.Skip(start).Take(together)];
            Tensor logits = Logits([.. now.Select(group => (Masked(ids, group), group.ToArray()))]);
            int row = 0;
            int read = 0;
            foreach (int position in now.SelectMany(group => group))
            {
                readings.Span[position - first] = Reading(logits.Row(row++), ids[position], position, alternatives);
                read++;
            }

            yield return read;
        }
    }

    // Each position goes to the first sequence in which what is masked already ends Gap tokens before it.
    private List<List<int>> Group(int[] ids, int first, int end)
    {
        List<List<int>> groups = [];
        List<int> maskedUntil = [];
        for (int position = first; position < end; position++)
        {
            int group = maskedUntil.FindIndex(until => until + Gap <= position);
            if (group < 0)
            {
                group = groups.Count;
                groups.Add([]);
                maskedUntil.Add(0);
            }

            groups[group].Add(position);
            maskedUntil[group] = EndOfMasks(ids, position);
        }

        return groups;
    }

    private int[] Masked(int[] ids, List<int> positions)
    {
        int[] masked = [.. ids];
        foreach (int position in positions)
        {
            masked.AsSpan(position, EndOfMasks(ids, position) - position).Fill(_denoiser.MaskTokenId);
        }

        return masked;
    }

    private int EndOfMasks(int[] ids, int position) => Math.Min(_words.EndOf(ids, position), position + TokenWords.Longest);

    // Where all of a text was deleted, nothing is left to be read.
    private int Together(int length) => _denoiser is IBatchDenoiser ? Math.Max(1, PositionsPerPass / Math.Max(1, length)) : 1;

    // The rows of all sequences, one after the other; more than one only for a network that takes them.
    private Tensor Logits((int[] Ids, int[] Rows)[] sequences)
    {
        if (_denoiser is not IBatchDenoiser batch)
        {
            return _denoiser.Logits(sequences[0].Ids, sequences[0].Rows);
        }

        batch.BeginBatch();
        foreach ((int[] ids, int[] rows) in sequences)
        {
            batch.AddToBatch(ids, rows);
        }

        return batch.LogitsOfBatch();
    }

    // The logits are valid until the next pass only.
    private TokenReading Reading(ReadOnlySpan<float> logits, int standing, int position, int alternatives)
    {
        _distribution.Load(logits, _forbidden, s_plain, default, position);
        double probability = standing == _denoiser.MaskTokenId ? 1 : _distribution.ProbabilityOf(standing);
        return new TokenReading(
            -Math.Log2(Math.Max(probability, LeastProbability)),
            alternatives == 0 ? [] : _distribution.Top(alternatives));
    }
}
