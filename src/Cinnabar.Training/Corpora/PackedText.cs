using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;

namespace Cinnabar.Training.Corpora;

/// <summary>Text files of data sets, packed with gzip or not.</summary>
internal static class PackedText
{
    private const int MostBytes = 512 << 20; // unpacked: a small file may unpack to any size

    private static readonly UTF8Encoding s_strictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>The text of a file, without a byte order mark; one whose name ends with .gz is unpacked.</summary>
    /// <param name="path">The file.</param>
    /// <param name="mostBytes">Most bytes, unpacked.</param>
    /// <exception cref="CinnabarException">It cannot be read, is packed otherwise, is too large, or is not UTF-8.</exception>
    public static string Read(string path, int mostBytes = MostBytes)
    {
        if (path.EndsWith(".xz", StringComparison.OrdinalIgnoreCase))
        {
            throw new CinnabarException($"{path}: expected plain text or gzip, found xz.", "Unpack it first: xz -d.");
        }

        try
        {
            using FileStream file = File.OpenRead(path);
            using MemoryStream unpacked = new();
            if (path.EndsWith(".gz", StringComparison.OrdinalIgnoreCase))
            {
                using GZipStream gzip = new(file, CompressionMode.Decompress);
                Copy(gzip, unpacked, path, mostBytes);
                RequireWhole(path, unpacked.Length);
            }
            else
            {
                Copy(file, unpacked, path, mostBytes);
            }

            ReadOnlySpan<byte> bytes = unpacked.GetBuffer().AsSpan(0, (int)unpacked.Length);
            return s_strictUtf8.GetString(ByteOrderMark.Skip(bytes));
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            throw new CinnabarException($"{path} cannot be read: {failure.Message}", "Check the file, or fetch it again.", failure);
        }
        catch (DecoderFallbackException failure)
        {
            throw new CinnabarException(
                $"{path}: expected UTF-8, found other bytes at {failure.Index} of what was read.", "Convert the file first.", failure);
        }
    }

    // A file that is cut off unpacks without a fault; its last four bytes would be the size of what was packed.
    private static void RequireWhole(string path, long unpacked)
    {
        byte[] end = new byte[sizeof(uint)];
        using FileStream file = File.OpenRead(path);
        file.Seek(-Math.Min(file.Length, end.Length), SeekOrigin.End);
        file.ReadExactly(end);
        if (BinaryPrimitives.ReadUInt32LittleEndian(end) != unpacked)
        {
            throw new CinnabarException(
                $"{path}: expected {BinaryPrimitives.ReadUInt32LittleEndian(end)} bytes unpacked, as its end says, found {unpacked}.",
                "It is cut off, or several packed files in one: fetch it again, or unpack it.");
        }
    }

    private static void Copy(Stream from, MemoryStream to, string path, int mostBytes)
    {
        byte[] buffer = new byte[1 << 16];
        for (int count; (count = from.Read(buffer)) > 0; to.Write(buffer, 0, count))
        {
            if (to.Length + count > mostBytes)
            {
                throw new CinnabarException(
                    $"{path}: expected at most {mostBytes >> 20} MiB of text, found more.", "Cut it into several files.");
            }
        }
    }
}
