// Q4_K and Q5_K: 256 values in 8 runs of 32, a scale and a minimum of 6 bits for each run (source: ggml-common.h, ggml-quants.c).
//
//   Q4_K   d F16  m F16  s[12]  q[128]            x = (d · scale) · q − (m · minimum)
//   Q5_K   d F16  m F16  s[12]  h[32]  q[128]     the same, q of 5 bits
//
// Value 64·a + l, l < 32, is the low half of byte 32·a + l of q, value 64·a + 32 + l its high half; bit r of byte l of h is the fifth
// bit of value l of run r. Scale and minimum of run r:
//   r < 4   s[r] & 63                                      s[r + 4] & 63
//   r ≥ 4   (s[r + 4] & 15) | ((s[r − 4] >> 6) << 4)       (s[r + 4] >> 4) | ((s[r] >> 6) << 4)
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Cinnabar.Numerics.Blocks;

/// <summary>The scales that both types have in common.</summary>
internal static unsafe class BlocksQ4K
{
    public const int Size = 256;
    public const int Run = 32;
    private const int RunScales = 4;

    // In each of four bytes: 6 bits, 4 bits, the 2 that are missing.
    private const uint SixBits = 0x3F3F_3F3F;
    private const uint FourBits = 0x0F0F_0F0F;
    private const uint TwoBits = 0x0303_0303;

    public static (float Scale, float Minimum) ScaleAndMinimum(ReadOnlySpan<byte> block, int run)
    {
        ReadOnlySpan<byte> s = block.Slice(RunScales, 12);
        (int scale, int minimum) = run < 4
            ? (s[run] & 63, s[run + 4] & 63)
            : ((s[run + 4] & 0xF) | (s[run - 4] >> 6 << 4), (s[run + 4] >> 4) | (s[run] >> 6 << 4));
        return ((float)BitConverter.ToHalf(block) * scale, (float)BitConverter.ToHalf(block[2..]) * minimum);
    }

    /// <summary>The same for all runs, four in every 32 bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void ScalesAndMinima(byte* block, UnpackedBlocks* result)
    {
        uint first = Unsafe.ReadUnaligned<uint>(block + RunScales);
        uint second = Unsafe.ReadUnaligned<uint>(block + RunScales + 4);
        uint third = Unsafe.ReadUnaligned<uint>(block + RunScales + 8);
        Vector128<byte> both = Vector128.Create(
            first & SixBits,
            (third & FourBits) | (((first >> 6) & TwoBits) << 4),
            second & SixBits,
            ((third >> 4) & FourBits) | (((second >> 6) & TwoBits) << 4)).AsByte();
        (Vector128<ushort> scales, Vector128<ushort> minima) = Vector128.Widen(both);
        (float d, float m) = HalfScales.PairAt(block);
        BlockBits.Scale(scales.AsInt16(), d, result->Scales);
        BlockBits.Scale(minima.AsInt16(), m, result->Minima);
    }
}

internal readonly unsafe struct LayoutQ4_K : IBlockLayout
{
    private const int Quants = 16;

    public static int Size => BlocksQ4K.Size;

    public static int Bytes => 144;

    public static int Bits => 4;

    public static int Run => BlocksQ4K.Run;

    public static int Offset => 0;

    public static bool HasMinima => true;

    public static void Decode(ReadOnlySpan<byte> blocks, Span<float> values)
    {
        for (; blocks.Length > 0; blocks = blocks[Bytes..], values = values[Size..])
        {
            for (int run = 0; run < Size / Run; run++)
            {
                (float scale, float minimum) = BlocksQ4K.ScaleAndMinimum(blocks, run);
                ReadOnlySpan<byte> q = blocks.Slice(Quants + (run / 2 * Run), Run);
                int shift = run % 2 * 4;
                Span<float> x = values.Slice(run * Run, Run);
                for (int i = 0; i < q.Length; i++)
                {
                    x[i] = (scale * ((q[i] >> shift) & 0xF)) - minimum;
                }
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Unpack(byte* blocks, int count, UnpackedBlocks* result)
    {
        BlocksQ4K.ScalesAndMinima(blocks, result);
        for (int a = 0; a < 4; a++)
        {
            Vector256<byte> q = Vector256.Load(blocks + Quants + (32 * a));
            byte* to = result->Quants + (64 * a);
            BlockBits.Of(q, 0, 0xF).Store(to);
            BlockBits.Of(q, 4, 0xF).Store(to + Run);
        }
    }
}

internal readonly unsafe struct LayoutQ5_K : IBlockLayout
{
    private const int HighBits = 16;
    private const int Quants = 48;

    public static int Size => BlocksQ4K.Size;

    public static int Bytes => 176;

    public static int Bits => 5;

    public static int Run => BlocksQ4K.Run;

    public static int Offset => 0;

    public static bool HasMinima => true;

    public static void Decode(ReadOnlySpan<byte> blocks, Span<float> values)
    {
        for (; blocks.Length > 0; blocks = blocks[Bytes..], values = values[Size..])
        {
            ReadOnlySpan<byte> h = blocks.Slice(HighBits, Run);
            for (int run = 0; run < Size / Run; run++)
            {
                (float scale, float minimum) = BlocksQ4K.ScaleAndMinimum(blocks, run);
                ReadOnlySpan<byte> q = blocks.Slice(Quants + (run / 2 * Run), Run);
                int shift = run % 2 * 4;
                Span<float> x = values.Slice(run * Run, Run);
                for (int i = 0; i < q.Length; i++)
                {
                    x[i] = (scale * (((q[i] >> shift) & 0xF) | (((h[i] >> run) & 1) << 4))) - minimum;
                }
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Unpack(byte* blocks, int count, UnpackedBlocks* result)
    {
        BlocksQ4K.ScalesAndMinima(blocks, result);
        Vector256<byte> h = Vector256.Load(blocks + HighBits);
        for (int a = 0; a < 4; a++)
        {
            Vector256<byte> q = Vector256.Load(blocks + Quants + (32 * a));
            byte* to = result->Quants + (64 * a);
            (BlockBits.Of(q, 0, 0xF) | Fifth(h, 2 * a)).Store(to);
            (BlockBits.Of(q, 4, 0xF) | Fifth(h, (2 * a) + 1)).Store(to + Run);
        }
    }

    private static Vector256<byte> Fifth(Vector256<byte> h, int run) => (BlockBits.Of(h, run, 1).AsUInt16() << 4).AsByte();
}
