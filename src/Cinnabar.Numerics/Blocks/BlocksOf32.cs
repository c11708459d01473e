// Blocks of 32 values x with one scale d, some with a minimum m, both F16 (source: ggml-common.h, ggml-quants.c):
//
//   Q4_0   d  q[16]              x = (q − 8) · d
//   Q4_1   d  m  q[16]           x = q · d + m
//   Q5_0   d  h[4]  q[16]        x = (q − 16) · d
//   Q5_1   d  m  h[4]  q[16]     x = q · d + m
//   Q8_0   d  q[32]              x = q · d,  q signed
//
// Of 4 and 5 bits, byte i of q holds the low 4 bits of value i in its low half and of value i + 16 in its high half; bit i of h (a
// little-endian u32) is the fifth bit of value i. In the terms of IBlockLayout the minimum is −m, and Q8_0 stores q − 128.
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Cinnabar.Numerics.Blocks;

/// <summary>What the types of 32 values have in common.</summary>
internal static unsafe class BlocksOf32
{
    public const int Size = 32;
    public const int HalfSize = Size / 2;
    // Of byte i of 32: bit i % 8, and which byte of four it is in, counted within 128 bits.
    private const ulong BitOfByte = 0x8040_2010_0804_0201;
    private const ulong First = 0;
    private const ulong Second = 0x0101_0101_0101_0101;

    /// <summary>Both halves of 16 bytes, the low ones first.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Nibbles(byte* q)
    {
        Vector128<byte> bytes = Vector128.Load(q);
        return Vector256.Create(bytes & Vector128.Create((byte)0xF), bytes >>> 4);
    }

    /// <summary>16 for each bit that is set.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> FifthBits(byte* h)
    {
        Vector256<byte> bytes = Vector256.Create(Unsafe.ReadUnaligned<uint>(h)).AsByte();
        Vector256<byte> places = Vector256.Create(First, Second, 2 * Second, 3 * Second).AsByte();
        Vector128<byte> lower = Vector128.Shuffle(bytes.GetLower(), places.GetLower());
        Vector128<byte> upper = Vector128.Shuffle(bytes.GetUpper(), places.GetUpper());
        Vector256<byte> bits = Vector256.Create(BitOfByte).AsByte();
        return Vector256.Equals(Vector256.Create(lower, upper) & bits, bits) & Vector256.Create((byte)16);
    }

    /// <summary>The F16 at the start of each of up to 8 blocks; behind the last block its own again.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Halves(byte* first, int blockBytes, int count)
    {
        int last = (count / Size) - 1;
        return HalfScales.Widen(Vector128.Create(At(0), At(1), At(2), At(3), At(4), At(5), At(6), At(7)));

        ushort At(int block) => Unsafe.ReadUnaligned<ushort>(first + ((nint)Math.Min(block, last) * blockBytes));
    }

    /// <summary>q of 5 bits.</summary>
    public static int FiveBits(int low, uint high) => low | ((int)(high & 1) << 4);
}

internal readonly unsafe struct LayoutQ4_0 : IBlockLayout
{
    public static int Size => BlocksOf32.Size;

    public static int Bytes => 18;

    public static int Bits => 4;

    public static int Run => BlocksOf32.Size;

    public static int Offset => 8;

    public static bool HasMinima => false;

    public static void Decode(ReadOnlySpan<byte> blocks, Span<float> values)
    {
        for (; blocks.Length > 0; blocks = blocks[Bytes..], values = values[Size..])
        {
            float d = (float)BitConverter.ToHalf(blocks);
            ReadOnlySpan<byte> q = blocks.Slice(2, BlocksOf32.HalfSize);
            for (int i = 0; i < q.Length; i++)
            {
                values[i] = ((q[i] & 0xF) - 8) * d;
                values[i + BlocksOf32.HalfSize] = ((q[i] >> 4) - 8) * d;
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Unpack(byte* blocks, int count, UnpackedBlocks* result)
    {
        BlocksOf32.Halves(blocks, Bytes, count).Store(result->Scales);
        for (int i = 0; i < count; i += Size, blocks += Bytes)
        {
            BlocksOf32.Nibbles(blocks + 2).Store(result->Quants + i);
        }
    }
}

internal readonly unsafe struct LayoutQ4_1 : IBlockLayout
{
    public static int Size => BlocksOf32.Size;

    public static int Bytes => 20;

    public static int Bits => 4;

    public static int Run => BlocksOf32.Size;

    public static int Offset => 0;

    public static bool HasMinima => true;

    public static void Decode(ReadOnlySpan<byte> blocks, Span<float> values)
    {
        for (; blocks.Length > 0; blocks = blocks[Bytes..], values = values[Size..])
        {
            float d = (float)BitConverter.ToHalf(blocks);
            float m = (float)BitConverter.ToHalf(blocks[2..]);
            ReadOnlySpan<byte> q = blocks.Slice(4, BlocksOf32.HalfSize);
            for (int i = 0; i < q.Length; i++)
            {
                values[i] = ((q[i] & 0xF) * d) + m;
                values[i + BlocksOf32.HalfSize] = ((q[i] >> 4) * d) + m;
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Unpack(byte* blocks, int count, UnpackedBlocks* result)
    {
        BlocksOf32.Halves(blocks, Bytes, count).Store(result->Scales);
        (-BlocksOf32.Halves(blocks + 2, Bytes, count)).Store(result->Minima);
        for (int i = 0; i < count; i += Size, blocks += Bytes)
        {
            BlocksOf32.Nibbles(blocks + 4).Store(result->Quants + i);
        }
    }
}

internal readonly unsafe struct LayoutQ5_0 : IBlockLayout
{
    public static int Size => BlocksOf32.Size;

    public static int Bytes => 22;

    public static int Bits => 5;

    public static int Run => BlocksOf32.Size;

    public static int Offset => 16;

    public static bool HasMinima => false;

    public static void Decode(ReadOnlySpan<byte> blocks, Span<float> values)
    {
        for (; blocks.Length > 0; blocks = blocks[Bytes..], values = values[Size..])
        {
            float d = (float)BitConverter.ToHalf(blocks);
            uint h = BitConverter.ToUInt32(blocks[2..]);
            ReadOnlySpan<byte> q = blocks.Slice(6, BlocksOf32.HalfSize);
            for (int i = 0; i < q.Length; i++)
            {
                values[i] = (BlocksOf32.FiveBits(q[i] & 0xF, h >> i) - 16) * d;
                values[i + BlocksOf32.HalfSize] = (BlocksOf32.FiveBits(q[i] >> 4, h >> (i + BlocksOf32.HalfSize)) - 16) * d;
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Unpack(byte* blocks, int count, UnpackedBlocks* result)
    {
        BlocksOf32.Halves(blocks, Bytes, count).Store(result->Scales);
        for (int i = 0; i < count; i += Size, blocks += Bytes)
        {
            (BlocksOf32.Nibbles(blocks + 6) | BlocksOf32.FifthBits(blocks + 2)).Store(result->Quants + i);
        }
    }
}

internal readonly unsafe struct LayoutQ5_1 : IBlockLayout
{
    public static int Size => BlocksOf32.Size;

    public static int Bytes => 24;

    public static int Bits => 5;

    public static int Run => BlocksOf32.Size;

    public static int Offset => 0;

    public static bool HasMinima => true;

    public static void Decode(ReadOnlySpan<byte> blocks, Span<float> values)
    {
        for (; blocks.Length > 0; blocks = blocks[Bytes..], values = values[Size..])
        {
            float d = (float)BitConverter.ToHalf(blocks);
            float m = (float)BitConverter.ToHalf(blocks[2..]);
            uint h = BitConverter.ToUInt32(blocks[4..]);
            ReadOnlySpan<byte> q = blocks.Slice(8, BlocksOf32.HalfSize);
            for (int i = 0; i < q.Length; i++)
            {
                values[i] = (BlocksOf32.FiveBits(q[i] & 0xF, h >> i) * d) + m;
                values[i + BlocksOf32.HalfSize] = (BlocksOf32.FiveBits(q[i] >> 4, h >> (i + BlocksOf32.HalfSize)) * d) + m;
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Unpack(byte* blocks, int count, UnpackedBlocks* result)
    {
        BlocksOf32.Halves(blocks, Bytes, count).Store(result->Scales);
        (-BlocksOf32.Halves(blocks + 2, Bytes, count)).Store(result->Minima);
        for (int i = 0; i < count; i += Size, blocks += Bytes)
        {
            (BlocksOf32.Nibbles(blocks + 8) | BlocksOf32.FifthBits(blocks + 4)).Store(result->Quants + i);
        }
    }
}

internal readonly unsafe struct LayoutQ8_0 : IBlockLayout
{
    public static int Size => BlocksOf32.Size;

    public static int Bytes => 34;

    public static int Bits => 8;

    public static int Run => BlocksOf32.Size;

    public static int Offset => 128;

    public static bool HasMinima => false;

    public static void Decode(ReadOnlySpan<byte> blocks, Span<float> values)
    {
        for (; blocks.Length > 0; blocks = blocks[Bytes..], values = values[Size..])
        {
            float d = (float)BitConverter.ToHalf(blocks);
            for (int i = 0; i < Size; i++)
            {
                values[i] = (sbyte)blocks[2 + i] * d;
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Unpack(byte* blocks, int count, UnpackedBlocks* result)
    {
        BlocksOf32.Halves(blocks, Bytes, count).Store(result->Scales);
        for (int i = 0; i < count; i += Size, blocks += Bytes)
        {
            (Vector256.Load(blocks + 2) ^ Vector256.Create((byte)Offset)).Store(result->Quants + i);
        }
    }
}
