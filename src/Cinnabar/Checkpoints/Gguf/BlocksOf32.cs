// Blocks of 32 values x with one scale d, some with a minimum m, both F16 (source: ggml-common.h, ggml-quants.c):
//
//   Q4_0   d  q[16]              x = (q − 8) · d
//   Q4_1   d  m  q[16]           x = q · d + m
//   Q5_0   d  h[4]  q[16]        x = (q − 16) · d
//   Q5_1   d  m  h[4]  q[16]     x = q · d + m
//   Q8_0   d  q[32]              x = q · d,  q signed
//
// Of 4 and 5 bits, byte i of q holds the low 4 bits of value i in its low half and of value i + 16 in its high half; bit i of h (a little-
// endian u32) is the fifth bit of value i.
using System.Buffers.Binary;

namespace Cinnabar.Checkpoints.Gguf;

/// <summary>Decodes the types whose blocks hold 32 values.</summary>
internal static class BlocksOf32
{
    private const int Size = 32;
    private const int HalfSize = Size / 2;

    public static void DecodeQ4_0(ReadOnlySpan<byte> blocks, Span<float> values)
    {
        for (; blocks.Length > 0; blocks = blocks[18..], values = values[Size..])
        {
            float d = BlockDecoder.Half(blocks, 0);
            ReadOnlySpan<byte> q = blocks.Slice(2, HalfSize);
            Span<float> low = values[..HalfSize];
            Span<float> high = values.Slice(HalfSize, HalfSize);
            for (int i = 0; i < q.Length; i++)
            {
                low[i] = ((q[i] & 0xF) - 8) * d;
                high[i] = ((q[i] >> 4) - 8) * d;
            }
        }
    }

    public static void DecodeQ4_1(ReadOnlySpan<byte> blocks, Span<float> values)
    {
        for (; blocks.Length > 0; blocks = blocks[20..], values = values[Size..])
        {
            float d = BlockDecoder.Half(blocks, 0);
            float m = BlockDecoder.Half(blocks, 2);
            ReadOnlySpan<byte> q = blocks.Slice(4, HalfSize);
            Span<float> low = values[..HalfSize];
            Span<float> high = values.Slice(HalfSize, HalfSize);
            for (int i = 0; i < q.Length; i++)
            {
                low[i] = ((q[i] & 0xF) * d) + m;
                high[i] = ((q[i] >> 4) * d) + m;
            }
        }
    }

    public static void DecodeQ5_0(ReadOnlySpan<byte> blocks, Span<float> values)
    {
        for (; blocks.Length > 0; blocks = blocks[22..], values = values[Size..])
        {
            float d = BlockDecoder.Half(blocks, 0);
            uint h = BinaryPrimitives.ReadUInt32LittleEndian(blocks[2..]);
            ReadOnlySpan<byte> q = blocks.Slice(6, HalfSize);
            Span<float> low = values[..HalfSize];
            Span<float> high = values.Slice(HalfSize, HalfSize);
            for (int i = 0; i < q.Length; i++)
            {
                low[i] = (FiveBits(q[i] & 0xF, h >> i) - 16) * d;
                high[i] = (FiveBits(q[i] >> 4, h >> (i + HalfSize)) - 16) * d;
            }
        }
    }

    public static void DecodeQ5_1(ReadOnlySpan<byte> blocks, Span<float> values)
    {
        for (; blocks.Length > 0; blocks = blocks[24..], values = values[Size..])
        {
            float d = BlockDecoder.Half(blocks, 0);
            float m = BlockDecoder.Half(blocks, 2);
            uint h = BinaryPrimitives.ReadUInt32LittleEndian(blocks[4..]);
            ReadOnlySpan<byte> q = blocks.Slice(8, HalfSize);
            Span<float> low = values[..HalfSize];
            Span<float> high = values.Slice(HalfSize, HalfSize);
            for (int i = 0; i < q.Length; i++)
            {
                low[i] = (FiveBits(q[i] & 0xF, h >> i) * d) + m;
                high[i] = (FiveBits(q[i] >> 4, h >> (i + HalfSize)) * d) + m;
            }
        }
    }

    public static void DecodeQ8_0(ReadOnlySpan<byte> blocks, Span<float> values)
    {
        for (; blocks.Length > 0; blocks = blocks[34..], values = values[Size..])
        {
            float d = BlockDecoder.Half(blocks, 0);
            ReadOnlySpan<byte> q = blocks.Slice(2, Size);
            Span<float> x = values[..Size];
            for (int i = 0; i < q.Length; i++)
            {
                x[i] = (sbyte)q[i] * d;
            }
        }
    }

    private static int FiveBits(int low, uint high) => low | ((int)(high & 1) << 4);
}
