// The cache that all programs for the Hugging Face hub share (huggingface.co/docs/hub/local-cache):
//   models--org--name/blobs/<digest>                 contents, named by their hash; <digest>.incomplete while they arrive
//   models--org--name/snapshots/<commit>/<path>      a link ../../blobs/<digest> for each file of a version
//   models--org--name/refs/<revision>                the commit that a branch or tag stood at
//   .locks/models--org--name/<digest>.lock           held while a blob is written; .NET and Python lock a file by the same call (flock)
// Where links are not allowed (Windows without developer mode) a snapshot holds copies. The files of a snapshot appear when all have
// arrived, config.json last, and the ref after them: a folder with config.json or a GGUF file is complete if Cinnabar made it.
using System.Text;
using Cinnabar.Checkpoints.Gguf;

namespace Cinnabar.Checkpoints.Hub;

/// <summary>The shared cache of the Hugging Face hub on this machine.</summary>
/// <param name="folder">The folder that holds "models--org--name" folders; need not exist.</param>
public sealed class HubCache(string folder)
{
    private const int MaxReferenceBytes = 256;
    private const string ConfigFile = "config.json";
    private static readonly TimeSpan s_lockInterval = TimeSpan.FromMilliseconds(100);

    // EAGAIN on Linux and macOS; ERROR_SHARING_VIOLATION and ERROR_LOCK_VIOLATION on Windows.
    private static readonly int[] s_locked = [11, 35, unchecked((int)0x80070020), unchecked((int)0x80070021)];

    /// <summary>The folder of the cache.</summary>
    public string Folder { get; } = Path.GetFullPath(folder);

    /// <summary>Makes the links of snapshots; tests put a system without links in its place.</summary>
    internal Action<string, string> Link { get; init; } = (path, target) => File.CreateSymbolicLink(path, target);

    /// <summary>Free bytes on the disk of a folder.</summary>
    internal Func<string, long> FreeBytes { get; init; } = FreeBytesOf;

    /// <summary>Where a model that was pulled lies. Uses no network.</summary>
    /// <returns>The snapshot folder, or the GGUF file if the reference names one; null if it is not there.</returns>
    /// <exception cref="CinnabarException">The cache cannot be read.</exception>
    public string? FindSnapshot(ModelReference model)
    {
        if (CommitOf(model) is not string commit)
        {
            return null;
        }

        string snapshot = SnapshotFolder(model, commit);
        if (model.File is not null)
        {
            string file = Path.Combine(snapshot, model.File);
            return File.Exists(file) ? file : null;
        }

        return File.Exists(Path.Combine(snapshot, ConfigFile)) || HasGguf(snapshot) ? snapshot : null;
    }

    /// <summary>The org/name of a snapshot folder of a cache, or of a file in one; null for another path.</summary>
    internal static string? RepositoryOf(string path)
    {
        string[] parts = Path.GetFullPath(path).Split(Path.DirectorySeparatorChar, StringSplitOptions.RemoveEmptyEntries);
        int snapshots = Array.LastIndexOf(parts, "snapshots");
        string[] names = snapshots > 0 ? parts[snapshots - 1].Split("--") : [];
        if (names is not ["models", string organization, string name])
        {
            return null;
        }

        string file = path.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase) ? $":{parts[^1]}" : "";
        return $"{organization}/{name}{file}";
    }

    /// <summary>The commit that a revision stood at when it was last pulled; null if it never was.</summary>
    internal string? CommitOf(ModelReference model)
    {
        if (model.IsCommit)
        {
            return model.Revision;
        }

        string path = ReferencePath(model);
        if (!File.Exists(path))
        {
            return null;
        }

        string commit = Encoding.ASCII.GetString(InputFile.ReadAll(path, "the commit of a revision", MaxReferenceBytes)).Trim();
        return ModelReference.IsCommitHash(commit)
            ? commit
            : throw new CinnabarException(
                $"{path}: expected a commit hash of 40 digits, found {ErrorText.Quote(commit)}.", $"Run: cinnabar pull {model}");
    }

    /// <summary>The folder of one version.</summary>
    internal string SnapshotFolder(ModelReference model, string commit) => Path.Combine(RepositoryFolder(model), "snapshots", commit);

    /// <summary>Where the contents of a file lie, or will.</summary>
    internal string BlobPath(ModelReference model, HubFile file) => Path.Combine(RepositoryFolder(model), "blobs", file.Digest);

    /// <summary>A whole copy of a file of a version, in blobs or in its snapshot; null if there is none.</summary>
    internal string? FindFile(ModelReference model, string commit, HubFile file)
    {
        string[] places = [BlobPath(model, file), Path.Combine(SnapshotFolder(model, commit), file.Path)];
        return places.FirstOrDefault(place => SizeOf(place) == file.Size);
    }

    /// <summary>Bytes of a file still to be fetched.</summary>
    internal long MissingBytes(ModelReference model, string commit, HubFile file) => FindFile(model, commit, file) is null
        ? file.Size - Math.Min(file.Size, SizeOf(PartPath(model, file)) ?? 0)
        : 0;

    /// <summary>Where the contents of a file gather while they arrive.</summary>
    internal string PartPath(ModelReference model, HubFile file) => BlobPath(model, file) + ".incomplete";

    /// <summary>Requires room on the disk and makes the folders of a model.</summary>
    /// <exception cref="CinnabarException">There is too little room, or the folders cannot be made.</exception>
    internal void Prepare(ModelReference model, long bytes)
    {
        Guard(RepositoryFolder(model), 0, () =>
        {
            Directory.CreateDirectory(Path.Combine(RepositoryFolder(model), "blobs"));
            Directory.CreateDirectory(LockFolder(model));
        });
        if (FreeBytes(Folder) is long free && free < bytes)
        {
            throw new CinnabarException(
                $"{Folder}: expected {bytes / 1e9:F2} GB free on the disk for {model}, found {free / 1e9:F2} GB.",
                "Free some space, or set HF_HUB_CACHE to a folder on another disk.");
        }
    }

    /// <summary>Waits until nobody else writes a blob.</summary>
    /// <param name="model">The repository.</param>
    /// <param name="file">The file.</param>
    /// <param name="waiting">Told once if somebody does.</param>
    /// <param name="cancellation">Stops waiting.</param>
    /// <returns>Frees it when disposed.</returns>
    internal async Task<IDisposable> LockAsync(ModelReference model, HubFile file, Action waiting, CancellationToken cancellation)
    {
        string path = Path.Combine(LockFolder(model), file.Digest + ".lock");
        for (bool first = true; ; first = false)
        {
            try
            {
                return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException e) when (s_locked.Contains(e.HResult))
            {
                if (first)
                {
                    waiting();
                }
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw AtomicFile.Failure(path, 0, e, "");
            }

            await Task.Delay(s_lockInterval, cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>Makes a snapshot out of blobs that have all arrived, then points the revision at it.</summary>
    /// <exception cref="CinnabarException">The cache cannot be written.</exception>
    internal void Publish(ModelReference model, string commit, IReadOnlyList<HubFile> files)
    {
        foreach (HubFile file in files.OrderBy(file => file.Path == ConfigFile))
        {
            string path = Path.Combine(SnapshotFolder(model, commit), file.Path);
            if (SizeOf(path) != file.Size)
            {
                Guard(path, file.Size, () => Place(model, file, path));
            }
        }

        if (!model.IsCommit)
        {
            string reference = ReferencePath(model);
            Guard(reference, commit.Length, () => Directory.CreateDirectory(Path.GetDirectoryName(reference)!));
            AtomicFile.Write(reference, Encoding.ASCII.GetBytes(commit));
        }
    }

    private void Place(ModelReference model, HubFile file, string path)
    {
        string blob = BlobPath(model, file);
        string folder = Path.GetDirectoryName(path)!;
        string next = $"{path}.{Guid.NewGuid():N}.tmp";
        Directory.CreateDirectory(folder);
        try
        {
            Link(next, Path.GetRelativePath(folder, blob));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            File.Copy(blob, next);
        }

        File.Move(next, path, overwrite: true);
    }

    private string RepositoryFolder(ModelReference model) => Path.Combine(Folder, FolderName(model));

    private string LockFolder(ModelReference model) => Path.Combine(Folder, ".locks", FolderName(model));

    private string ReferencePath(ModelReference model) => Path.Combine(RepositoryFolder(model), "refs", model.Revision);

    private static string FolderName(ModelReference model) => $"models--{model.Organization}--{model.Name}";

    private static bool HasGguf(string snapshot)
    {
        try
        {
            return Directory.Exists(snapshot) && Directory.EnumerateFiles(snapshot).Any(GgufCheckpoint.IsGguf);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CinnabarException(
                $"{snapshot}: expected a readable folder, found: {e.Message}", "Check that this user may read it.", e);
        }
    }

    // A network path has no drive to ask; then the first write that fails tells.
    private static long FreeBytesOf(string folder)
    {
        try
        {
            return new DriveInfo(folder).AvailableFreeSpace;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return long.MaxValue;
        }
    }

    // Of the file itself or of the one that a link leads to.
    private static long? SizeOf(string path)
    {
        try
        {
            FileInfo file = new(path);
            FileSystemInfo? target = file.LinkTarget is null ? file : file.ResolveLinkTarget(returnFinalTarget: true);
            return target is FileInfo { Exists: true } whole ? whole.Length : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A link that leads in a circle.
            return null;
        }
    }

    private static void Guard(string path, long bytes, Action write)
    {
        try
        {
            write();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw AtomicFile.Failure(path, bytes, e, "");
        }
    }
}
