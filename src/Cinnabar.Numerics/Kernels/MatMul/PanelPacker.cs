// Rearranges a strip of an operand into a panel (Goto and van de Geijn 2008, "Anatomy of high-performance matrix
// multiplication", §4): panel[step][position], so that a tile kernel reads memory strictly forward.
//
// A position is a row of A or a column of B. Sources come in two orders: positions contiguous (rows are copied) or k
// contiguous (4 × 16 or 4 × 8 blocks are transposed in registers). Positions behind the last one are filled with zeros or
// repeat an existing one; no tile kernel lets them reach C, they only must not be slow (denormal) garbage.
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Cinnabar.Numerics.Kernels;

/// <summary>An operand seen as positions × k.</summary>
/// <param name="Start">Element (0, 0).</param>
/// <param name="Type">Stored type.</param>
/// <param name="Positions">Rows of A, or columns of B.</param>
/// <param name="PositionStride">Elements from one position to the next.</param>
/// <param name="KStride">Elements from one k to the next.</param>
internal readonly unsafe record struct PanelSource(nint Start, DType Type, int Positions, int PositionStride, int KStride)
{
    internal static PanelSource OfLeft(in Matrix a) =>
        new((nint)a.Storage.Start + ((nint)a.Offset * Tensor.SizeOf(a.Storage.Type)), a.Storage.Type, a.Rows, a.RowStride, a.ColumnStride);

    internal static PanelSource OfRight(in Matrix b) => OfLeft(b.Transposed);
}

/// <summary>The part of an operand that a run of panels holds.</summary>
/// <param name="First">First position of the first panel.</param>
/// <param name="Panels">Number of panels.</param>
/// <param name="Distance">Positions from one panel to the next.</param>
/// <param name="Width">Elements per step of a panel; more than Distance if panels have unused lanes.</param>
/// <param name="K">First k.</param>
/// <param name="Count">Values of k.</param>
internal readonly record struct PanelStrip(int First, int Panels, int Distance, int Width, int K, int Count);

internal static unsafe class PanelPacker
{
    /// <summary>Steps that <paramref name="k"/> values of k take in <paramref name="format"/>.</summary>
    internal static int Steps(int k, PanelFormat format) => format == PanelFormat.BFloat16Pairs ? (k + 1) / 2 : k;

    /// <summary>Writes consecutive panels, each <paramref name="panelSize"/> elements after the one before.</summary>
    /// <param name="source">The operand.</param>
    /// <param name="strip">Which part of it.</param>
    /// <param name="format">Form of the elements.</param>
    /// <param name="panels">Receives the panels.</param>
    /// <param name="panelSize">Elements of 32 bits from one panel to the next.</param>
    internal static void Pack(in PanelSource source, in PanelStrip strip, PanelFormat format, uint* panels, nint panelSize)
    {
        bool pairs = format == PanelFormat.BFloat16Pairs;
        switch (source.Type, format)
        {
            case (DType.BF16, _): Pack<BFloat16Element>(source, strip, pairs, panels, panelSize); break;
            case (_, PanelFormat.Floats): Pack<FloatElement>(source, strip, pairs, panels, panelSize); break;
            default: Pack<RoundedFloatElement>(source, strip, pairs, panels, panelSize); break;
        }
    }

    private static void Pack<TElement>(in PanelSource source, in PanelStrip strip, bool pairs, uint* panels, nint panelSize)
        where TElement : struct, IPanelElement
    {
        byte* start = (byte*)source.Start + (TElement.Size * (((nint)strip.First * source.PositionStride) + ((nint)strip.K * source.KStride)));
        nint kStride = (nint)source.KStride * TElement.Size;
        nint positionStride = (nint)source.PositionStride * TElement.Size;
        int steps = pairs ? (strip.Count + 1) / 2 : strip.Count;

        // K contiguous: panel after panel. Positions contiguous: row after row of the source, whatever panel it belongs to.
        bool transpose = source.KStride == 1;
        for (int step = 0; !transpose && step < steps; step++)
        {
            for (int panel = 0; panel < strip.Panels; panel++)
            {
                int valid = Math.Min(strip.Width, source.Positions - strip.First - (panel * strip.Distance));
                byte* from = start + (panel * strip.Distance * positionStride);
                uint* to = panels + (panel * panelSize) + ((nint)step * strip.Width);
                if (!pairs)
                {
                    CopyRow<TElement>(from + (step * kStride), valid, to);
                }
                else
                {
                    CopyPair<TElement>(from + (2 * step * kStride), (2 * step) + 1 < strip.Count ? kStride : 0, valid, to);
                }

                for (int position = valid; position < strip.Width; position++)
                {
                    to[position] = 0;
                }
            }
        }

        for (int panel = 0; transpose && panel < strip.Panels; panel++)
        {
            int valid = Math.Min(strip.Width, source.Positions - strip.First - (panel * strip.Distance));
            byte* from = start + (panel * strip.Distance * positionStride);
            uint* to = panels + (panel * panelSize);
            for (int position = 0; position < strip.Width;)
            {
                int lanes = PanelTransposer.Lanes(strip.Width - position);
                PanelTransposer.Pack<TElement>(
                    from + (position * positionStride), positionStride, Math.Min(lanes, valid - position), lanes, strip.Count, pairs,
                    to + position, strip.Width);
                position += lanes;
            }
        }
    }

    private static void CopyRow<TElement>(byte* source, int valid, uint* row)
        where TElement : struct, IPanelElement
    {
        int position = 0;
        for (; Avx512F.IsSupported && position + 16 <= valid; position += 16)
        {
            Vector512<uint> bits = TElement.Sixteen(source + (position * TElement.Size));
            (TElement.NeedsRounding ? BFloat16Bits.Round(bits) : bits).Store(row + position);
        }

        for (; Avx2.IsSupported && position + 8 <= valid; position += 8)
        {
            Vector256<uint> bits = TElement.Eight(source + (position * TElement.Size));
            (TElement.NeedsRounding ? BFloat16Bits.Round(bits) : bits).Store(row + position);
        }

        for (; position < valid; position++)
        {
            uint bits = TElement.One(source + (position * TElement.Size));
            row[position] = TElement.NeedsRounding ? BFloat16Bits.Round(bits) : bits;
        }
    }

    // Rows k and k + 1; a distance of zero says that k + 1 does not exist.
    private static void CopyPair<TElement>(byte* even, nint distance, int valid, uint* row)
        where TElement : struct, IPanelElement
    {
        if (distance == 0)
        {
            CopyRow<TElement>(even, valid, row);
            for (int i = 0; i < valid; i++)
            {
                row[i] >>= 16;
            }

            return;
        }

        byte* odd = even + distance;
        int position = 0;
        for (; Avx512F.IsSupported && position + 16 <= valid; position += 16)
        {
            Vector512<uint> low = TElement.Sixteen(even + (position * TElement.Size));
            Vector512<uint> high = TElement.Sixteen(odd + (position * TElement.Size));
            (TElement.NeedsRounding ? BFloat16Bits.Pair(BFloat16Bits.Round(low), BFloat16Bits.Round(high)) : BFloat16Bits.Pair(low, high))
                .Store(row + position);
        }

        for (; Avx2.IsSupported && position + 8 <= valid; position += 8)
        {
            Vector256<uint> low = TElement.Eight(even + (position * TElement.Size));
            Vector256<uint> high = TElement.Eight(odd + (position * TElement.Size));
            (TElement.NeedsRounding ? BFloat16Bits.Pair(BFloat16Bits.Round(low), BFloat16Bits.Round(high)) : BFloat16Bits.Pair(low, high))
                .Store(row + position);
        }

        for (; position < valid; position++)
        {
            uint low = TElement.One(even + (position * TElement.Size));
            uint high = TElement.One(odd + (position * TElement.Size));
            row[position] = TElement.NeedsRounding ? BFloat16Bits.Pair(BFloat16Bits.Round(low), BFloat16Bits.Round(high)) : BFloat16Bits.Pair(low, high);
        }
    }
}
