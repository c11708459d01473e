namespace Cinnabar.Diffusion;

/// <summary>A piece of a canvas: known text, or a hole.</summary>
public sealed class CanvasSegment
{
    private CanvasSegment(int[] ids, int length, HoleKind? kind)
    {
        Ids = ids;
        (Length, MostLength) = (length, length);
        Kind = kind;
    }

    /// <summary>Number of positions.</summary>
    public int Length { get; }

    /// <summary>Number of positions that a hole may grow to.</summary>
    public int MostLength { get; private init; }

    /// <summary>The fewest tokens of the text of a hole; default 0.</summary>
    public int LeastLength { get; private init; }

    /// <summary>The most tokens of the text of a hole; null, the default: as many as it has positions.</summary>
    public int? MostText { get; private init; }

    /// <summary>The kind of hole, or null for known text.</summary>
    public HoleKind? Kind { get; }

    internal int[] Ids { get; }

    internal bool MayHoldMask { get; private init; }

    internal string Lead { get; private init; } = "";

    internal ReadOnlyMemory<int> NotFirst { get; private init; }

    /// <summary>Known text, never changed.</summary>
    public static CanvasSegment Text(ReadOnlySpan<int> ids) => new(ids.ToArray(), ids.Length, null);

    /// <summary>
    /// Known text, never changed, in which the mask token is a marker of the layout (<see cref="FillInTheMiddle"/>) and no noise.
    /// </summary>
    public static CanvasSegment Layout(ReadOnlySpan<int> ids) => new(ids.ToArray(), ids.Length, null) { MayHoldMask = true };

    /// <summary>A hole of <paramref name="least"/> to <paramref name="length"/> tokens with text after it.</summary>
    public static CanvasSegment Hole(int length, int least = 0) => new([], length, HoleKind.Infill) { LeastLength = least };

    /// <summary>
    /// A hole that starts with <paramref name="length"/> positions and may grow to <paramref name="most"/>, with text after it.
    /// </summary>
    public static CanvasSegment GrowingHole(int length, int most, int least = 0) =>
        new([], length, HoleKind.Infill) { MostLength = most, LeastLength = least };

    /// <summary>
    /// A tail of <paramref name="length"/> positions and <paramref name="least"/> to <paramref name="mostText"/> tokens, or as many as
    /// there are positions; only the last segment may be one.
    /// </summary>
    public static CanvasSegment Continuation(int length, int least = 0, int? mostText = null) =>
        new([], length, HoleKind.Continuation) { LeastLength = least, MostText = mostText };

    /// <summary>The same hole with a text that begins so.</summary>
    /// <param name="lead">See <see cref="Hole.Lead"/>.</param>
    /// <param name="notFirst">Ids that it does not begin with.</param>
    internal CanvasSegment Beginning(string lead, ReadOnlyMemory<int> notFirst) => new(Ids, Length, Kind)
    {
        MostLength = MostLength,
        LeastLength = LeastLength,
        MostText = MostText,
        Lead = lead,
        NotFirst = notFirst,
    };

    /// <summary>The most positions it takes, with the one that closes a hole.</summary>
    internal int MostPositions(CanvasTokens tokens) => MostLength + (IsClosed(tokens) ? 1 : 0);

    /// <summary>Whether it is a hole that is closed: its text may end before it, and it does not grow.</summary>
    internal bool IsClosed(CanvasTokens tokens) => tokens is { ClosesHoles: true, PaddingTokenId: not null }
        && Kind == HoleKind.Infill && Length == MostLength && LeastLength < Length;
}
