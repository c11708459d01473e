// Learns the merges of a byte-pair encoding.
//
//   1. cut every text into pieces and count equal pieces (PieceCounts, on all threads)
//   2. count every pair of neighbours, weighted by how often its piece occurs
//   3. until the vocabulary is full: take the pair of highest count, of equal counts the lowest (left id, right id); give it the
//      next id; replace it in the pieces that hold it, and correct the counts of the pairs beside it
//
// Step 3 touches only pieces that hold the pair. The queue keeps old counts: an entry that comes up with a count that is no longer
// right goes back with the right one (counts of a known pair only fall, so nothing is missed). Counts are sums, so the number of
// threads and the order of the texts cannot change the result.
// Ids: special tokens, the 256 bytes in the order of GPT-2's alphabet, then the merges.
// Source: Sennrich et al. 2016, arXiv 1508.07909; ids and ties as in Hugging Face tokenizers' BpeTrainer.
using System.Runtime.InteropServices;

namespace Cinnabar.Tokenizers;

/// <summary>How to train a tokenizer.</summary>
public sealed record BpeTrainerOptions
{
    /// <summary>V: special tokens, bytes and merges together; from 260 to 65,536. Fewer if the text has no more pairs.</summary>
    public int VocabularySize { get; init; } = 8192;

    /// <summary>The lowest count of a pair that is still merged.</summary>
    public long MinFrequency { get; init; } = 2;

    /// <summary>Threads that count pieces; without effect on the result.</summary>
    public int Threads { get; init; } = Environment.ProcessorCount;
}

/// <summary>Learns a byte-level BPE tokenizer from text.</summary>
public sealed class BpeTrainer
{
    /// <summary>The special tokens and the 256 bytes, without a merge.</summary>
    public const int SmallestVocabulary = 260;

    private readonly BpeTrainerOptions _options;
    private readonly RegexSplit _preTokenizer = RegexSplit.Of(SplitPatterns.Code);
    private readonly Dictionary<ulong, Pair> _pairs = [];
    private readonly PriorityQueue<ulong, (long Count, ulong Pair)> _queue = new(HighestCountFirst.Instance);
    private int[][] _pieces = [];
    private long[] _counts = [];

    /// <summary>Checks the options.</summary>
    /// <exception cref="CinnabarException">An option is out of range.</exception>
    public BpeTrainer(BpeTrainerOptions options)
    {
        if (options.VocabularySize is < SmallestVocabulary or > 1 << 16)
        {
            throw new CinnabarException(
                $"The vocabulary size must be from {SmallestVocabulary} to {1 << 16}, not {options.VocabularySize}.",
                "Choose a size in that range; 8192 suits a small model.");
        }

        ArgumentOutOfRangeException.ThrowIfLessThan(options.MinFrequency, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Threads, 1);
        _options = options;
    }

    /// <summary>Learns from texts.</summary>
    /// <param name="texts">The texts, read once, from several threads in turn.</param>
    /// <param name="progress">Told the size of the vocabulary from time to time.</param>
    public Tokenizer Train(IEnumerable<string> texts, IProgress<int>? progress = null)
    {
        PieceCounts counts = PieceCounts.Count(texts, _preTokenizer, _options.Threads);
        List<string?> tokens = [.. SpecialTokens.All.Select(_ => (string?)null)];
        int[] idOfByte = new int[256];
        foreach (byte b in ByteLevel.AlphabetOrder)
        {
            idOfByte[b] = tokens.Count;
            tokens.Add(ByteLevel.Spell([b]));
        }

        CountPairs(counts, idOfByte);
        List<Merge> merges = [];
        while (tokens.Count < _options.VocabularySize && TakeBest() is ulong best)
        {
            (int left, int right) = ((int)(best >> 32), (int)(uint)best);
            merges.Add(new Merge(left, right, tokens.Count, merges.Count));
            Replace(left, right, tokens.Count);
            tokens.Add(tokens[left] + tokens[right]);
            if (tokens.Count % 256 == 0)
            {
                progress?.Report(tokens.Count);
            }
        }

        AddedTokens added = new([.. SpecialTokens.All.Select((name, id) => new AddedToken(id, name, Special: true))], normalizer: null);
        return new Tokenizer(new TokenizerDefinition
        {
            AddedTokens = added,
            PreTokenizers = [_preTokenizer],
            Model = new Bpe(new ByteSymbols(idOfByte), [.. merges]),
            Tokens = new TokenBytes(tokens, added.All, new ByteLevelDecoder()),
            SpecialIds = SpecialTokenIds.Of(added),
        });
    }

    private void CountPairs(PieceCounts counts, int[] idOfByte)
    {
        _pairs.Clear();
        _queue.Clear();
        _pieces = new int[counts.Pieces.Count][];
        _counts = new long[counts.Pieces.Count];
        int index = 0;
        foreach ((byte[] piece, long count) in counts.Pieces)
        {
            _pieces[index] = Array.ConvertAll(piece, b => idOfByte[b]);
            _counts[index] = count;
            for (int i = 0; i + 1 < piece.Length; i++)
            {
                AddPair(_pieces[index][i], _pieces[index][i + 1], count, index);
            }

            index++;
        }

        foreach ((ulong pair, Pair value) in _pairs)
        {
            _queue.Enqueue(pair, (value.Count, pair));
        }
    }

    private ulong? TakeBest()
    {
        while (_queue.TryDequeue(out ulong pair, out (long Count, ulong Pair) entry))
        {
            long count = _pairs.TryGetValue(pair, out Pair? current) ? current.Count : 0;
            if (count == entry.Count && count >= _options.MinFrequency)
            {
                return pair;
            }

            if (count >= _options.MinFrequency)
            {
                _queue.Enqueue(pair, (count, pair));
            }
        }

        return null;
    }

    private void Replace(int left, int right, int merged)
    {
        ulong pair = MergeTable.Pair(left, right);
        _pairs.Remove(pair, out Pair? occurrences);
        HashSet<ulong> made = [];
        foreach (int index in occurrences!.Pieces)
        {
            int[] piece = _pieces[index];
            int length = 0;
            for (int i = 0; i < piece.Length; i++)
            {
                if (i + 1 == piece.Length || piece[i] != left || piece[i + 1] != right)
                {
                    piece[length++] = piece[i];
                    continue;
                }

                // The neighbour on the left may already be merged; the one on the right never is.
                if (length > 0)
                {
                    RemovePair(piece[length - 1], left, _counts[index]);
                    made.Add(AddPair(piece[length - 1], merged, _counts[index], index));
                }

                if (i + 2 < piece.Length)
                {
                    RemovePair(right, piece[i + 2], _counts[index]);
                    made.Add(AddPair(merged, piece[i + 2], _counts[index], index));
                }

                piece[length++] = merged;
                i++;
            }

            _pieces[index] = length == piece.Length ? piece : piece[..length];
        }

        foreach (ulong key in made)
        {
            if (_pairs.TryGetValue(key, out Pair? value))
            {
                _queue.Enqueue(key, (value.Count, key));
            }
        }
    }

    private ulong AddPair(int left, int right, long count, int piece)
    {
        ulong key = MergeTable.Pair(left, right);
        ref Pair? value = ref CollectionsMarshal.GetValueRefOrAddDefault(_pairs, key, out _);
        value ??= new Pair();
        value.Count += count;
        if (value.Pieces.Count == 0 || value.Pieces[^1] != piece)
        {
            value.Pieces.Add(piece);
        }

        return key;
    }

    private void RemovePair(int left, int right, long count)
    {
        ulong key = MergeTable.Pair(left, right);
        if (_pairs.TryGetValue(key, out Pair? value))
        {
            value.Count -= count;
            if (value.Count == 0)
            {
                _pairs.Remove(key);
            }
        }
    }

    private sealed class Pair
    {
        public long Count { get; set; }

        public List<int> Pieces { get; } = [];
    }

    private sealed class HighestCountFirst : IComparer<(long Count, ulong Pair)>
    {
        public static HighestCountFirst Instance { get; } = new();

        public int Compare((long Count, ulong Pair) x, (long Count, ulong Pair) y)
        {
            int byCount = y.Count.CompareTo(x.Count);
            return byCount != 0 ? byCount : x.Pair.CompareTo(y.Pair);
        }
    }
}
