// The sequence being denoised.
//
// Every position is Frozen (known from the start, never changes), Noisy (holds the mask token or, where noise is uniform, a random one) or
// Committed (was noisy, now holds a token, with the step and the confidence it was committed with). A committed position may get another
// token, or become noisy again.
//
// How a hole ends up shorter than its canvas. The end token of a hole is end of text in a continuation, and padding in an infill hole.
// It is an ordinary prediction: training shows a hole as its text, then padding up to the length of the hole, all masked, all in
// the loss. So:
//   1. the text of a hole is what stands before its *first* end token; the end token and everything after it is dropped;
//   2. a hole is settled when its first end token is committed and no position before that token is noisy. The noisy positions after
//      it cannot change the text any more: Settle commits the end token there at once, at no cost, with the confidence of the
//      end token that settled the hole. While a position before the end token is noisy, nothing is filled: positions
//      after it are denoised like all others.
// Rule 2 is the early stop of a continuation, and DreamOn's padding to the right of an infill hole.
//
// Of a hole that its text fills nothing tells it from one that its text might end before. Where the network was trained so
// (CanvasTokens.ClosesHoles), the latter has one known padding token behind it, which belongs to no text.
//
// Sources: Nie et al., LLaDA, 2025 (the masked tail); DreamOn (end-of-hole token).
using System.Diagnostics;

namespace Cinnabar.Diffusion;

/// <summary>Token ids being denoised, with the state of every position; not thread-safe.</summary>
public sealed partial class Canvas
{
    private int[] _ids;
    private PositionState[] _states;
    private int[] _committedAt;
    private float[] _confidence;
    private int[] _holeOf;
    private Hole[] _holes;
    private readonly int[] _endsOfContinuation;
    private readonly int[] _endsOfInfill;

    /// <summary>Joins segments; positions of holes start noisy.</summary>
    /// <param name="segments">Known text and holes, left to right.</param>
    /// <param name="tokens">The special ids.</param>
    /// <exception cref="CinnabarException">
    /// A hole of negative length or whose lengths contradict each other, a continuation that is not the last segment, known text with a
    /// negative id or with the mask token, or more positions than an array holds.
    /// </exception>
    public Canvas(IReadOnlyList<CanvasSegment> segments, CanvasTokens tokens)
    {
        Tokens = tokens;
        (_endsOfContinuation, _endsOfInfill) = ([.. tokens.EndsOf(HoleKind.Continuation)], [.. tokens.EndsOf(HoleKind.Infill)]);
        int length = CheckedLength(segments, tokens);
        _ids = new int[length];
        _states = new PositionState[length];
        _committedAt = new int[length];
        _confidence = new float[length];
        _holeOf = new int[length];
        var holes = new List<Hole>();
        int start = 0;
        foreach (CanvasSegment segment in segments)
        {
            if (segment.Kind is HoleKind kind)
            {
                Array.Fill(_ids, tokens.MaskTokenId, start, segment.Length);
                Array.Fill(_states, PositionState.Noisy, start, segment.Length);
                Array.Fill(_holeOf, holes.Count, start, segment.Length);
                holes.Add(new Hole(start, segment.Length, kind)
                {
                    MostLength = segment.MostLength,
                    LeastLength = segment.LeastLength,
                    MostText = segment.MostText,
                    Lead = segment.Lead,
                    NotFirst = segment.NotFirst,
                    IsClosed = segment.IsClosed(tokens),
                });
                NoisyCount += segment.Length;
                if (holes[^1].IsClosed)
                {
                    int closing = holes[^1].End;
                    (_ids[closing], _confidence[closing], _holeOf[closing]) = (tokens.PaddingTokenId!.Value, 1, -1);
                }
            }
            else
            {
                segment.Ids.CopyTo(_ids, start);
                Array.Fill(_confidence, 1f, start, segment.Length);
                Array.Fill(_holeOf, -1, start, segment.Length);
            }

            start += segment.Kind is null ? segment.Length : holes[^1].Next - start;
        }

        _holes = [.. holes];
    }

    private Canvas(Canvas other)
    {
        Tokens = other.Tokens;
        (_endsOfContinuation, _endsOfInfill) = (other._endsOfContinuation, other._endsOfInfill);
        _ids = [.. other._ids];
        _states = [.. other._states];
        _committedAt = [.. other._committedAt];
        _confidence = [.. other._confidence];
        (_holeOf, _holes, NoisyCount) = (other._holeOf, other._holes, other.NoisyCount);
        (_banned, _lastPins, _automata) = (other._banned, other._lastPins, other._automata);
    }

    /// <summary>The special ids of this canvas.</summary>
    public CanvasTokens Tokens { get; }

    /// <summary>Number of positions.</summary>
    public int Length => _ids.Length;

    /// <summary>The ids as they stand [L]; noisy positions hold the mask token or, where noise is uniform, a random one.</summary>
    public ReadOnlySpan<int> Ids => _ids;

    /// <summary>The holes, left to right.</summary>
    public IReadOnlyList<Hole> Holes => _holes;

    /// <summary>Number of noisy positions.</summary>
    public int NoisyCount { get; private set; }

    /// <summary>A copy of the canvas as it is now, which later steps do not change.</summary>
    public Canvas Copy() => new(this);

    /// <summary>A canvas for continuing <paramref name="prompt"/>.</summary>
    /// <param name="prompt">Known ids, may be empty.</param>
    /// <param name="maxNewTokens">Length of the noisy tail.</param>
    /// <param name="tokens">The special ids.</param>
    public static Canvas ForContinuation(ReadOnlySpan<int> prompt, int maxNewTokens, CanvasTokens tokens) =>
        new([CanvasSegment.Text(prompt), CanvasSegment.Continuation(maxNewTokens)], tokens);

    /// <summary>State of a position.</summary>
    public PositionState StateOf(int position) => _states[position];

    /// <summary>The step (from 1) a position was committed in; 0 if it is frozen or noisy.</summary>
    public int CommittedAt(int position) => _committedAt[position];

    /// <summary>Probability of the committed token at the time it was committed; 1 if frozen, 0 if noisy.</summary>
    public float ConfidenceOf(int position) => _confidence[position];

    /// <summary>The hole a position belongs to, as an index into <see cref="Holes"/>; −1 for known text.</summary>
    public int HoleOf(int position) => _holeOf[position];

    /// <summary>The noisy positions, ascending.</summary>
    public int[] NoisyPositions()
    {
        var noisy = new int[NoisyCount];
        int count = 0;
        for (int i = 0; i < _states.Length; i++)
        {
            if (_states[i] == PositionState.Noisy)
            {
                noisy[count++] = i;
            }
        }

        return noisy;
    }

    /// <summary>The positions of holes that nobody pinned, ascending.</summary>
    internal IEnumerable<int> OpenPositions() => Enumerable.Range(0, Length).Where(i => _states[i] != PositionState.Frozen);

    /// <summary>The text of one hole: its ids before its first end token. Noisy positions appear as the noise they hold.</summary>
    /// <param name="hole">Index into <see cref="Holes"/>.</param>
    public int[] TextOf(int hole) => _ids[_holes[hole].Start..EndOfText(_holes[hole])];

    /// <summary>The beginning of the text of one hole that will not change any more.</summary>
    /// <param name="hole">Index into <see cref="Holes"/>.</param>
    /// <param name="finalBefore">See <see cref="Sampling.DenoisingStep.FinalBefore"/>.</param>
    public ReadOnlySpan<int> SettledTextOf(int hole, int finalBefore)
    {
        (int start, int end) = (_holes[hole].Start, _holes[hole].Start);
        int limit = Math.Min(EndOfText(_holes[hole]), finalBefore);
        while (end < limit && _states[end] != PositionState.Noisy)
        {
            end++;
        }

        return _ids.AsSpan(start..end);
    }

    /// <summary>The whole text: known text and the text of every hole, in order.</summary>
    public int[] Text()
    {
        var text = new List<int>(_ids.Length);
        int position = 0;
        foreach (Hole hole in _holes)
        {
            text.AddRange(_ids.AsSpan(position..hole.Start));
            text.AddRange(_ids.AsSpan(hole.Start..EndOfText(hole)));
            position = hole.Next;
        }

        text.AddRange(_ids.AsSpan(position));
        return [.. text];
    }

    internal void Commit(Commit commit, int step)
    {
        Debug.Assert(_states[commit.Position] == PositionState.Noisy, "Only a noisy position can be committed.");
        _ids[commit.Position] = commit.TokenId;
        _states[commit.Position] = PositionState.Committed;
        _committedAt[commit.Position] = step;
        _confidence[commit.Position] = commit.Confidence;
        NoisyCount--;
    }

    /// <summary>Gives a committed position another token.</summary>
    internal void Edit(Commit edit, int step)
    {
        Renoise(edit.Position);
        Commit(edit, step);
    }

    /// <summary>Makes a committed position noisy again.</summary>
    internal void Renoise(int position)
    {
        Debug.Assert(_states[position] == PositionState.Committed, "Only a committed position can be masked again.");
        Renoise(position, Tokens.MaskTokenId);
    }

    /// <summary>Makes a committed position, or one that held other noise, hold a token of noise, which need not be the mask.</summary>
    internal void Renoise(int position, int noise)
    {
        Debug.Assert(_states[position] != PositionState.Frozen, "Known text never changes.");
        NoisyCount += _states[position] == PositionState.Committed ? 1 : 0;
        _ids[position] = noise;
        _states[position] = PositionState.Noisy;
        _committedAt[position] = 0;
        _confidence[position] = 0;
    }

    /// <summary>
    /// Adds to <paramref name="text"/> those of <paramref name="positions"/> that are committed and belong to the text of their hole.
    /// </summary>
    internal void AddCommittedText(ReadOnlySpan<int> positions, List<int> text)
    {
        // Positions ascend, so the end of a hole is looked for once.
        (int hole, int end) = (-1, 0);
        foreach (int position in positions)
        {
            if (_states[position] != PositionState.Committed)
            {
                continue;
            }

            if (_holeOf[position] != hole)
            {
                hole = _holeOf[position];
                end = EndOfText(_holes[hole]);
            }

            if (position < end)
            {
                text.Add(position);
            }
        }
    }

    /// <summary>Rule 2 of the file head: fills what is left of settled holes; adds what it filled to <paramref name="commits"/>.</summary>
    internal void Settle(int step, List<Commit> commits)
    {
        foreach (Hole hole in _holes)
        {
            int end = hole.Start;
            while (end < hole.End && _states[end] != PositionState.Noisy && !IsEnd(hole, end))
            {
                end++;
            }

            if (end == hole.End || _states[end] == PositionState.Noisy)
            {
                continue;
            }

            for (int i = end + 1; i < hole.End; i++)
            {
                if (_states[i] == PositionState.Noisy)
                {
                    var filled = new Commit(i, _ids[end], _confidence[end]);
                    Commit(filled, step);
                    commits.Add(filled);
                }
            }
        }
    }

    // One past the last position whose token belongs to the text of the hole.
    private int EndOfText(Hole hole)
    {
        int end = hole.Start;
        int limit = hole.MostText is int most ? Math.Min(hole.End, hole.Start + most) : hole.End;
        while (end < limit && !IsEnd(hole, end))
        {
            end++;
        }

        return end;
    }

    // A pinned token is never an end.
    private bool IsEnd(Hole hole, int position) =>
        _states[position] == PositionState.Committed && Tokens.Ends(hole.Kind, _ids[position]);
}
