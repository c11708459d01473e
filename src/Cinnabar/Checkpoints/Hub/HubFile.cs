namespace Cinnabar.Checkpoints.Hub;

/// <summary>A file of a repository as the hub lists it.</summary>
/// <param name="Path">Relative path with '/'.</param>
/// <param name="Size">Bytes.</param>
/// <param name="Digest">
/// In base 16: SHA-256 of the contents (64 digits) of a large file, or the git blob hash (40 digits) of a small one. Also the name of the
/// file in the cache.
/// </param>
public sealed record HubFile(string Path, long Size, string Digest);
