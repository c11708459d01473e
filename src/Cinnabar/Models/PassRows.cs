// What a pass computes: rows of one sequence or of several, one behind the other, without padding.
//
//   predictors   positions whose outputs predict the rows asked for: the rows themselves or, with shifted logits, the positions before
//                them (position 0 has no predecessor and uses itself)
//   positions    where the rows of the pass stand in their sequences: all of them or, with a cache, the predictors and what else is to be
//                computed, ascending, each once
//   chosen       rows of the pass that predict the rows asked for
//
// With shadows the positions are all there are, followed by those of the shadows. All rows go through the products together; each sequence
// attends to its own keys and values: those of the pass, or those of its cache. Buffers grow to the largest pass and are used again, so
// that a pass allocates nothing.
using System.Runtime.InteropServices;
using Cinnabar.Checkpoints;
using Cinnabar.Numerics;
using Cinnabar.Numerics.Autograd;
using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Models;

/// <summary>Rows of a pass at inference; not thread-safe.</summary>
/// <param name="config">Heads, mask and whether logits are shifted.</param>
internal sealed class PassRows(ModelConfig config)
{
    private readonly AttentionShape _attention = new(
        Batch: 1,
        Length: 0,
        config.NumAttentionHeads,
        config.NumKeyValueHeads,
        config.HeadSize,
        config.AttentionKind,
        config.AttentionBlockSize);

    private readonly List<SequenceRows> _sequences = [];
    private readonly List<int> _chosen = [];
    private int[] _positions = [];
    private int[] _ids = [];
    private int[] _places = [];
    private AttentionPart[] _parts = [];
    private KeyValueTarget[] _targets = [];
    private int _count;

    /// <summary>Who sees whom. Default: as the network is configured.</summary>
    public AttentionKind Attention { get; set; } = config.AttentionKind;

    /// <summary>Rows of the pass.</summary>
    public int Count => _count;

    /// <summary>Whose rows they are.</summary>
    public ReadOnlySpan<SequenceRows> Sequences => CollectionsMarshal.AsSpan(_sequences);

    /// <summary>Where each row stands in its sequence.</summary>
    public ReadOnlySpan<int> Positions => _positions.AsSpan(0, _count);

    /// <summary>The token of each row.</summary>
    public ReadOnlySpan<int> Ids => _ids.AsSpan(0, _count);

    /// <summary>For each row of logits asked for, in order, the row of the pass that predicts it.</summary>
    public ReadOnlySpan<int> Chosen => CollectionsMarshal.AsSpan(_chosen);

    /// <summary>The length of the longest sequence.</summary>
    public int LongestSequence { get; private set; }

    /// <summary>The position that predicts the token at another.</summary>
    public static int PredictorOf(int position, bool shifted) => shifted ? Math.Max(0, position - 1) : position;

    /// <summary>Forgets all sequences.</summary>
    public void Clear()
    {
        _sequences.Clear();
        _chosen.Clear();
        (_count, LongestSequence) = (0, 0);
    }

    /// <summary>Adds a whole sequence.</summary>
    /// <param name="ids">[L].</param>
    /// <param name="rows">Positions whose logits are wanted, ascending.</param>
    public void Add(ReadOnlySpan<int> ids, ReadOnlySpan<int> rows) => AddWithShadows(ids, rows, shadowed: default, shadowId: 0);

    /// <summary>Adds all positions of a sequence, then a masked shadow of each of <paramref name="shadowed"/>.</summary>
    /// <param name="ids">[L].</param>
    /// <param name="rows">Positions whose logits are wanted, ascending; those of the shadows come behind them.</param>
    /// <param name="shadowed">[S].</param>
    /// <param name="shadowId">The token of the shadows.</param>
    public void AddWithShadows(ReadOnlySpan<int> ids, ReadOnlySpan<int> rows, ReadOnlySpan<int> shadowed, int shadowId)
    {
        int first = Begin(ids.Length + shadowed.Length, new SequenceRows(_count, ids.Length, shadowed.Length, Cache: null));
        ids.CopyTo(_ids.AsSpan(first));
        for (int i = 0; i < ids.Length; i++)
        {
            _positions[first + i] = i;
        }

        foreach (int row in rows)
        {
            _chosen.Add(first + PredictorOf(row, config.ShiftLogits));
        }

        for (int i = 0; i < shadowed.Length; i++)
        {
            int shadow = first + ids.Length + i;
            (_ids[shadow], _positions[shadow]) = (shadowId, shadowed[i]);
            _chosen.Add(shadow);
        }
    }

    /// <summary>
    /// Adds the predictors of <paramref name="rows"/> and <paramref name="further"/> positions of a sequence with a cache.
    /// </summary>
    /// <param name="ids">[L].</param>
    /// <param name="rows">Positions whose logits are wanted, ascending.</param>
    /// <param name="further">Positions, ascending.</param>
    /// <param name="cache">Of L positions; receives the keys and values of what is computed.</param>
    public void Add(ReadOnlySpan<int> ids, ReadOnlySpan<int> rows, ReadOnlySpan<int> further, KeyValueCache cache)
    {
        if (cache.Length != ids.Length)
        {
            throw new ArgumentException($"Expected a cache of {ids.Length} positions, found one of {cache.Length}.", nameof(cache));
        }

        const int Wanted = 1;
        Reserve(ref _places, ids.Length);
        Span<int> places = _places.AsSpan(0, ids.Length);
        places.Clear();
        foreach (int row in rows)
        {
            places[PredictorOf(row, config.ShiftLogits)] = Wanted;
        }

        foreach (int position in further)
        {
            places[position] = Wanted;
        }

        int first = Begin(places.Count(Wanted), new SequenceRows(_count, ids.Length, Shadows: 0, cache));
        int next = first;
        for (int position = 0; position < ids.Length; position++)
        {
            if (places[position] == Wanted)
            {
                places[position] = next;
                (_ids[next], _positions[next]) = (ids[position], position);
                next++;
            }
        }

        foreach (int row in rows)
        {
            _chosen.Add(places[PredictorOf(row, config.ShiftLogits)]);
        }
    }

    /// <summary>Adds rows of a sequence without their tokens, for layers that are given what the layers before made of these.</summary>
    /// <param name="length">L.</param>
    /// <param name="shadows">Rows at the end that are shadows.</param>
    /// <param name="cache">Of L positions; null: the rows are all of the sequence, and its shadows.</param>
    /// <param name="positions">Where each row stands.</param>
    public void AddRows(int length, int shadows, KeyValueCache? cache, ReadOnlySpan<int> positions)
    {
        int first = Begin(positions.Length, new SequenceRows(_count, length, shadows, cache));
        positions.CopyTo(_positions.AsSpan(first));
    }

    /// <summary>Adds those of some sequences of another pass that have rows; which of these are wanted is left out.</summary>
    /// <param name="other">The pass.</param>
    /// <param name="first">Number of the first.</param>
    /// <param name="end">Number of the first that is left out.</param>
    public void AddSequences(PassRows other, int first, int end)
    {
        for (int i = first; i < end; i++)
        {
            SequenceRows sequence = other._sequences[i];
            if (sequence.First == other.EndOf(i))
            {
                continue; // nothing of it is computed
            }

            Range rows = sequence.First..other.EndOf(i);
            int start = _count;
            AddRows(sequence.Length, sequence.Shadows, sequence.Cache, other.Positions[rows]);
            other.Ids[rows].CopyTo(_ids.AsSpan(start));
        }
    }

    /// <summary>The first row behind those of a sequence.</summary>
    public int EndOf(int sequence) => sequence + 1 < _sequences.Count ? _sequences[sequence + 1].First : _count;

    /// <summary>Attention of every sequence in one layer; caches take in the keys and values of the pass.</summary>
    /// <param name="tape">Where it runs.</param>
    /// <param name="layer">Number of the layer.</param>
    /// <param name="q">[rows of the pass, H·D], not yet rotated; must not be used otherwise.</param>
    /// <param name="k">[rows of the pass, G·D], likewise.</param>
    /// <param name="v">[rows of the pass, G·D].</param>
    /// <param name="angles">Of all positions; null: nothing is rotated.</param>
    public Variable Attend(Tape tape, int layer, Variable q, Variable k, Variable v, RotaryAngles? angles)
    {
        if (_parts.Length < _sequences.Count)
        {
            (_parts, _targets) = (new AttentionPart[_sequences.Count], new KeyValueTarget[_sequences.Count]);
        }

        int caches = 0;
        for (int i = 0; i < _sequences.Count; i++)
        {
            SequenceRows sequence = _sequences[i];
            int end = EndOf(i);
            (Tensor keys, Tensor values) = (k.Value, v.Value);
            if (sequence.Cache is not null)
            {
                (keys, values) = sequence.Cache.Of(layer);
                _targets[caches++] = new KeyValueTarget(sequence.First, end - sequence.First, keys, values);
            }

            _parts[i] = new AttentionPart(keys, values, ShapeOf(sequence, _positions.AsMemory(sequence.First..end)));
        }

        tape.StoreRows(q, k, v, angles, LongestSequence, Positions, _targets.AsSpan(0, caches));
        return tape.Attention(q, _parts.AsMemory(0, _sequences.Count));
    }

    private AttentionShape ShapeOf(in SequenceRows sequence, ReadOnlyMemory<int> positions) => _attention with
    {
        Kind = Attention,
        Length = sequence.Length + sequence.Shadows,
        FirstRow = sequence.First,
        FirstKeyRow = sequence.Cache is null ? sequence.First : 0,
        Positions = sequence.Cache is null ? default(ReadOnlyMemory<int>?) : positions,
        Shadowed = sequence.Shadows == 0 ? default(ReadOnlyMemory<int>?) : positions[sequence.Length..],
    };

    // Makes room for rows and notes whose they are; gives the first of them.
    private int Begin(int rows, SequenceRows sequence)
    {
        int first = _count;
        _count = checked(_count + rows);
        Reserve(ref _positions, _count);
        Reserve(ref _ids, _count);
        _sequences.Add(sequence);
        LongestSequence = Math.Max(LongestSequence, sequence.Length);
        return first;
    }

    private static void Reserve(ref int[] buffer, int length)
    {
        if (buffer.Length < length)
        {
            Array.Resize(ref buffer, Math.Max(length, 2 * buffer.Length));
        }
    }

    /// <summary>Rows of one sequence.</summary>
    /// <param name="First">The first of them.</param>
    /// <param name="Length">L: positions of the sequence.</param>
    /// <param name="Shadows">Rows at the end that are shadows.</param>
    /// <param name="Cache">Its keys and values; null: its rows are all there is.</param>
    internal readonly record struct SequenceRows(int First, int Length, int Shadows, KeyValueCache? Cache);
}
