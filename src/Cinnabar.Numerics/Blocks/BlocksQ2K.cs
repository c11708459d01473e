// Q2_K: 256 values in 16 runs of 16, a scale and a minimum of 4 bits for each run (source: ggml-common.h, ggml-quants.c).
//
//   s[16]  q[64]  d F16  m F16          x = (d · (s & 15)) · q − (m · (s >> 4))
//
// Runs are numbered in the order of the values. Value 128·a + 32·b + l, l < 32, is at bits 2·b and 2·b + 1 of byte 32·a + l of q.
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Cinnabar.Numerics.Blocks;

internal readonly unsafe struct LayoutQ2_K : IBlockLayout
{
    private const int Quants = 16;
    private const int Scales = 80;

    public static int Size => 256;

    public static int Bytes => 84;

    public static int Bits => 2;

    public static int Run => 16;

    public static int Offset => 0;

    public static bool HasMinima => true;

    public static void Decode(ReadOnlySpan<byte> blocks, Span<float> values)
    {
        for (; blocks.Length > 0; blocks = blocks[Bytes..], values = values[Size..])
        {
            float d = (float)BitConverter.ToHalf(blocks[Scales..]);
            float m = (float)BitConverter.ToHalf(blocks[(Scales + 2)..]);
            for (int run = 0; run < Size / Run; run++)
            {
                byte s = blocks[run];
                float scale = d * (s & 0xF);
                float minimum = m * (s >> 4);

                // 8 runs share 32 bytes of q, two of them the same bits.
                ReadOnlySpan<byte> q = blocks.Slice(Quants + (run / 8 * 32) + (run % 2 * Run), Run);
                int shift = run / 2 % 4 * 2;
                Span<float> x = values.Slice(run * Run, Run);
                for (int i = 0; i < q.Length; i++)
                {
                    x[i] = (scale * ((q[i] >> shift) & 3)) - minimum;
                }
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Unpack(byte* blocks, int count, UnpackedBlocks* result)
    {
        Vector128<byte> s = Vector128.Load(blocks);
        (float d, float m) = HalfScales.PairAt(blocks + Scales);
        BlockBits.Scale((s & Vector128.Create((byte)0xF)).AsSByte(), d, result->Scales);
        BlockBits.Scale((s >>> 4).AsSByte(), m, result->Minima);
        for (int a = 0; a < 2; a++)
        {
            Vector256<byte> q = Vector256.Load(blocks + Quants + (32 * a));
            byte* to = result->Quants + (128 * a);
            for (int b = 0; b < 4; b++)
            {
                BlockBits.Of(q, 2 * b, 3).Store(to + (32 * b));
            }
        }
    }
}
