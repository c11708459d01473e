// Panels of weights of 4 bits, W [N, K] with a scale for each row and group of K, as the right side Wᵀ of a product. A block of K of one
// panel is spread out to bytes in the first-level cache just before the rows of A are multiplied with it: q + 8 becomes q + 128, four
// values to an element, and the tile kernel of 8-bit weights does the rest. Spreading costs about 3 instructions for 64 weights, against
// as many multiply-adds of 64 as there are rows of A.
using System.Buffers.Binary;
using System.Runtime.Intrinsics;

namespace Cinnabar.Numerics.Kernels;

internal static unsafe class PanelOfInt4
{
    private const int Values = 8;
    private const uint LowHalves = 0x0F0F_0F0F;
    private const uint HighHalves = 0xF0F0_F0F0;

    // q + 8 → q + 128.
    private const uint Offset = 0x7878_7878;

    // Eight zeros.
    private const uint Zero = 0x8888_8888;

    /// <summary>Writes consecutive panels in <see cref="PanelFormat.UInt4Octets"/>; positions behind the last are zero.</summary>
    internal static void Pack(in PanelSource source, in PanelStrip strip, uint* panels, nint panelSize)
    {
        if (source.KStride != 1 || strip.Count % Values != 0)
        {
            throw new ArgumentException(
                $"An Int4 weight [N, K] in groups of a multiple of {Values} along K may only be used as the right side Wᵀ.");
        }

        for (int panel = 0; panel < strip.Panels; panel++)
        {
            uint* to = panels + (panel * panelSize);
            for (int position = 0; position < strip.Width; position++)
            {
                int row = strip.First + (panel * strip.Distance) + position;
                bool exists = row < source.Positions;
                byte* from = (byte*)source.Start + ((((nint)row * source.PositionStride) + strip.K) / 2);
                for (int step = 0; step < strip.Count / Values; step++)
                {
                    uint stored = exists ? BinaryPrimitives.ReadUInt32LittleEndian(new ReadOnlySpan<byte>(from + (step * 4), 4)) : Zero;
                    to[(step * strip.Width) + position] = Interleaved(stored);
                }

                float scale = exists ? source.ScaleOf(row, strip.K) : 0;
                ((float*)to)[(strip.Count / Values * strip.Width) + position] = scale;
            }
        }
    }

    /// <summary>Turns a block of K of one panel into <see cref="PanelFormat.UInt8Quads"/>.</summary>
    /// <param name="octets">The panel in memory.</param>
    /// <param name="steps">Its steps.</param>
    /// <param name="width">Elements per step, a multiple of 8.</param>
    /// <param name="quads">Receives twice as many steps, and the scales.</param>
    internal static void Spread(uint* octets, int steps, int width, uint* quads)
    {
        for (int step = 0; step < steps; step++)
        {
            uint* even = quads + (2 * step * width);
            for (int position = 0; position < width; position += Vector256<uint>.Count)
            {
                Vector256<uint> both = Vector256.Load(octets + (step * width) + position);
                ((both & Vector256.Create(LowHalves)) + Vector256.Create(Offset)).Store(even + position);
                (((both & Vector256.Create(HighHalves)) >> 4) + Vector256.Create(Offset)).Store(even + width + position);
            }
        }

        new Span<uint>(octets + (steps * width), width).CopyTo(new Span<uint>(quads + (2 * steps * width), width));
    }

    // Half-bytes of k = 0 … 7 in order → 0 … 3 in the low halves of the bytes, 4 … 7 in the high halves.
    private static uint Interleaved(uint stored)
    {
        uint result = 0;
        for (int i = 0; i < 4; i++)
        {
            uint low = (stored >> (4 * i)) & 0xF;
            uint high = (stored >> (4 * (i + 4))) & 0xF;
            result |= (low | (high << 4)) << (8 * i);
        }

        return result;
    }
}
