// Q2_K: 256 values in 16 runs of 16, a scale and a minimum of 4 bits for each run (source: ggml-common.h, ggml-quants.c).
//
//   s[16]  q[64]  d F16  m F16          x = (d · (s & 15)) · q − (m · (s >> 4))
//
// Runs are numbered in the order of the values. Value 128·a + 32·b + l, l < 32, is at bits 2·b and 2·b + 1 of byte 32·a + l of q.
namespace Cinnabar.Checkpoints.Gguf;

/// <summary>Decodes Q2_K.</summary>
internal static class BlocksQ2K
{
    private const int Bytes = 84;
    private const int Size = 256;
    private const int Run = 16;

    public static void Decode(ReadOnlySpan<byte> blocks, Span<float> values)
    {
        for (; blocks.Length > 0; blocks = blocks[Bytes..], values = values[Size..])
        {
            float d = BlockDecoder.Half(blocks, 80);
            float m = BlockDecoder.Half(blocks, 82);
            for (int run = 0; run < Size / Run; run++)
            {
                byte s = blocks[run];
                float scale = d * (s & 0xF);
                float minimum = m * (s >> 4);

                // 8 runs share 32 bytes of q, two of them the same bits.
                ReadOnlySpan<byte> q = blocks.Slice(16 + (run / 8 * 32) + (run % 2 * Run), Run);
                int shift = run / 2 % 4 * 2;
                Span<float> x = values.Slice(run * Run, Run);
                for (int i = 0; i < q.Length; i++)
                {
                    x[i] = (scale * ((q[i] >> shift) & 3)) - minimum;
                }
            }
        }
    }
}
