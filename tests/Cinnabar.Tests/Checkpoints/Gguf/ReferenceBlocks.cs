using Cinnabar.Checkpoints.Gguf;

namespace Cinnabar.Tests.Checkpoints.Gguf;

/// <summary>
/// A second decoder, one value at a time and one bit after another, from the layout of each block: slow, only good for comparing.
/// </summary>
internal sealed class ReferenceBlocks(byte[] block)
{
    /// <summary>Where the F16 scales stand in a block of each type.</summary>
    public static int[] HalvesOf(GgmlType type) => type switch
    {
        GgmlType.Q4_1 or GgmlType.Q5_1 or GgmlType.Q4_K or GgmlType.Q5_K => [0, 2],
        GgmlType.Q2_K => [80, 82],
        GgmlType.Q3_K => [108],
        GgmlType.Q6_K => [208],
        GgmlType.BF16 or GgmlType.F32 => [],
        _ => [0],
    };

    public float Value(GgmlType type, int i) => type switch
    {
        GgmlType.F32 => BitConverter.ToSingle(block),
        GgmlType.F16 => Half(0),
        GgmlType.BF16 => BitConverter.ToSingle([0, 0, .. block]),
        GgmlType.Q4_0 => Half(0) * (Nibble(2, i) - 8),
        GgmlType.Q4_1 => Sum(Half(0) * Nibble(4, i), Half(2)),
        GgmlType.Q5_0 => Half(0) * (Nibble(6, i) + (16 * Bits(2, i, 1)) - 16),
        GgmlType.Q5_1 => Sum(Half(0) * (Nibble(8, i) + (16 * Bits(4, i, 1))), Half(2)),
        GgmlType.Q8_0 => Half(0) * Signed(2 + i),
        GgmlType.Q2_K => Q2K(i),
        GgmlType.Q3_K => Q3K(i),
        GgmlType.Q4_K => Q45K(i, i % 64 / 32 * 4, quants: 16, highs: 0),
        GgmlType.Q5_K => Q45K(i, i % 64 / 32 * 4, quants: 48, highs: 16),
        _ => Q6K(i),
    };

    private float Q2K(int i)
    {
        int quant = Bits(16 + (i / 128 * 32) + (i % 32), i % 128 / 32 * 2, 2);
        float scale = Half(80) * Bits(i / 16, 0, 4);
        float minimum = Half(82) * Bits(i / 16, 4, 4);
        return Sum(scale * quant, -minimum);
    }

    private float Q3K(int i)
    {
        int quant = Bits(32 + (i / 128 * 32) + (i % 32), i % 128 / 32 * 2, 2) + (4 * Bits(i % 32, i / 32, 1)) - 4;
        int group = i / 16;
        int scale = Bits(96 + (group % 8), group / 8 * 4, 4) + (16 * Bits(104 + (group % 4), group / 4 * 2, 2)) - 32;
        float d = Half(108) * scale;
        return d * quant;
    }

    private float Q45K(int i, int shift, int quants, int highs)
    {
        int group = i / 32;
        int quant = Bits(quants + (i / 64 * 32) + (i % 32), shift, 4) + (highs == 0 ? 0 : 16 * Bits(highs + (i % 32), group, 1));
        int scale = group < 4 ? Bits(4 + group, 0, 6) : Bits(8 + group, 0, 4) + (16 * Bits(group, 6, 2));
        int minimum = group < 4 ? Bits(8 + group, 0, 6) : Bits(8 + group, 4, 4) + (16 * Bits(4 + group, 6, 2));
        float d = Half(0) * scale;
        float m = Half(2) * minimum;
        return Sum(d * quant, -m);
    }

    private float Q6K(int i)
    {
        int quarter = i % 128 / 32;
        int quant = Bits((i / 128 * 64) + (quarter % 2 * 32) + (i % 32), quarter / 2 * 4, 4)
            + (16 * Bits(128 + (i / 128 * 32) + (i % 32), quarter * 2, 2)) - 32;
        float d = Half(208) * Signed(192 + (i / 16));
        return d * quant;
    }

    // Values i and i + 16 share a byte.
    private int Nibble(int start, int i) => Bits(start + (i % 16), i / 16 * 4, 4);

    private int Bits(int start, int first, int count)
    {
        int value = 0;
        for (int bit = 0; bit < count; bit++)
        {
            int at = (start * 8) + first + bit;
            value += ((block[at / 8] >> (at % 8)) & 1) << bit;
        }

        return value;
    }

    private int Signed(int at) => block[at] < 128 ? block[at] : block[at] - 256;

    private float Half(int at) => (float)BitConverter.ToHalf(block, at);

    private static float Sum(float a, float b) => a + b;
}
