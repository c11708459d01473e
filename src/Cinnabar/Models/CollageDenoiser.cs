// A long text with a network of short ones (DiffCollage, Zhang et al. 2023, for tokens): the text is a chain of overlapping segments, all
// computed in every pass, so that all of it is denoised at once.
//
//   p(text) ≈ Π_k p(segment k) / Π_k p(overlap of k and k + 1)      logits of a position = Σ of its segments' − those of its overlap alone
//
// Normalising constants of logits cancel, so they are added as they are. For a Markov chain and overlaps of one position this is exact
// there. DiffCollage adds scores of continuous data; for tokens log-probabilities of each position take their place.
//
//   |<------- segment 0 ------->|              answers
//                        .|<------- segment 1 ------->|              . sees it, but does not answer for it
//                        .|over|
//
// Each segment but the first, and each overlap, sees one position more than it answers for: a network with shifted logits predicts a token
// from the position before it. No position belongs to more than two segments.
using System.Runtime.InteropServices;
using Cinnabar.Numerics;
using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Models;

/// <summary>Makes a network that sees all of a short text one for long texts. Not thread-safe.</summary>
public sealed class CollageDenoiser : IDenoiser
{
    // Positions of a pass; more are computed in several passes, so that logits need not all be in memory twice.
    private const int MostPositions = 8192;

    private readonly IDenoiser _inner;
    private readonly int _segment;
    private readonly int _overlap;
    private readonly List<Part> _parts = [];
    private readonly List<int> _rows = [];
    private Tensor? _buffer; // of the most rows so far: there are fewer with every step
    private Tensor _logits = null!; // its rows of this pass

    /// <summary>Wraps a network.</summary>
    /// <param name="inner">The network.</param>
    /// <param name="segment">S: positions of a segment, 4 … the network's limit.</param>
    /// <param name="overlap">Positions that two segments answer for, 1 … (S − 1)/2.</param>
    /// <exception cref="CinnabarException">A length is outside, or the network does not see the whole of a text.</exception>
    public CollageDenoiser(IDenoiser inner, int segment, int overlap)
    {
        if (segment < 4 || segment > inner.MaxLength)
        {
            throw new CinnabarException(
                $"Expected segments of 4 … {inner.MaxLength} tokens (the network's limit), found {segment}.", "Change their length.");
        }

        if (overlap < 1 || overlap > (segment - 1) / 2)
        {
            throw new CinnabarException(
                $"Expected segments of {segment} tokens to overlap by 1 … {(segment - 1) / 2}, found {overlap}.", "Change the overlap.");
        }

        if (inner.BlockSize is not null || inner is ICachingDenoiser { Config.AttentionKind: not AttentionKind.Full })
        {
            throw new CinnabarException(
                "Expected a network that sees both sides of every position, found one that reads from left to right.",
                "Use a masked-diffusion model with full attention.");
        }

        (_inner, _segment, _overlap) = (inner, segment, overlap);
    }

    /// <inheritdoc/>
    public int VocabularySize => _inner.VocabularySize;

    /// <summary>As many positions as there may be logits of.</summary>
    public int MaxLength => Array.MaxLength / sizeof(float) / VocabularySize;

    /// <summary>S: positions of a segment.</summary>
    internal int SegmentLength => _segment;

    /// <inheritdoc/>
    public int MaskTokenId => _inner.MaskTokenId;

    /// <inheritdoc/>
    public Tensor Logits(ReadOnlySpan<int> ids, ReadOnlySpan<int> rows)
    {
        if (ids.Length <= _segment)
        {
            return _inner.Logits(ids, rows);
        }

        if (_buffer is null || _buffer.Rows < rows.Length)
        {
            _buffer = Tensor.Zeros(rows.Length, VocabularySize);
        }

        _logits = _buffer.View(rows.Length, VocabularySize);
        _logits.Floats.Clear();
        Divide(ids.Length);
        int group = 0;
        int positions = 0;
        for (int i = 0; i < _parts.Count; i++)
        {
            positions += _parts[i].To - _parts[i].SeesFrom;
            bool isLast = i == _parts.Count - 1;
            if (isLast || positions + _segment > MostPositions || _inner is not IBatchDenoiser)
            {
                Add(ids, rows, group..(i + 1));
                (group, positions) = (i + 1, 0);
            }
        }

        return _logits;
    }

    /// <summary>The overlap to use where none is asked for: an eighth of a segment.</summary>
    public static int DefaultOverlap(int segment) => Math.Max(1, segment / 8);

    /// <summary>Where a segment begins or ends inside a text of <paramref name="length"/> tokens, ascending.</summary>
    public int[] BordersOf(int length) =>
    [
        .. PartsOf(length).Where(part => part.IsOverlap).SelectMany(part => (int[])[part.From, part.To]),
    ];

    /// <summary>How far a position lies behind the first that its segment answers for; of two segments, the later one.</summary>
    internal int PlaceInSegment(int position)
    {
        int first = _segment - _overlap;
        return position < first ? position : (position - first) % (first - 1);
    }

    /// <summary>Segments and overlaps of a text of <paramref name="length"/> tokens, for each what it sees and answers for.</summary>
    internal IReadOnlyList<Part> PartsOf(int length)
    {
        Divide(length);
        return [.. _parts];
    }

    private void Divide(int length)
    {
        _parts.Clear();
        for (int from = 0; ;)
        {
            int sees = Math.Max(0, from - 1);
            int to = Math.Min(length, sees + _segment);
            _parts.Add(new Part(sees, from, to, IsOverlap: false));
            if (to == length)
            {
                return;
            }

            from = to - _overlap;
            _parts.Add(new Part(from - 1, from, to, IsOverlap: true));
        }
    }

    private void Add(ReadOnlySpan<int> ids, ReadOnlySpan<int> rows, Range group)
    {
        (int first, int count) = group.GetOffsetAndLength(_parts.Count);
        IBatchDenoiser? batch = _inner as IBatchDenoiser;
        batch?.BeginBatch();
        bool isAsked = false;
        for (int i = first; i < first + count; i++)
        {
            ReadOnlySpan<int> asked = RowsOf(_parts[i], rows);
            if (asked.Length == 0)
            {
                continue;
            }

            isAsked = true;
            _rows.Clear();
            foreach (int row in asked)
            {
                _rows.Add(row - _parts[i].SeesFrom);
            }

            ReadOnlySpan<int> seen = ids[_parts[i].SeesFrom.._parts[i].To];
            ReadOnlySpan<int> own = CollectionsMarshal.AsSpan(_rows);
            if (batch is null)
            {
                Combine(_inner.Logits(seen, own), 0, _parts[i], rows);
            }
            else
            {
                batch.AddToBatch(seen, own);
            }
        }

        if (batch is null || !isAsked)
        {
            return;
        }

        Tensor logits = batch.LogitsOfBatch();
        int next = 0;
        for (int i = first; i < first + count; i++)
        {
            next += Combine(logits, next, _parts[i], rows);
        }
    }

    // Adds the rows of a part, which start at a row of some logits; gives their number.
    private int Combine(Tensor logits, int first, Part part, ReadOnlySpan<int> rows)
    {
        int place = PlaceOf(part.From, rows);
        int count = RowsOf(part, rows).Length;
        for (int i = 0; i < count; i++)
        {
            Span<float> sum = _logits.Row(place + i);
            ReadOnlySpan<float> own = logits.Row(first + i);
            float sign = part.IsOverlap ? -1 : 1;
            for (int v = 0; v < own.Length; v++)
            {
                // What cannot be stays so: its segments have said it, too.
                sum[v] += part.IsOverlap && float.IsNegativeInfinity(own[v]) ? 0 : sign * own[v];
            }
        }

        return count;
    }

    private static ReadOnlySpan<int> RowsOf(Part part, ReadOnlySpan<int> rows) => rows[PlaceOf(part.From, rows)..PlaceOf(part.To, rows)];

    // The first of the rows at or behind a position.
    private static int PlaceOf(int position, ReadOnlySpan<int> rows)
    {
        int place = rows.BinarySearch(position);
        return place < 0 ? ~place : place;
    }

    /// <summary>A segment or an overlap.</summary>
    /// <param name="SeesFrom">The first position that it sees.</param>
    /// <param name="From">The first position that it answers for.</param>
    /// <param name="To">One past the last of both.</param>
    /// <param name="IsOverlap">Whether it is taken off.</param>
    internal readonly record struct Part(int SeesFrom, int From, int To, bool IsOverlap);
}
