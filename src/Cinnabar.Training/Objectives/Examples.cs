// Examples of a task, each a document of its own with known and wanted tokens (prompt clean, answer to be said: supervised fine-tuning as
// LLaDA does it, Nie et al. 2025, section 2.3).
//
// Order: epochs, each a permutation of its own of all examples; step s takes the next batch_size of them. A step's examples are sorted by
// length and cut into passes of at most micro_batch_size · sequence_length positions, padding included, so that short examples do not pay
// for long ones.
//
// A diffusion network does not know how long an answer is, so it also learns to say what lies behind: 0 … answer_padding further tokens,
// as many as drawn, all wanted: end of text where the answer ended in it (as LLaDA), padding where known text follows (as HoleShapes).
// The canvas of an answer may then be longer than the answer. A network that writes left to right stops by itself and needs none.
using Cinnabar.Diffusion;
using Cinnabar.Training.Corpora;

namespace Cinnabar.Training.Objectives;

/// <summary>Draws examples.</summary>
public sealed class Examples : SequenceSource
{
    private const ulong FirstEpochStream = 1UL << 32; // steps have the streams below

    private readonly TokenDataset _data;
    private readonly TrainingOptions _options;
    private readonly int _padTokenId;
    private readonly int _eosTokenId;
    private readonly bool _padsAnswers;
    private long _epoch = -1;
    private int[] _order = []; // of the epoch

    /// <summary>Prepares drawing.</summary>
    /// <param name="data">Documents with questions, none longer than a sequence.</param>
    /// <param name="options">Sizes, answer_padding and seed.</param>
    /// <exception cref="CinnabarException">An example is longer than a sequence, or there is none.</exception>
    public Examples(TokenDataset data, TrainingOptions options)
    {
        if (data.DocumentCount == 0)
        {
            throw new CinnabarException(
                $"The corpus '{options.Corpus}': expected examples to train on, found none.", "Build it again with more data.");
        }

        for (int i = 0; i < data.DocumentCount; i++)
        {
            long length = data.DocumentStart(i + 1) - data.DocumentStart(i);
            if (length > options.SequenceLength)
            {
                throw new CinnabarException(
                    $"The corpus '{options.Corpus}' has an example of {length} tokens (number {i} of {data.DocumentCount}), "
                    + $"longer than sequence_length {options.SequenceLength}.",
                    "Raise sequence_length, or build the corpus with a smaller --max-tokens.");
            }
        }

        _data = data;
        _options = options;
        _padTokenId = options.ModelConfig.PadTokenId;
        _eosTokenId = options.ModelConfig.EosTokenId;
        _padsAnswers = options.Objective != TrainingObjective.Autoregressive && options.AnswerPadding > 0;
    }

    /// <inheritdoc/>
    public override SequenceDraw Draw(int step, DeterministicRandom random)
    {
        long first = (step - 1L) * _options.BatchSize;
        Example[] examples = [.. Enumerable.Range(0, _options.BatchSize).Select(i => Read(IndexOf(first + i), random))];
        Array.Sort(examples, (a, b) => a.Ids.Length.CompareTo(b.Ids.Length));
        List<SequenceBatch> batches = [];
        int most = _options.MicroBatchSize * _options.SequenceLength;
        for (int next = 0; next < examples.Length;)
        {
            // Sorted, so the last of a pass is the longest.
            int count = 1;
            while (next + count < examples.Length && (count + 1) * examples[next + count].Ids.Length <= most)
            {
                count++;
            }

            batches.Add(Pack(examples.AsSpan(next, count)));
            next += count;
        }

        return new SequenceDraw(batches, examples.Sum(example => example.Wanted.LongCount(wanted => wanted)));
    }

    // The n-th example of the run.
    private int IndexOf(long n)
    {
        (long epoch, long place) = Math.DivRem(n, _data.DocumentCount);
        if (epoch != _epoch)
        {
            _order = [.. Enumerable.Range(0, _data.DocumentCount)];
            new DeterministicRandom(_options.Seed).Fork(FirstEpochStream + (ulong)epoch).Shuffle(_order.AsSpan());
            _epoch = epoch;
        }

        return _order[place];
    }

    private Example Read(int index, DeterministicRandom random)
    {
        (int[] ids, bool[] wanted) = (_data.Document(index), _data.Wanted(index));
        return _padsAnswers ? Padded(ids, wanted, random) : new Example(ids, wanted);
    }

    private Example Padded(int[] ids, bool[] wanted, DeterministicRandom random)
    {
        List<int> padded = [];
        List<bool> isWanted = [];
        int room = _options.SequenceLength - ids.Length;
        for (int i = 0; i < ids.Length; i++)
        {
            padded.Add(ids[i]);
            isWanted.Add(wanted[i]);
            bool endsText = i == ids.Length - 1 && ids[i] == _eosTokenId;
            bool endsRun = wanted[i] && (endsText || (i + 1 < ids.Length && !wanted[i + 1]));
            int padding = endsRun ? Math.Min(room, random.NextInt(_options.AnswerPadding + 1)) : 0;
            padded.AddRange(Enumerable.Repeat(endsText ? _eosTokenId : _padTokenId, padding));
            isWanted.AddRange(Enumerable.Repeat(true, padding));
            room -= padding;
        }

        return new Example([.. padded], [.. isWanted]);
    }

    private SequenceBatch Pack(ReadOnlySpan<Example> examples)
    {
        int length = examples[^1].Ids.Length;
        int[] ids = new int[examples.Length * length];
        bool[] wanted = new bool[ids.Length];
        int[] valid = new int[examples.Length];
        Array.Fill(ids, _padTokenId);
        for (int b = 0; b < examples.Length; b++)
        {
            examples[b].Ids.CopyTo(ids, b * length);
            examples[b].Wanted.CopyTo(wanted, b * length);
            valid[b] = examples[b].Ids.Length;
        }

        return new SequenceBatch(ids, examples.Length, valid, wanted);
    }

    private readonly record struct Example(int[] Ids, bool[] Wanted);
}
