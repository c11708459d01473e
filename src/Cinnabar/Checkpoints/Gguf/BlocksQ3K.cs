// Q3_K: 256 values of 3 bits in 16 runs of 16, a scale of 6 bits for each run (source: ggml-common.h, ggml-quants.c).
//
//   h[32]  q[64]  s[12]  d F16          x = (d · (scale − 32)) · (q − 4),  q from 0 to 7
//
// Value 128·a + 32·b + l, l < 32: the low 2 bits at bits 2·b and 2·b + 1 of byte 32·a + l of q, the third at bit 4·a + b of byte l of h.
// Scale of run r: the low 4 bits in the low (r < 8) or high half of s[r % 8], the upper 2 at bits 2·(r / 4) and 2·(r / 4) + 1 of
// s[8 + r % 4].
namespace Cinnabar.Checkpoints.Gguf;

/// <summary>Decodes Q3_K.</summary>
internal static class BlocksQ3K
{
    private const int Bytes = 110;
    private const int Size = 256;
    private const int Run = 16;

    public static void Decode(ReadOnlySpan<byte> blocks, Span<float> values)
    {
        for (; blocks.Length > 0; blocks = blocks[Bytes..], values = values[Size..])
        {
            ReadOnlySpan<byte> scales = blocks.Slice(96, 12);
            float d = BlockDecoder.Half(blocks, 108);
            for (int run = 0; run < Size / Run; run++)
            {
                float scale = d * (Scale(scales, run) - 32);
                int start = run % 2 * Run;
                ReadOnlySpan<byte> h = blocks.Slice(start, Run);
                ReadOnlySpan<byte> q = blocks.Slice(32 + (run / 8 * 32) + start, Run);
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

    private static int Scale(ReadOnlySpan<byte> s, int run)
    {
        int low = run < 8 ? s[run] & 0xF : s[run - 8] >> 4;
        return low | (((s[8 + (run % 4)] >> (run / 4 * 2)) & 3) << 4);
    }
}
