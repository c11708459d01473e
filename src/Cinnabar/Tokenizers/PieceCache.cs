// Piece → ids, for short pieces. Direct mapped: a piece has one possible slot and replaces what was there. So the size is fixed and
// no input can make it slow. Text repeats its words: on C# code more than nine of ten pieces are found here.
using System.Buffers.Binary;

namespace Cinnabar.Tokenizers;

/// <summary>Remembers how short pieces were encoded. Not thread-safe.</summary>
internal sealed class PieceCache
{
    /// <summary>Longest piece that is kept, in bytes.</summary>
    public const int MaxBytes = 32;

    private const int MaxIds = 12;
    private const int SlotBits = 15;
    private readonly byte[] _bytes = new byte[MaxBytes << SlotBits];
    private readonly byte[] _byteCounts = new byte[1 << SlotBits];
    private readonly int[] _ids = new int[MaxIds << SlotBits];
    private readonly byte[] _idCounts = new byte[1 << SlotBits];

    /// <summary>The slot of a piece of at most <see cref="MaxBytes"/> bytes.</summary>
    public static int SlotOf(ReadOnlySpan<byte> piece)
    {
        ulong hash = (uint)piece.Length;
        while (piece.Length >= 8)
        {
            hash = (hash ^ BinaryPrimitives.ReadUInt64LittleEndian(piece)) * 0x9E3779B97F4A7C15; // 2^64 / golden ratio
            hash ^= hash >> 32;
            piece = piece[8..];
        }

        ulong rest = 0;
        for (int i = 0; i < piece.Length; i++)
        {
            rest |= (ulong)piece[i] << (8 * i);
        }

        hash = (hash ^ rest) * 0x9E3779B97F4A7C15;
        return (int)(hash >> (64 - SlotBits));
    }

    /// <summary>The ids of a piece, or none where it is not kept in its slot.</summary>
    public ReadOnlySpan<int> Find(int slot, ReadOnlySpan<byte> piece)
    {
        bool found = _byteCounts[slot] == piece.Length && piece.SequenceEqual(_bytes.AsSpan(slot * MaxBytes, piece.Length));
        return found ? _ids.AsSpan(slot * MaxIds, _idCounts[slot]) : [];
    }

    /// <summary>Keeps the ids of a piece in its slot, if they fit.</summary>
    public void Store(int slot, ReadOnlySpan<byte> piece, ReadOnlySpan<int> ids)
    {
        if (ids.Length > MaxIds)
        {
            return;
        }

        piece.CopyTo(_bytes.AsSpan(slot * MaxBytes));
        _byteCounts[slot] = (byte)piece.Length;
        ids.CopyTo(_ids.AsSpan(slot * MaxIds));
        _idCounts[slot] = (byte)ids.Length;
    }
}
