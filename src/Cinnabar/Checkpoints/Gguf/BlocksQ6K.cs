// Q6_K: 256 values of 6 bits in 16 runs of 16, a signed scale of 8 bits for each run (source: ggml-common.h, ggml-quants.c).
//
//   q[128]  h[64]  s[16] signed  d F16          x = (d · s) · (q − 32),  q from 0 to 63
//
// Value 128·a + 32·b + l, l < 32: the low 4 bits in byte 64·a + 32·(b % 2) + l of q, its low (b < 2) or high half; the upper 2 at bits 2·b
// and 2·b + 1 of byte 32·a + l of h.
namespace Cinnabar.Checkpoints.Gguf;

/// <summary>Decodes Q6_K.</summary>
internal static class BlocksQ6K
{
    private const int Bytes = 210;
    private const int Size = 256;
    private const int Run = 16;

    public static void Decode(ReadOnlySpan<byte> blocks, Span<float> values)
    {
        for (; blocks.Length > 0; blocks = blocks[Bytes..], values = values[Size..])
        {
            float d = BlockDecoder.Half(blocks, 208);
            for (int run = 0; run < Size / Run; run++)
            {
                float scale = d * (sbyte)blocks[192 + run];
                int half = run / 8;
                int quarter = run / 2 % 4;
                int start = run % 2 * Run;
                ReadOnlySpan<byte> q = blocks.Slice((half * 64) + (quarter % 2 * 32) + start, Run);
                ReadOnlySpan<byte> h = blocks.Slice(128 + (half * 32) + start, Run);
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
}
