namespace Cinnabar.Diffusion;

/// <summary>What is known about a position of a canvas.</summary>
public enum PositionState : byte
{
    /// <summary>Known from the start; never changes.</summary>
    Frozen,

    /// <summary>Holds noise: the mask token, or where noise is uniform a random one.</summary>
    Noisy,

    /// <summary>Was noisy, now holds a token.</summary>
    Committed,
}
