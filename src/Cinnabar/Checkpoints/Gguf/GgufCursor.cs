// Reads the header of a GGUF file front to back through a small buffer. Every length that the file states is held against the bytes that
// are left before anything is allocated for it, so no file can ask for more memory than it is long.
using System.Buffers.Binary;
using System.Text;
using System.Text.Unicode;
using Microsoft.Win32.SafeHandles;

namespace Cinnabar.Checkpoints.Gguf;

/// <summary>A position in the header of one file, and the errors about what stands there.</summary>
internal sealed class GgufCursor
{
    /// <summary>Longest header, in bytes; those of large vocabularies with merges take some tens of megabytes.</summary>
    public const long MaxHeaderBytes = 256 << 20;

    /// <summary>What to do about a broken file.</summary>
    public const string FetchAgain = "The file is damaged or was not made by a GGUF writer: fetch it or convert the model again.";

    private const int BufferBytes = 64 * 1024;

    private readonly SafeFileHandle _handle;
    private readonly string _file;
    private readonly long _length;
    private readonly byte[] _buffer;
    private long _bufferStart;
    private int _buffered;

    public GgufCursor(SafeFileHandle handle, string file, long length)
    {
        (_handle, _file, _length) = (handle, file, length);
        _buffer = new byte[Math.Min(length, BufferBytes)];
    }

    /// <summary>Bytes from the start of the file.</summary>
    public long Offset { get; private set; }

    /// <summary>Bytes that may still be read.</summary>
    public long Remaining => Math.Min(_length, MaxHeaderBytes) - Offset;

    /// <summary>What is being read, for messages.</summary>
    public string Field { get; set; } = "header";

    /// <summary>The element of the field that is being read, for messages; null if it is no array.</summary>
    public int? Element { get; set; }

    /// <summary>The next <paramref name="count"/> bytes, at most 8; valid until the next call.</summary>
    public ReadOnlySpan<byte> Take(int count)
    {
        Require(count);
        return Buffered(count);
    }

    /// <summary>A number of 4 bytes.</summary>
    public uint UInt32() => BinaryPrimitives.ReadUInt32LittleEndian(Take(sizeof(uint)));

    /// <summary>A number of 8 bytes.</summary>
    public ulong UInt64() => BinaryPrimitives.ReadUInt64LittleEndian(Take(sizeof(ulong)));

    /// <summary>A number of things of which each takes at least <paramref name="leastBytes"/> bytes.</summary>
    /// <param name="things">What is counted, for messages.</param>
    /// <param name="leastBytes">Bytes that each takes at least.</param>
    /// <param name="most">Largest number.</param>
    public int Count(string things, int leastBytes, int most)
    {
        long at = Offset;
        ulong count = UInt64();
        if (count > (ulong)most)
        {
            throw Broken(at, $"at most {most} {things}", $"{count}");
        }

        long room = Remaining / leastBytes;
        return (long)count <= room
            ? (int)count
            : throw Broken(at, $"at most {room} {things}, for which there is room in the file", $"{count}");
    }

    /// <summary>A text behind its length.</summary>
    /// <param name="most">Most bytes.</param>
    public string Text(int most)
    {
        long at = Offset;
        ulong length = UInt64();
        if (length > (ulong)most)
        {
            throw Broken(at, $"a text of at most {most} bytes", $"a length of {length}");
        }

        int count = (int)length;
        Require(count);
        long start = Offset;
        ReadOnlySpan<byte> bytes = count <= _buffer.Length ? Buffered(count) : Long(count);
        if (!Utf8.IsValid(bytes))
        {
            Utf8.ToUtf16(bytes, new char[count], out int valid, out _, replaceInvalidSequences: false);
            throw Broken(start + valid, "UTF-8 text", "an invalid byte sequence");
        }

        return Encoding.UTF8.GetString(bytes);
    }

    /// <summary>The exception about what stands at <paramref name="at"/>.</summary>
    public CinnabarException Broken(long at, string expected, string found, string remedy = FetchAgain) => new(
        $"{_file}: {Field}{(Element is int element ? $", element {element}" : "")}, offset {at}: expected {expected}, found {found}.",
        remedy);

    private void Require(int count)
    {
        if (count > Remaining)
        {
            throw _length > MaxHeaderBytes
                ? Broken(Offset, $"a header of at most {MaxHeaderBytes} bytes", "a longer one")
                : Broken(Offset, $"{count} more bytes", $"the end of the file after {Remaining}");
        }
    }

    private ReadOnlySpan<byte> Buffered(int count)
    {
        if (Offset + count > _bufferStart + _buffered)
        {
            _bufferStart = Offset;
            _buffered = (int)Math.Min(_buffer.Length, _length - Offset);
            InputFile.ReadExactly(_handle, _file, _buffer.AsSpan(0, _buffered), Offset);
        }

        ReadOnlySpan<byte> bytes = _buffer.AsSpan((int)(Offset - _bufferStart), count);
        Offset += count;
        return bytes;
    }

    private byte[] Long(int count)
    {
        byte[] bytes = new byte[count];
        InputFile.ReadExactly(_handle, _file, bytes, Offset);
        Offset += count;
        return bytes;
    }
}
