namespace Cinnabar;

/// <summary>A piece of an example that a network learns from or answers.</summary>
/// <param name="Text">The text.</param>
/// <param name="IsWanted">Whether the network is to say it; else it is shown.</param>
public readonly record struct ExamplePart(string Text, bool IsWanted);
