// Replacing a file so that a reader, a full disk or a killed process never meets half of it:
//   1. write everything to "name.cinnabar-new" in the same folder, 2. flush it to the disk, 3. rename it over "name".
// A rename within one folder is one step for the file system, so at every moment "name" is the whole old file or the whole new
// one. A failure removes the new file; a killed process leaves it behind and the next write of the same file starts it afresh.
// Two processes that write the same file at once: the second one fails, because the first holds the new file open for itself.
// Who may read and run a file stays as it was; on Unix a new file has the rights that it would get anyway.
// Not done: flushing the folder itself, for which .NET has no call. After a power cut within seconds of the rename the folder
// may still show the old file; its contents are whole.
namespace Cinnabar.Checkpoints;

/// <summary>Writes a file completely or not at all.</summary>
public static class AtomicFile
{
    private const string NewSuffix = ".cinnabar-new";

    // Of user, group and others; the bits above them would lend the rights of an owner.
    private const UnixFileMode Rights = (UnixFileMode)0x1FF;

    // errno ENOSPC and EDQUOT (Linux, macOS); ERROR_DISK_FULL and ERROR_HANDLE_DISK_FULL (Windows).
    private static readonly int[] s_diskFull = [28, 122, 69, unchecked((int)0x80070070), unchecked((int)0x80070027)];

    /// <summary>Writes a file from memory.</summary>
    /// <exception cref="CinnabarException">It could not be written; a file that was there before is unchanged.</exception>
    public static void Write(string path, byte[] content) => Write(path, content.Length, stream => stream.Write(content));

    /// <summary>Writes a file through a stream.</summary>
    /// <param name="path">The file; its folder must exist.</param>
    /// <param name="expectedBytes">Size of the new file, for the message when the disk is full.</param>
    /// <param name="write">Writes the contents.</param>
    /// <exception cref="CinnabarException">It could not be written; a file that was there before is unchanged.</exception>
    public static void Write(string path, long expectedBytes, Action<Stream> write)
    {
        string next = path + NewSuffix;
        bool created = false;
        try
        {
            using (FileStream stream = new(next, FileMode.Create, FileAccess.Write, FileShare.None))
            {
                created = true;
                KeepRights(path, next);
                write(stream);
                stream.Flush(flushToDisk: true);
            }

            File.Move(next, path, overwrite: true);
        }
        catch (Exception e)
        {
            if (created)
            {
                TryDelete(next);
            }

            if (e is IOException or UnauthorizedAccessException)
            {
                throw Failure(path, expectedBytes, e, "A file that was there before is unchanged.");
            }

            throw;
        }
    }

    /// <summary>The exception for a failed write: tells a full disk from everything else.</summary>
    /// <param name="path">What was written.</param>
    /// <param name="expectedBytes">Bytes needed.</param>
    /// <param name="cause">What went wrong.</param>
    /// <param name="kept">A sentence about what is still there.</param>
    internal static CinnabarException Failure(string path, long expectedBytes, Exception cause, string kept) =>
        s_diskFull.Contains(cause.HResult)
            ? new($"{path}: expected room for {expectedBytes} bytes, found the disk full. {kept}", "Free some space and save again.", cause)
            : new(
                $"{path}: could not be written: {cause.Message} {kept}",
                "Check that the folder exists and that this user may write there.",
                cause);

    // Before anything is written: what only its owner may read is at no moment read by others. A link in the place of the new file leads to
    // something else, whose rights are its own.
    private static void KeepRights(string path, string next)
    {
        if (!OperatingSystem.IsWindows() && File.Exists(path) && !File.GetAttributes(next).HasFlag(FileAttributes.ReparsePoint))
        {
            UnixFileMode mode = (File.GetUnixFileMode(path) & Rights) | UnixFileMode.UserWrite;
            if (mode != File.GetUnixFileMode(next))
            {
                File.SetUnixFileMode(next, mode);
            }
        }
    }

    private static void TryDelete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The first failure is the one to report; the next write reuses the name.
        }
    }
}
