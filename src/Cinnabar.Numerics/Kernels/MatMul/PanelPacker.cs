// Rearranges a strip of an operand into a panel (Goto and van de Geijn 2008, "Anatomy of high-performance matrix
// multiplication", §4): panel[step][position], so that a tile kernel reads memory strictly forward.
//
// A position is a row of A or a column of B. Sources come in two orders: positions contiguous (rows are copied) or k
// contiguous (4 × 16 or 4 × 8 blocks are transposed in registers). Positions behind the last one are filled with zeros or
// repeat an existing one; no tile kernel lets them reach C, they only must not be slow (denormal) garbage.
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
    // Rows of the source that are spread over panels before the next rows: even, for pairs; 8 … 32 measured alike, 64 slower.
    private const int RowsAtOnce = 16;

    /// <summary>Steps that <paramref name="k"/> values of k take in <paramref name="format"/>.</summary>
    internal static int Steps(int k, PanelFormat format) => Steps(k, format == PanelFormat.BFloat16Pairs);

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
        nint offset = ((nint)strip.First * source.PositionStride) + ((nint)strip.K * source.KStride);
        byte* start = (byte*)source.Start + (offset * TElement.Size);
        nint panelDistance = (nint)strip.Distance * source.PositionStride * TElement.Size;
        int left = source.Positions - strip.First;

        // K contiguous: panel after panel. Positions contiguous: some rows of the source, whatever panel they belong to, then the next.
        bool transpose = source.KStride == 1;
        int chunk = transpose ? strip.Count : RowsAtOnce;
        for (int k = 0; k < strip.Count; k += chunk)
        {
            for (int panel = 0; panel < strip.Panels; panel++)
            {
                byte* from = start + (panel * panelDistance) + (k * (nint)source.KStride * TElement.Size);
                uint* to = panels + (panel * panelSize) + ((nint)Steps(k, pairs) * strip.Width);
                int valid = Math.Min(strip.Width, left - (panel * strip.Distance));
                if (transpose)
                {
                    nint next = panel + 1 < strip.Panels ? panelDistance : 0;
                    PanelTransposer.Pack<TElement>(
                        from, (nint)source.PositionStride * TElement.Size, valid, next, strip.Count, pairs, to, strip.Width);
                }
                else
                {
                    int count = Math.Min(chunk, strip.Count - k);
                    PanelCopier.Pack<TElement>(from, (nint)source.KStride * TElement.Size, valid, count, pairs, to, strip.Width);
                }
            }
        }
    }

    private static int Steps(int k, bool pairs) => pairs ? (k + 1) / 2 : k;
}
