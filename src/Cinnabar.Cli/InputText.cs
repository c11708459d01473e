// Text that the user names: a file, or standard input as "-". It must be UTF-8 and is kept byte for byte: the string that is returned,
// encoded as UTF-8 without a preamble, is the file again, byte order mark and line ends included.
using System.Buffers;
using System.Text.Unicode;

namespace Cinnabar.Cli;

internal static class InputText
{
    public const string StandardInput = "-";

    // More text than any context or evaluation here can use; keeps a wrong path from filling the memory.
    private const int MaxBytes = 64 << 20;

    /// <summary>Reads a file, or standard input for "-".</summary>
    public static string Read(string path)
    {
        byte[] bytes;
        try
        {
            using Stream stream = path == StandardInput ? Console.OpenStandardInput() : File.OpenRead(path);
            bytes = ReadAll(stream, path);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            string found = Directory.Exists(path) ? "a folder" : "nothing";
            throw new CinnabarException($"Expected a text file at {TerminalText.Quote(path)}, found {found}.", "Check the path.", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            string found = Directory.Exists(path) ? "a folder" : $"this: {e.Message}";
            throw new CinnabarException(
                $"Expected a readable text file at {TerminalText.Quote(path)}, found {found}.", "Check the path and the permissions.", e);
        }

        return Decode(path == StandardInput ? "standard input" : TerminalText.Quote(path), bytes);
    }

    /// <summary>The text of UTF-8 bytes; refuses everything else.</summary>
    /// <param name="name">Name for messages.</param>
    /// <param name="bytes">The contents.</param>
    public static string Decode(string name, ReadOnlySpan<byte> bytes)
    {
        int zero = bytes.IndexOf((byte)0);
        if (zero >= 0)
        {
            throw new CinnabarException(
                $"Expected text in {name}, found a NUL byte at offset {zero}, as in binary files.", "Give a text file in UTF-8.");
        }

        char[] characters = new char[bytes.Length];
        OperationStatus status = Utf8.ToUtf16(bytes, characters, out int read, out int written, replaceInvalidSequences: false);
        return status == OperationStatus.Done
            ? new string(characters, 0, written)
            : throw new CinnabarException(
                $"Expected UTF-8 text in {name}, found an invalid byte 0x{bytes[read]:X2} at offset {read}.",
                "Save the file as UTF-8; binary files cannot be used.");
    }

    private static byte[] ReadAll(Stream stream, string path)
    {
        using MemoryStream all = new();
        byte[] buffer = new byte[1 << 16];
        int count;
        while ((count = stream.Read(buffer)) > 0)
        {
            all.Write(buffer, 0, count);
            if (all.Length > MaxBytes)
            {
                throw new CinnabarException(
                    $"Expected a text of at most {MaxBytes} bytes in {TerminalText.Quote(path)}, found more.", "Give a smaller file.");
            }
        }

        return all.ToArray();
    }
}
