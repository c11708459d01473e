// An n-gram language model over token ids, interpolated absolute discounting (Ney, Essen, Kneser 1994), D = 0.75:
//
//   p(w | h) = max(c(hw) − D, 0) / c(h) + D · T(h) / c(h) · p(w | h'),      p(w) = (c(w) + 1) / (N + V)
//
// h: the last k < n tokens; h': h without its oldest token; T(h): how many different tokens follow h. Histories that never occurred
// are skipped.
//
// There are no count tables: the positions of the text are sorted by the n tokens that start there, so that the occurrences of any
// sequence of up to n tokens are one range of the sorted array, and its followers are runs inside that range. The sort is a radix
// sort, one counting sort for each of the n tokens, last first. Memory: 8 bytes a token, 12 while sorting.
//
// Deviation: counts of the shorter histories are plain ones, not the continuation counts of Kneser-Ney.
using System.Runtime.InteropServices;

namespace Cinnabar.Evaluation;

/// <summary>An n-gram model; not thread-safe.</summary>
public sealed class NGramModel
{
    /// <summary>n if nothing else is said: the best on the validation split of a C# corpus, see <see cref="NGramInfill"/>.</summary>
    public const int DefaultOrder = 14;

    private const int Boundary = -1; // Between documents: no sequence reaches across it.
    private const int ScanLength = 256; // Ranges longer than this keep the list of their followers.
    private const double Discount = 0.75;

    private readonly int[] _tokens;
    private readonly int[] _sorted;
    private readonly double[] _unigrams;
    private readonly Dictionary<(int From, int Depth), Run[]> _followers = [];

    /// <summary>Counts the documents.</summary>
    /// <param name="documents">Token ids of each document, read once, as many as <paramref name="maxTokens"/> allows.</param>
    /// <param name="vocabularySize">V: ids are below it.</param>
    /// <param name="order">n, at least 1.</param>
    /// <param name="maxTokens">Most tokens to count.</param>
    public NGramModel(IEnumerable<int[]> documents, int vocabularySize, int order = DefaultOrder, int maxTokens = 100_000_000)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(order, 1);
        Order = order;
        VocabularySize = vocabularySize;
        List<int> tokens = [];
        foreach (int[] document in documents)
        {
            if (TokenCount + document.Length > maxTokens)
            {
                break;
            }

            tokens.AddRange(document);
            tokens.Add(Boundary);
            TokenCount += document.Length;
        }

        _tokens = [.. tokens];
        _unigrams = new double[vocabularySize];
        foreach (int token in CollectionsMarshal.AsSpan(tokens))
        {
            if (token != Boundary)
            {
                _unigrams[token]++;
            }
        }

        for (int w = 0; w < vocabularySize; w++)
        {
            _unigrams[w] = (_unigrams[w] + 1) / ((double)TokenCount + vocabularySize);
        }

        _sorted = Sort();
    }

    /// <summary>n.</summary>
    public int Order { get; }

    /// <summary>V.</summary>
    public int VocabularySize { get; }

    /// <summary>Tokens counted.</summary>
    public int TokenCount { get; private set; }

    /// <summary>The probability of every token after <paramref name="history"/>.</summary>
    /// <param name="history">What came before, oldest first; only the last n − 1 tokens count.</param>
    /// <param name="probabilities">[V]; sums to 1.</param>
    public void Distribution(ReadOnlySpan<int> history, Span<double> probabilities)
    {
        _unigrams.CopyTo(probabilities);
        for (int k = 1; k < Order && k <= history.Length; k++)
        {
            Run[] followers = Followers(history[^k..]);
            if (followers.Length == 0)
            {
                return;
            }

            double total = 0;
            foreach (Run run in followers)
            {
                total += run.Count;
            }

            double rest = Discount * followers.Length / total;
            for (int w = 0; w < probabilities.Length; w++)
            {
                probabilities[w] *= rest;
            }

            foreach (Run run in followers)
            {
                probabilities[run.Token] += (run.Count - Discount) / total;
            }
        }
    }

    // What follows a sequence, by token, and how often.
    private Run[] Followers(ReadOnlySpan<int> sequence)
    {
        int from = 0;
        int to = _sorted.Length;
        for (int depth = 0; depth < sequence.Length && from < to; depth++)
        {
            from = FirstAtLeast(sequence[depth], from, to, depth);
            to = FirstAtLeast(sequence[depth] + 1, from, to, depth);
        }

        if (to - from <= ScanLength)
        {
            return ReadRuns(from, to, sequence.Length);
        }

        ref Run[]? kept = ref CollectionsMarshal.GetValueRefOrAddDefault(_followers, (from, sequence.Length), out _);
        return kept ??= ReadRuns(from, to, sequence.Length);
    }

    private Run[] ReadRuns(int from, int to, int depth)
    {
        List<Run> runs = [];
        int start = FirstAtLeast(0, from, to, depth); // Past the ends of documents.
        while (start < to)
        {
            int token = _tokens[_sorted[start] + depth];
            int end = EndOfRun(token, start, to, depth);
            runs.Add(new Run(token, end - start));
            start = end;
        }

        return [.. runs];
    }

    // Doubles the step until it is past the run, then searches the last step: short runs dominate.
    private int EndOfRun(int token, int start, int to, int depth)
    {
        int step = 1;
        while (start + step < to && _tokens[_sorted[start + step] + depth] == token)
        {
            step *= 2;
        }

        return FirstAtLeast(token + 1, start + (step / 2), Math.Min(to, start + step), depth);
    }

    // First index in from … to whose position holds a token of at least `token` at `depth`.
    private int FirstAtLeast(int token, int from, int to, int depth)
    {
        while (from < to)
        {
            int middle = from + ((to - from) / 2);
            if (_tokens[_sorted[middle] + depth] < token)
            {
                from = middle + 1;
            }
            else
            {
                to = middle;
            }
        }

        return from;
    }

    // Positions by the tokens that start there. A sequence ends at a boundary, so the order behind one does not matter.
    private int[] Sort()
    {
        int n = _tokens.Length;
        var sorted = new int[n];
        var next = new int[n];
        for (int i = 0; i < n; i++)
        {
            sorted[i] = i;
        }

        for (int depth = Order - 1; depth >= 0; depth--)
        {
            var starts = new int[VocabularySize + 2]; // Key 0 is a boundary or the end; a token w has key w + 1.
            for (int i = 0; i < n; i++)
            {
                starts[Key(i + depth) + 1]++;
            }

            for (int key = 1; key < starts.Length; key++)
            {
                starts[key] += starts[key - 1];
            }

            foreach (int position in sorted)
            {
                next[starts[Key(position + depth)]++] = position;
            }

            (sorted, next) = (next, sorted);
        }

        return sorted;
    }

    private int Key(int position) => position < _tokens.Length ? _tokens[position] + 1 : 0;

    private readonly record struct Run(int Token, int Count);
}
