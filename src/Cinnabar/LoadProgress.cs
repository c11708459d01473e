namespace Cinnabar;

/// <summary>How far the loading of a model is.</summary>
/// <param name="Read">Weights read.</param>
/// <param name="All">Weights of the model.</param>
public readonly record struct LoadProgress(long Read, long All);
