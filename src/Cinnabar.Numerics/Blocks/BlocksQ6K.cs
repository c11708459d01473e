// Q6_K: 256 values of 6 bits in 16 runs of 16, a signed scale of 8 bits for each run (source: ggml-common.h, ggml-quants.c).
//
//   q[128]  h[64]  s[16] signed  d F16          x = (d · s) · (q − 32),  q from 0 to 63
//
// Value 128·a + 32·b + l, l < 32: the low 4 bits in byte 64·a + 32·(b % 2) + l of q, its low (b < 2) or high half; the upper 2 at bits 2·b
// and 2·b + 1 of byte 32·a + l of h.
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Cinnabar.Numerics.Blocks;

internal readonly unsafe struct LayoutQ6_K : IBlockLayout
{
    private const int HighBits = 128;
    private const int RunScales = 192;
    private const int Scale = 208;

    public static int Size => 256;

    public static int Bytes => 210;

    public static int Bits => 6;

    public static int Run => 16;

    public static int Offset => 32;

    public static bool HasMinima => false;

    public static void Decode(ReadOnlySpan<byte> blocks, Span<float> values)
    {
        for (; blocks.Length > 0; blocks = blocks[Bytes..], values = values[Size..])
        {
            float d = (float)BitConverter.ToHalf(blocks[Scale..]);
            for (int run = 0; run < Size / Run; run++)
            {
                float scale = d * (sbyte)blocks[RunScales + run];
                int half = run / 8;
                int quarter = run / 2 % 4;
                int start = run % 2 * Run;
                ReadOnlySpan<byte> q = blocks.Slice((half * 64) + (quarter % 2 * 32) + start, Run);
                ReadOnlySpan<byte> h = blocks.Slice(HighBits + (half * 32) + start, Run);
                int lowShift = quarter / 2 * 4;
                int highShift = quarter * 2;
                Span<float> x = values.Slice(run * Run, Run);
                for (int i = 0; i < q.Length; i++)
                {
                    x[i] = scale * ((((q[i] >> lowShift) & 0xF) | (((h[i] >> highShift) & 3) << 4)) - 32);
                }
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Unpack(byte* blocks, int count, UnpackedBlocks* result)
    {
        BlockBits.Scale(Vector128.Load((sbyte*)blocks + RunScales), HalfScales.At(blocks + Scale), result->Scales);
        for (int a = 0; a < 2; a++)
        {
            Vector256<byte> h = Vector256.Load(blocks + HighBits + (32 * a));
            byte* to = result->Quants + (128 * a);
            for (int b = 0; b < 4; b++)
            {
                Vector256<byte> q = Vector256.Load(blocks + (64 * a) + (b % 2 * 32));
                Vector256<byte> upper = (BlockBits.Of(h, 2 * b, 3).AsUInt16() << 4).AsByte();
                (BlockBits.Of(q, b / 2 * 4, 0xF) | upper).Store(to + (32 * b));
            }
        }
    }
}
