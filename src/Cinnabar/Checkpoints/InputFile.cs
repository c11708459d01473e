// Opening files that somebody named: every failure of the operating system becomes a CinnabarException that says which file
// was wanted and what for. Files are read through a handle, never mapped: a mapped file that shrinks kills the process.
using Microsoft.Win32.SafeHandles;

namespace Cinnabar.Checkpoints;

/// <summary>Opens files for reading with errors that name the file and its purpose.</summary>
internal static class InputFile
{
    /// <summary>Opens a file for reading; another program may rename a new file over it meanwhile, the handle keeps the old one.</summary>
    /// <param name="path">The file.</param>
    /// <param name="purpose">What the file is for, e.g. "the weights".</param>
    public static SafeFileHandle Open(string path, string purpose)
    {
        try
        {
            return File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new CinnabarException($"{path}: expected a file ({purpose}), found none.", "Check the path.", e);
        }
        catch (Exception e) when (e is UnauthorizedAccessException or IOException or NotSupportedException or ArgumentException)
        {
            throw new CinnabarException(
                $"{ErrorText.Quote(path)}: expected a readable file ({purpose}), found: {e.Message}",
                "Check that it is a file and not a folder, and that this user may read it.",
                e);
        }
    }

    /// <summary>Length in bytes.</summary>
    public static long LengthOf(SafeFileHandle handle, string path)
    {
        try
        {
            return RandomAccess.GetLength(handle);
        }
        catch (Exception e) when (e is IOException or NotSupportedException)
        {
            throw new CinnabarException(
                $"{path}: expected an ordinary file, found something without a length.", "Give the path of a file on a disk.", e);
        }
    }

    /// <summary>Fills <paramref name="destination"/> from <paramref name="offset"/>.</summary>
    public static void ReadExactly(SafeFileHandle handle, string path, Span<byte> destination, long offset)
    {
        while (destination.Length > 0)
        {
            int read;
            try
            {
                read = RandomAccess.Read(handle, destination, offset);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw new CinnabarException(
                    $"{path}: reading at offset {offset} failed: {e.Message}", "Check the disk or the network drive.", e);
            }

            if (read == 0)
            {
                throw new CinnabarException(
                    $"{path}: expected {destination.Length} more bytes at offset {offset}, found the end of the file.",
                    "The file was changed while it was being read: load it again.");
            }

            destination = destination[read..];
            offset += read;
        }
    }

    /// <summary>The whole of a small file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="purpose">What the file is for.</param>
    /// <param name="maxBytes">Larger files are refused before they are read.</param>
    public static byte[] ReadAll(string path, string purpose, int maxBytes)
    {
        using SafeFileHandle handle = Open(path, purpose);
        long length = LengthOf(handle, path);
        if (length > maxBytes)
        {
            throw new CinnabarException(
                $"{path}: expected at most {maxBytes} bytes ({purpose}), found {length}.",
                "Check that it is the right file.");
        }

        byte[] content = new byte[length];
        ReadExactly(handle, path, content, 0);
        return content;
    }
}
