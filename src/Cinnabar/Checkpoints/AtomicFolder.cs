// Replacing a folder of several files as one step. .NET cannot rename a folder over another, so the swap takes two renames:
//   1. write every file to the sibling "name.cinnabar-new-<process id>"; Commit flushes all of them to the disk, whoever wrote them,
//   2. rename "name" to "name.cinnabar-old",  3. rename the new folder to "name",  4. delete the old one.
// A kill before 2 or after 3 leaves a whole "name". Between 2 and 3 "name" is missing while "name.cinnabar-old" is whole: Recover,
// which every open calls first, renames it back, so the rule is "no name but an old one: the save did not happen". Leftovers
// ("old" beside a name, "new" of a process that no longer runs) are removed by the next save, not by readers. One save of a
// folder runs at a time, always on the same machine.
// Not done: flushing the parent folder (see AtomicFile).
using System.Diagnostics;
using System.Globalization;

namespace Cinnabar.Checkpoints;

/// <summary>
/// A folder that is written completely or not at all: Begin, Write each file or make it in NewFolder, Commit. Disposing without Commit
/// leaves the folder from before.
/// </summary>
public sealed class AtomicFolder : IDisposable
{
    private const string OldSuffix = ".cinnabar-old";
    private const string NewSuffix = ".cinnabar-new-";

    private readonly string _path;
    private readonly string _next;
    private readonly Action<string, string> _move;
    private long _bytes;
    private bool _committed;

    private AtomicFolder(string path, Action<string, string> move)
    {
        _path = path;
        _next = path + NewSuffix + Environment.ProcessId.ToString(CultureInfo.InvariantCulture);
        _move = move;
    }

    /// <summary>The folder of the new version until Commit, for those who write files there themselves; they need not flush them.</summary>
    public string NewFolder => _next;

    /// <summary>Starts a new version of the folder <paramref name="path"/>, which need not exist.</summary>
    /// <exception cref="CinnabarException">The new folder cannot be made.</exception>
    public static AtomicFolder Begin(string path) => Begin(path, Directory.Move);

    /// <summary>Undoes a save that was cut off between its two renames; call before reading the folder.</summary>
    /// <exception cref="CinnabarException">The older version is there but cannot be renamed.</exception>
    public static void Recover(string path)
    {
        path = FullPath(path);
        if (Directory.Exists(path) || !Directory.Exists(path + OldSuffix))
        {
            return;
        }

        try
        {
            Directory.Move(path + OldSuffix, path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CinnabarException(
                $"{path}: a save was interrupted and its older version could not be renamed back: {e.Message}",
                $"Rename {path + OldSuffix} to {path} by hand.",
                e);
        }
    }

    /// <summary>True if the folder exists, or its older version waits for <see cref="Recover"/>.</summary>
    internal static bool Exists(string path) => Directory.Exists(path) || Directory.Exists(FullPath(path) + OldSuffix);

    /// <summary>As <see cref="Begin(string)"/>, with the rename of folders given, so that tests can make it fail.</summary>
    internal static AtomicFolder Begin(string path, Action<string, string> move)
    {
        path = FullPath(path);
        Recover(path);
        AtomicFolder folder = new(path, move);
        try
        {
            RemoveLeftovers(path);
            Delete(folder._next);
            Directory.CreateDirectory(folder._next);
            return folder;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw AtomicFile.Failure(path, 0, e, "A folder that was there before is unchanged.");
        }
    }

    /// <summary>Writes one file of the new version and flushes it to the disk.</summary>
    /// <param name="name">File name without a folder.</param>
    /// <param name="expectedBytes">Its size, for the message when the disk is full.</param>
    /// <param name="write">Writes the contents.</param>
    /// <exception cref="CinnabarException">It could not be written.</exception>
    public void Write(string name, long expectedBytes, Action<Stream> write)
    {
        if (name.Length == 0 || name != Path.GetFileName(name) || name is "." or "..")
        {
            throw new ArgumentException($"{ErrorText.Quote(name)} is not a plain file name.", nameof(name));
        }

        _bytes += expectedBytes;
        try
        {
            using FileStream stream = new(Path.Combine(_next, name), FileMode.CreateNew, FileAccess.Write, FileShare.None);
            write(stream);
            stream.Flush(flushToDisk: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw AtomicFile.Failure(Path.Combine(_path, name), _bytes, e, "A folder that was there before is unchanged.");
        }
    }

    /// <summary>Writes one file of the new version from memory.</summary>
    public void Write(string name, byte[] content) => Write(name, content.Length, stream => stream.Write(content));

    /// <summary>Flushes every file of the new version to the disk and puts it in place of the old one.</summary>
    /// <exception cref="CinnabarException">It could not be put in place; the folder from before is back.</exception>
    public void Commit()
    {
        try
        {
            Flush();
            Swap();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw AtomicFile.Failure(_path, _bytes, e, "A folder that was there before is unchanged.");
        }

        _committed = true;
        TryDelete(_path + OldSuffix);
    }

    /// <summary>Removes the new version unless it was committed.</summary>
    public void Dispose()
    {
        if (!_committed)
        {
            TryDelete(_next);
        }
    }

    // A rename may reach the disk before the contents do, and after a power cut whole names would stand for empty files.
    private void Flush()
    {
        FileInfo[] files = new DirectoryInfo(_next).GetFiles("*", SearchOption.AllDirectories);
        _bytes = files.Sum(file => file.Length);
        foreach (FileInfo file in files)
        {
            using FileStream stream = new(file.FullName, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
            stream.Flush(flushToDisk: true);
        }
    }

    private void Swap()
    {
        const int Attempts = 3;
        for (int attempt = 1; ; attempt++)
        {
            bool replaces = Directory.Exists(_path);
            if (replaces)
            {
                _move(_path, _path + OldSuffix);
            }

            try
            {
                _move(_next, _path);
                return;
            }
            catch (IOException) when (attempt < Attempts && Directory.Exists(_path))
            {
                // A reader called Recover between the two renames: move the old version away again.
            }
            catch when (replaces)
            {
                Recover(_path);
                throw;
            }
        }
    }

    private static void RemoveLeftovers(string path)
    {
        if (Directory.Exists(path))
        {
            Delete(path + OldSuffix);
        }

        string parent = Path.GetDirectoryName(path) ?? path;
        if (!Directory.Exists(parent))
        {
            return;
        }

        string start = Path.GetFileName(path) + NewSuffix;
        foreach (string left in Directory.GetDirectories(parent))
        {
            string name = Path.GetFileName(left);
            if (name.StartsWith(start, StringComparison.Ordinal)
                && int.TryParse(name.AsSpan(start.Length), NumberStyles.None, CultureInfo.InvariantCulture, out int process)
                && !IsRunning(process))
            {
                TryDelete(left);
            }
        }
    }

    private static bool IsRunning(int process)
    {
        try
        {
            Process.GetProcessById(process).Dispose();
            return true;
        }
        catch (ArgumentException)
        {
            return false;
        }
    }

    private static string FullPath(string path) => Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));

    private static void Delete(string folder)
    {
        if (Directory.Exists(folder))
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static void TryDelete(string folder)
    {
        try
        {
            Delete(folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Only disk space is lost; the next save tries again.
        }
    }
}
