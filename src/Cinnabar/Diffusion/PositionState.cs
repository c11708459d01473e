namespace Cinnabar.Diffusion;

/// <summary>What is known about a position of a canvas.</summary>
public enum PositionState : byte
{
    /// <summary>Known from the start; never changes.</summary>
    Frozen,

    /// <summary>Holds the mask token.</summary>
    Noisy,

    /// <summary>Was noisy, now holds a token.</summary>
    Committed,
}
