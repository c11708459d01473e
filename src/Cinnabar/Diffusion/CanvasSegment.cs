namespace Cinnabar.Diffusion;

/// <summary>A piece of a canvas: known text, or a hole.</summary>
public sealed class CanvasSegment
{
    private CanvasSegment(int[] ids, int length, HoleKind? kind)
    {
        Ids = ids;
        Length = length;
        Kind = kind;
    }

    /// <summary>Number of positions.</summary>
    public int Length { get; }

    /// <summary>The kind of hole, or null for known text.</summary>
    public HoleKind? Kind { get; }

    internal int[] Ids { get; }

    internal bool MayHoldMask { get; private init; }

    /// <summary>Known text, never changed.</summary>
    public static CanvasSegment Text(ReadOnlySpan<int> ids) => new(ids.ToArray(), ids.Length, null);

    /// <summary>
    /// Known text, never changed, in which the mask token is a marker of the layout (<see cref="FillInTheMiddle"/>) and no noise.
    /// </summary>
    public static CanvasSegment Layout(ReadOnlySpan<int> ids) => new(ids.ToArray(), ids.Length, null) { MayHoldMask = true };

    /// <summary>A hole of at most <paramref name="length"/> tokens with text after it.</summary>
    public static CanvasSegment Hole(int length) => new([], length, HoleKind.Infill);

    /// <summary>A tail of at most <paramref name="length"/> tokens; only the last segment may be one.</summary>
    public static CanvasSegment Continuation(int length) => new([], length, HoleKind.Continuation);
}
