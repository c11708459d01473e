namespace Cinnabar.Models;

/// <summary>A network of which a pass computes more positions than the text has, or fewer.</summary>
internal interface ICountedDenoiser : IDenoiser
{
    /// <summary>Positions that the last pass computed.</summary>
    long ComputedPositions { get; }
}
