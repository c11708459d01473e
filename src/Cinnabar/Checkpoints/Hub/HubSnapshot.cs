namespace Cinnabar.Checkpoints.Hub;

/// <summary>A version of a model in the cache.</summary>
/// <param name="Path">The snapshot folder, or the GGUF file that the reference names.</param>
/// <param name="Commit">Its commit.</param>
/// <param name="Files">The files that were chosen; empty if the network was not used.</param>
/// <param name="ReceivedBytes">Bytes that came over the network this time.</param>
public sealed record HubSnapshot(string Path, string Commit, IReadOnlyList<HubFile> Files, long ReceivedBytes);
