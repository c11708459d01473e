// Panels of weights that lie in the blocks of a file, W [N, K] row by row, as the right side Wᵀ of a product. A block of K of one panel is
// made just before the rows of A are multiplied with it: 256 values of each of its rows become integers (BlockType) in the first-level
// cache and are arranged like Int8 weights (PanelOfInt8) in the second. Beside as many multiply-adds a weight as there are rows of A, that
// costs as much as about 20 of them for 4 bits, 30 to 40 for others (on a Zen 4). MatMulPlan sees to it that it happens once a product for
// up to 280 rows.
using System.Runtime.CompilerServices;
using Cinnabar.Numerics.Blocks;

namespace Cinnabar.Numerics.Kernels;

internal static unsafe class PanelOfBlocks
{
    private const int Alignment = 64;

    /// <summary>Writes consecutive panels.</summary>
    internal static void Pack(in PanelSource source, in PanelStrip strip, PanelFormat format, uint* panels, nint panelSize)
    {
        if (format != PanelFormat.UInt8Quads)
        {
            throw new ArgumentException($"Weights in blocks ({source.Type}) may only be used as the right side Wᵀ.");
        }

        for (int panel = 0; panel < strip.Panels; panel++)
        {
            PanelStrip one = strip with { First = strip.First + (panel * strip.Distance), Panels = 1 };
            Spread(source, one, format, panels + (panel * panelSize));
        }
    }

    /// <summary>Makes a block of K of one panel.</summary>
    /// <param name="source">The weight.</param>
    /// <param name="strip">One panel.</param>
    /// <param name="format">A format of Int8 on the right side.</param>
    /// <param name="panel">Receives its steps and scales.</param>
    [SkipLocalsInit]
    internal static void Spread(in PanelSource source, in PanelStrip strip, PanelFormat format, uint* panel)
    {
        BlockType type = BlockType.Of(source.Type);
        int valid = Math.Min(strip.Width, source.Positions - strip.First);
        nint rowBytes = (nint)source.PositionStride / type.Size * type.Bytes;
        byte* start = (byte*)source.Start + (strip.First * rowBytes);
        float* scales = stackalloc float[2 * strip.Width];
        float* inverses = scales + strip.Width;
        int bytes = sizeof(UnpackedBlocks) + (strip.Width * UnpackedBlocks.MaxValues);
        byte* memory = stackalloc byte[bytes + Alignment];
        var scratch = (UnpackedBlocks*)(((nuint)memory + Alignment - 1) & ~(nuint)(Alignment - 1));
        sbyte* integers = (sbyte*)(scratch + 1);
        for (int position = 0; position < strip.Width; position++)
        {
            scales[position] = position < valid ? source.ScaleOf(strip.First + position, strip.K) : 0;
            inverses[position] = PanelScales.InverseOf(scales[position]);
        }

        for (int k = 0; k < strip.Count; k += UnpackedBlocks.MaxValues)
        {
            int count = Math.Min(UnpackedBlocks.MaxValues, strip.Count - k);
            byte* blocks = start + ((nint)((strip.K + k) / type.Size) * type.Bytes);
            type.Round(blocks, rowBytes, valid, count, strip.Width * rowBytes, inverses, scratch, integers);
            uint* to = panel + ((nint)format.Steps(k) * strip.Width);
            PanelOfInt8.Arrange(integers, UnpackedBlocks.MaxValues, valid, count, scales, format, to, strip.Width);
        }

        PanelOfInt8.WriteScales(scales, valid, strip.Count, format, panel, strip.Width);
    }
}
