namespace Cinnabar;

/// <summary>What finding the lengths of holes took, before they were filled.</summary>
/// <param name="Passes">Passes through the network.</param>
/// <param name="Elapsed">Time.</param>
public readonly record struct LengthCost(int Passes, TimeSpan Elapsed);
