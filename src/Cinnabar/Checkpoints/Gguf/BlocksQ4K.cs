// Q4_K and Q5_K: 256 values in 8 runs of 32, a scale and a minimum of 6 bits for each run (source: ggml-common.h, ggml-quants.c).
//
//   Q4_K   d F16  m F16  s[12]  q[128]            x = (d · scale) · q − (m · minimum)
//   Q5_K   d F16  m F16  s[12]  h[32]  q[128]     the same, q of 5 bits
//
// Value 64·a + l, l < 32, is the low half of byte 32·a + l of q, value 64·a + 32 + l its high half; bit r of byte l of h is the fifth
// bit of value l of run r. Scale and minimum of run r:
//   r < 4   s[r] & 63                                      s[r + 4] & 63
//   r ≥ 4   (s[r + 4] & 15) | ((s[r − 4] >> 6) << 4)       (s[r + 4] >> 4) | ((s[r] >> 6) << 4)
namespace Cinnabar.Checkpoints.Gguf;

/// <summary>Decodes Q4_K and Q5_K.</summary>
internal static class BlocksQ4K
{
    private const int Size = 256;
    private const int Run = 32;

    public static void DecodeQ4_K(ReadOnlySpan<byte> blocks, Span<float> values)
    {
        for (; blocks.Length > 0; blocks = blocks[144..], values = values[Size..])
        {
            for (int run = 0; run < Size / Run; run++)
            {
                (float scale, float minimum) = ScaleAndMinimum(blocks, run);
                ReadOnlySpan<byte> q = blocks.Slice(16 + (run / 2 * Run), Run);
                int shift = run % 2 * 4;
                Span<float> x = values.Slice(run * Run, Run);
                for (int i = 0; i < q.Length; i++)
                {
                    x[i] = (scale * ((q[i] >> shift) & 0xF)) - minimum;
                }
            }
        }
    }

    public static void DecodeQ5_K(ReadOnlySpan<byte> blocks, Span<float> values)
    {
        for (; blocks.Length > 0; blocks = blocks[176..], values = values[Size..])
        {
            ReadOnlySpan<byte> h = blocks.Slice(16, Run);
            for (int run = 0; run < Size / Run; run++)
            {
                (float scale, float minimum) = ScaleAndMinimum(blocks, run);
                ReadOnlySpan<byte> q = blocks.Slice(48 + (run / 2 * Run), Run);
                int shift = run % 2 * 4;
                Span<float> x = values.Slice(run * Run, Run);
                for (int i = 0; i < q.Length; i++)
                {
                    x[i] = (scale * (((q[i] >> shift) & 0xF) | (((h[i] >> run) & 1) << 4))) - minimum;
                }
            }
        }
    }

    private static (float Scale, float Minimum) ScaleAndMinimum(ReadOnlySpan<byte> block, int run)
    {
        ReadOnlySpan<byte> s = block.Slice(4, 12);
        (int scale, int minimum) = run < 4
            ? (s[run] & 63, s[run + 4] & 63)
            : ((s[run + 4] & 0xF) | (s[run - 4] >> 6 << 4), (s[run + 4] >> 4) | (s[run] >> 6 << 4));
        return (BlockDecoder.Half(block, 0) * scale, BlockDecoder.Half(block, 2) * minimum);
    }
}
