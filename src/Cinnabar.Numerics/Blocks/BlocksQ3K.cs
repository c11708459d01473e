// Q3_K: 256 values of 3 bits in 16 runs of 16, a scale of 6 bits for each run (source: ggml-common.h, ggml-quants.c).
//
//   h[32]  q[64]  s[12]  d F16          x = (d · (scale − 32)) · (q − 4),  q from 0 to 7
//
// Value 128·a + 32·b + l, l < 32: the low 2 bits at bits 2·b and 2·b + 1 of byte 32·a + l of q, the third at bit 4·a + b of byte l of h.
// Scale of run r: the low 4 bits in the low (r < 8) or high half of s[r % 8], the upper 2 at bits 2·(r / 4) and 2·(r / 4) + 1 of
// s[8 + r % 4].
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Cinnabar.Numerics.Blocks;

internal readonly unsafe struct LayoutQ3_K : IBlockLayout
{
    private const int Quants = 32;
    private const int RunScales = 96;
    private const int Scale = 108;
    private const int ScaleOffset = 32;

    public static int Size => 256;

    public static int Bytes => 110;

    public static int Bits => 3;

    public static int Run => 16;

    public static int Offset => 4;

    public static bool HasMinima => false;

    public static void Decode(ReadOnlySpan<byte> blocks, Span<float> values)
    {
        for (; blocks.Length > 0; blocks = blocks[Bytes..], values = values[Size..])
        {
            ReadOnlySpan<byte> scales = blocks.Slice(RunScales, 12);
            float d = (float)BitConverter.ToHalf(blocks[Scale..]);
            for (int run = 0; run < Size / Run; run++)
            {
                float scale = d * (ScaleOf(scales, run) - ScaleOffset);
                int start = run % 2 * Run;
                ReadOnlySpan<byte> h = blocks.Slice(start, Run);
                ReadOnlySpan<byte> q = blocks.Slice(Quants + (run / 8 * 32) + start, Run);
                int bit = run / 2;
                int shift = bit % 4 * 2;
                Span<float> x = values.Slice(run * Run, Run);
                for (int i = 0; i < q.Length; i++)
                {
                    x[i] = scale * ((((q[i] >> shift) & 3) | (((h[i] >> bit) & 1) << 2)) - 4);
                }
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Unpack(byte* blocks, int count, UnpackedBlocks* result)
    {
        // low: the low 4 bits of runs 0 … 7 and 8 … 15; high: 2 bits of four runs in every 32 bits.
        ulong low = Unsafe.ReadUnaligned<ulong>(blocks + RunScales);
        uint high = Unsafe.ReadUnaligned<uint>(blocks + RunScales + 8);
        Vector128<byte> scales = (Vector128.Create(low, low >> 4).AsByte() & Vector128.Create((byte)0xF))
            | ((Vector128.Create(high, high >> 2, high >> 4, high >> 6).AsByte() & Vector128.Create((byte)3)) << 4);
        BlockBits.Scale(scales.AsSByte() - Vector128.Create((sbyte)ScaleOffset), HalfScales.At(blocks + Scale), result->Scales);
        Vector256<byte> h = Vector256.Load(blocks);
        for (int a = 0; a < 2; a++)
        {
            Vector256<byte> q = Vector256.Load(blocks + Quants + (32 * a));
            byte* to = result->Quants + (128 * a);
            for (int b = 0; b < 4; b++)
            {
                Vector256<byte> third = (BlockBits.Of(h, (4 * a) + b, 1).AsUInt16() << 2).AsByte();
                (BlockBits.Of(q, 2 * b, 3) | third).Store(to + (32 * b));
            }
        }
    }

    private static int ScaleOf(ReadOnlySpan<byte> s, int run)
    {
        int low = run < 8 ? s[run] & 0xF : s[run - 8] >> 4;
        return low | (((s[8 + (run % 4)] >> (run / 4 * 2)) & 3) << 4);
    }
}
