using System.Text;

namespace Cinnabar.Tests.Checkpoints.Gguf;

/// <summary>
/// A second reader, written independently of the first over a BinaryReader: small, only good for agreeing or not.
/// </summary>
internal static class ReferenceGguf
{
    // Values in a block, bytes of a block.
    private static readonly Dictionary<uint, (ulong Size, ulong Bytes)> s_types = new()
    {
        [0] = (1, 4), [1] = (1, 2), [2] = (32, 18), [3] = (32, 20), [6] = (32, 22), [7] = (32, 24), [8] = (32, 34), [10] = (256, 84),
        [11] = (256, 110), [12] = (256, 144), [13] = (256, 176), [14] = (256, 210), [30] = (1, 2),
    };

    /// <summary>Name → bytes from, to, counted from the start of the file; null for a file that breaks a rule.</summary>
    public static SortedDictionary<string, (long From, long To)>? Read(byte[] file)
    {
        try
        {
            using BinaryReader reader = new(new MemoryStream(file), new UTF8Encoding(false, throwOnInvalidBytes: true));
            return Ranges(reader, (ulong)file.Length);
        }
        catch (Exception e) when (e is EndOfStreamException or InvalidDataException or DecoderFallbackException or OverflowException)
        {
            return null;
        }
    }

    private static SortedDictionary<string, (long From, long To)> Ranges(BinaryReader reader, ulong length)
    {
        Require(reader.ReadUInt32() == 0x46554747 && reader.ReadUInt32() is 2 or 3);
        ulong tensors = reader.ReadUInt64();
        ulong keys = reader.ReadUInt64();
        ulong alignment = 32;
        HashSet<string> seen = [];
        for (ulong i = 0; i < keys; i++)
        {
            string key = Text(reader, 65_535);
            Require(key.Length > 0 && !key.Contains('\0') && seen.Add(key));
            uint type = reader.ReadUInt32();
            object? value = type == 9 ? SkipArray(reader) : Value(reader, type);
            if (key == "general.alignment")
            {
                alignment = value is uint number ? number : 0;
                Require(alignment is > 0 and <= 1 << 20 && ulong.PopCount(alignment) == 1);
            }
        }

        List<(string Name, ulong Offset, ulong Bytes)> table = [];
        for (ulong i = 0; i < tensors; i++)
        {
            string name = Text(reader, 64);
            Require(name.Length > 0 && !name.Contains('\0') && table.TrueForAll(entry => entry.Name != name));
            uint dimensions = reader.ReadUInt32();
            Require(dimensions <= 4);
            ulong[] sizes = [.. Enumerable.Range(0, (int)dimensions).Select(_ => reader.ReadUInt64())];
            Require(s_types.TryGetValue(reader.ReadUInt32(), out (ulong Size, ulong Bytes) block));
            ulong row = sizes.Length == 0 ? 1 : sizes[0];
            Require(row % block.Size == 0);
            ulong count = checked(row / block.Size * block.Bytes);
            Require(count <= long.MaxValue);
            foreach (ulong size in sizes)
            {
                Require(size <= long.MaxValue);
            }

            foreach (ulong size in sizes.Skip(1))
            {
                count = checked(count * size);
                Require(count <= long.MaxValue);
            }

            ulong offset = reader.ReadUInt64();
            Require(offset % alignment == 0 && offset <= length);
            table.Add((name, offset, count));
        }

        ulong start = ((ulong)reader.BaseStream.Position + alignment - 1) / alignment * alignment;
        Require(table.TrueForAll(entry => start + entry.Offset <= length && entry.Bytes <= length - start - entry.Offset));
        foreach ((string name, ulong offset, ulong bytes) in table)
        {
            Require(bytes == 0 || table.TrueForAll(other =>
                other.Name == name || other.Bytes == 0 || other.Offset >= offset + bytes || offset >= other.Offset + other.Bytes));
        }

        return new SortedDictionary<string, (long, long)>(
            table.ToDictionary(entry => entry.Name, entry => ((long)(start + entry.Offset), (long)(start + entry.Offset + entry.Bytes))),
            StringComparer.Ordinal);
    }

    private static object? SkipArray(BinaryReader reader)
    {
        uint type = reader.ReadUInt32();
        ulong count = reader.ReadUInt64();
        Require(count <= 1 << 24);
        if (count == 0)
        {
            Require(type is <= 12 and not 9);
        }

        for (ulong i = 0; i < count; i++)
        {
            _ = Value(reader, type);
        }

        return null;
    }

    private static object? Value(BinaryReader reader, uint type) => type switch
    {
        0 => reader.ReadByte(),
        1 => reader.ReadSByte(),
        2 or 3 => reader.ReadUInt16(),
        4 => reader.ReadUInt32(),
        5 => reader.ReadInt32(),
        6 => reader.ReadSingle(),
        7 => reader.ReadByte() is 0 or 1 ? null : throw new InvalidDataException(),
        8 => Text(reader, 16 << 20),
        10 or 11 => reader.ReadUInt64(),
        12 => reader.ReadDouble(),
        _ => throw new InvalidDataException(),
    };

    private static string Text(BinaryReader reader, ulong most)
    {
        ulong length = reader.ReadUInt64();
        Require(length <= most && length <= (ulong)(reader.BaseStream.Length - reader.BaseStream.Position));
        byte[] bytes = reader.ReadBytes((int)length);
        return new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(bytes);
    }

    private static void Require(bool condition)
    {
        if (!condition)
        {
            throw new InvalidDataException();
        }
    }
}
