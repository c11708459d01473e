namespace Cinnabar.Diffusion;

/// <summary>A run of positions of a canvas that is to be filled.</summary>
/// <param name="Start">First position.</param>
/// <param name="Length">Number of positions, 0 or more.</param>
/// <param name="Kind">What follows it, and so which token ends its text.</param>
public readonly record struct Hole(int Start, int Length, HoleKind Kind)
{
    /// <summary>Number of positions that it may grow to; its length, the default: it does not grow.</summary>
    public int MostLength { get; init; } = Length;

    /// <summary>The fewest tokens of its text: none of its first positions ends it; 0, the default.</summary>
    public int LeastLength { get; init; }

    /// <summary>
    /// The most tokens of its text: what stands behind them is dropped, as where a network wants whole blocks; null, the default: all.
    /// </summary>
    public int? MostText { get; init; }

    /// <summary>
    /// What its text repeats of the text before it, and loses again: that was not shown to the network. Default: nothing.
    /// </summary>
    public string Lead { get; init; } = "";

    /// <summary>The ids that its text does not begin with.</summary>
    internal ReadOnlyMemory<int> NotFirst { get; init; }

    /// <summary>
    /// Whether a known padding token stands behind it, which is no text: it tells the network that the text may end before the hole does.
    /// </summary>
    public bool IsClosed { get; init; }

    /// <summary>Whether it may have more positions.</summary>
    public bool Grows => Length < MostLength;

    /// <summary>One past the last position.</summary>
    public int End => Start + Length;

    /// <summary>Where what stands behind it begins.</summary>
    public int Next => IsClosed ? End + 1 : End;
}

/// <summary>The two kinds of hole.</summary>
public enum HoleKind
{
    /// <summary>The tail of a text, nothing follows; an end-of-text token ends it.</summary>
    Continuation,

    /// <summary>Text follows; a padding token ends it, so its text may be shorter than the hole.</summary>
    Infill,
}
