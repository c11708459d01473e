// A long text with a network of short ones (DiffCollage, Zhang et al. 2023, for tokens): the text is a chain of overlapping segments, all
// computed in every pass, so that all of it is denoised at once.
//
//   p(text) ≈ Π_k p(segment k) / Π_k p(overlap of k and k + 1)      logits of a position = Σ of its segments' − those of its overlap alone
//
// Of a position x that lies in segments A and B, with V what both see, that says p(x | A, B) ∝ p(x | A) p(x | B) / p(x | V). It is exact
// where what A alone sees and what B alone sees are independent given V and x. In a first-order Markov chain they are, as x stands between
// them: there it is exact for an overlap of any length, not only of one position. Normalising constants of logits cancel, so they are
// added as they are. DiffCollage adds scores of continuous data; for tokens log-probabilities of each position take their place.
//
//   |<------- segment 0 ------->|              answers
//                        .|<------- segment 1 ------->|              . sees it, but does not answer for it
//                        .|over|
//
// Each segment but the first, and each overlap, sees one position more than it answers for: a network with shifted logits predicts a token
// from the position before it. No position belongs to more than two segments. A last segment that would see less than half of S begins
// earlier, so that it sees the last S positions; or, where some of them belong to two segments already, those behind.
//
// Where segments meet, each sees little of the other's text. A grid that moves has those places elsewhere in every pass, so that none stays
// one (SpotDiffusion, Frolov et al. 2024, arXiv 2407.15507): in pass p, from 0, the first segment is shorter than S by p·k modulo the
// distance of two segments. k has no divisor in common with that distance and is about the golden ratio's share of it, by which the places
// of any number of passes lie evenly.
using System.Runtime.InteropServices;
using Cinnabar.Numerics;
using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Models;

/// <summary>Makes a network that sees all of a short text one for long texts. Not thread-safe.</summary>
public sealed class CollageDenoiser : IDenoiser, ICountedDenoiser
{
    // Positions of a pass; more are computed in several passes, so that logits need not all be in memory twice.
    private const int MostPositions = 8192;

    // (3 − √5)/2.
    private const double GoldenShare = 0.381966;

    private readonly IDenoiser _inner;
    private readonly int _segment;
    private readonly int _overlap;
    private readonly int _move; // of the grid from pass to pass; 0: it stays
    private readonly List<Part> _parts = [];
    private readonly List<Piece> _pieces = []; // of the next pass through the network
    private readonly List<int> _rows = [];
    private Tensor? _buffer; // of the most rows so far
    private Tensor _logits = null!; // its rows of this pass
    private int _filled; // those before this one hold logits of a segment
    private int _shift; // of the next pass
    private int _lastShift;

    /// <summary>Wraps a network.</summary>
    /// <param name="inner">The network.</param>
    /// <param name="segment">S: positions of a segment, 4 … the network's limit.</param>
    /// <param name="overlap">Positions that two segments answer for, 1 … (S − 1)/2.</param>
    /// <param name="moves">
    /// Whether segments meet at other places in every pass. Then one is to be made for each text, whose passes it counts, and the text is
    /// not to be written in blocks, which stay where they are.
    /// </param>
    /// <exception cref="CinnabarException">A length is outside, or the network does not see the whole of a text.</exception>
    public CollageDenoiser(IDenoiser inner, int segment, int overlap, bool moves = false)
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
        _move = moves ? MoveOf(Distance) : 0;
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
    public long ComputedPositions { get; private set; }

    /// <summary>Logits of a pass; for more there are several. Default 256 MiB of them.</summary>
    internal int MostLogits { get; init; } = 1 << 26;

    // From where a segment ends to where the next one does.
    private int Distance => _segment - _overlap - 1;

    /// <inheritdoc/>
    public Tensor Logits(ReadOnlySpan<int> ids, ReadOnlySpan<int> rows)
    {
        if (ids.Length <= _segment)
        {
            ComputedPositions = ids.Length;
            return _inner.Logits(ids, rows);
        }

        if (_buffer is null || _buffer.Rows < rows.Length)
        {
            _buffer = Tensor.Zeros(rows.Length, VocabularySize);
        }

        _logits = _buffer.View(rows.Length, VocabularySize);
        (_filled, ComputedPositions) = (0, 0);
        _pieces.Clear();
        Divide(ids.Length, _shift);
        (_lastShift, _shift) = (_shift, (_shift + _move) % Distance);
        int mostRows = Math.Max(1, MostLogits / VocabularySize);
        (int positions, int asked) = (0, 0);
        foreach (Part part in _parts)
        {
            int end = PlaceOf(part.To, rows);
            for (int first = PlaceOf(part.From, rows); first < end; first += mostRows)
            {
                Piece piece = new(part, first, Math.Min(mostRows, end - first));
                if (positions + part.Length > MostPositions || asked + piece.Count > mostRows)
                {
                    Compute(ids, rows);
                    (positions, asked) = (0, 0);
                }

                _pieces.Add(piece);
                positions += part.Length;
                asked += piece.Count;
            }
        }

        Compute(ids, rows);
        return _logits;
    }

    /// <summary>Lets the next pass have the grid of the last one, with whose logits its own are to be combined.</summary>
    internal void RepeatGrid() => _shift = _lastShift;

    /// <summary>The overlap to use where none is asked for: an eighth of a segment.</summary>
    public static int DefaultOverlap(int segment) => Math.Max(1, segment / 8);

    /// <summary>
    /// Where a segment begins or ends inside a text of <paramref name="length"/> tokens, ascending; in the first pass of a grid that moves.
    /// </summary>
    public int[] BordersOf(int length) =>
    [
        .. PartsOf(length).Where(part => part.IsOverlap).SelectMany(part => (int[])[part.From, part.To]),
    ];

    /// <summary>
    /// How far a position lies behind the first that its segment answers for, of two segments the later one, in a grid that does not move;
    /// a last segment that begins earlier counts from where it would have begun.
    /// </summary>
    internal int PlaceInSegment(int position)
    {
        int first = _segment - _overlap;
        return position < first ? position : (position - first) % Distance;
    }

    /// <summary>Segments and overlaps of a text of <paramref name="length"/> tokens, for each what it sees and answers for.</summary>
    /// <param name="length">The length.</param>
    /// <param name="shift">By how much the first segment is shorter, in a longer text; less than the distance of two.</param>
    internal IReadOnlyList<Part> PartsOf(int length, int shift = 0)
    {
        Divide(length, shift);
        return [.. _parts];
    }

    // How far the grid moves each time: so that it has been at every place before it is at one again.
    private static int MoveOf(int distance)
    {
        int move = Math.Max(1, (int)Math.Round(distance * GoldenShare));
        while (CommonDivisor(move, distance) > 1)
        {
            move++;
        }

        return move;
    }

    private static int CommonDivisor(int a, int b) => b == 0 ? a : CommonDivisor(b, a % b);

    private void Divide(int length, int shift)
    {
        _parts.Clear();
        int from = 0;
        int to = Math.Min(length, _segment - shift);
        int earliest = 1; // where the next segment may begin: behind the one before this, and it sees one position more
        while (true)
        {
            _parts.Add(new Part(Math.Max(0, from - 1), from, to, IsOverlap: false));
            if (to == length)
            {
                return;
            }

            int next = to - _overlap;
            int end = Math.Min(length, next - 1 + _segment);
            if (end == length && 2 * (length - next + 1) < _segment)
            {
                next = Math.Max(length - _segment + 1, earliest);
            }

            _parts.Add(new Part(next - 1, next, to, IsOverlap: true));
            (earliest, from, to) = (to, next, end);
        }
    }

    // Computes the pieces in one pass, if the network can, and adds them up.
    private void Compute(ReadOnlySpan<int> ids, ReadOnlySpan<int> rows)
    {
        if (_pieces.Count == 0)
        {
            return;
        }

        IBatchDenoiser? batch = _inner as IBatchDenoiser;
        batch?.BeginBatch();
        foreach (Piece piece in _pieces)
        {
            Part part = piece.Part;
            _rows.Clear();
            foreach (int row in rows.Slice(piece.First, piece.Count))
            {
                _rows.Add(row - part.SeesFrom);
            }

            ReadOnlySpan<int> seen = ids[part.SeesFrom..part.To];
            ReadOnlySpan<int> own = CollectionsMarshal.AsSpan(_rows);
            ComputedPositions += part.Length;
            if (batch is null)
            {
                Combine(_inner.Logits(seen, own), 0, piece);
            }
            else
            {
                batch.AddToBatch(seen, own);
            }
        }

        if (batch is not null)
        {
            Tensor logits = batch.LogitsOfBatch();
            int next = 0;
            foreach (Piece piece in _pieces)
            {
                Combine(logits, next, piece);
                next += piece.Count;
            }
        }

        _pieces.Clear();
    }

    // Adds the rows of a piece, which start at a row of some logits. Every position is first met in a segment, and those come in order.
    private void Combine(Tensor logits, int first, Piece piece)
    {
        for (int i = 0; i < piece.Count; i++)
        {
            Span<float> sum = _logits.Row(piece.First + i);
            ReadOnlySpan<float> own = logits.Row(first + i);
            if (piece.First + i >= _filled)
            {
                own.CopyTo(sum);
            }
            else if (piece.Part.IsOverlap)
            {
                LogitSums.Subtract(sum, own);
            }
            else
            {
                LogitSums.Add(sum, own);
            }
        }

        _filled = Math.Max(_filled, piece.First + piece.Count);
    }

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
    internal readonly record struct Part(int SeesFrom, int From, int To, bool IsOverlap)
    {
        /// <summary>Positions that it sees.</summary>
        public int Length => To - SeesFrom;
    }

    // Rows of a part that one pass computes: so many of those asked for, from the first on.
    private readonly record struct Piece(Part Part, int First, int Count);
}
