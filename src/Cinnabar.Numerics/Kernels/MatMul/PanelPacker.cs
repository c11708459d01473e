// Rearranges a strip of an operand into a panel (Goto and van de Geijn 2008, "Anatomy of high-performance matrix
// multiplication", §4): panel[step][position], so that a tile kernel reads memory strictly forward.
//
// A position is a row of A or a column of B. Sources come in two orders: positions contiguous (rows are copied) or k
// contiguous (4 × 16 or 4 × 8 blocks are transposed in registers). Positions behind the last one are filled with zeros or
// repeat an existing one; no tile kernel lets them reach C, they only must not be slow (denormal) garbage.
using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace Cinnabar.Numerics.Kernels;

/// <summary>An operand seen as positions × k.</summary>
/// <param name="Start">Element (0, 0).</param>
/// <param name="Type">Stored type.</param>
/// <param name="Positions">Rows of A, or columns of B.</param>
/// <param name="PositionStride">Elements from one position to the next.</param>
/// <param name="KStride">Elements from one k to the next.</param>
/// <param name="Scales">Of a weight of integers: the scale of each group of the first position, then of the next.</param>
/// <param name="GroupSize">Of a weight of integers: values of k with a common scale.</param>
internal readonly unsafe record struct PanelSource(
    nint Start, DType Type, int Positions, int PositionStride, int KStride, nint Scales = 0, int GroupSize = 0)
{
    internal static PanelSource OfLeft(in Matrix a) => new(
        (nint)a.Storage.Start + (nint)Tensor.BytesOf(a.Storage.Type, a.Offset),
        a.Storage.Type,
        a.Rows,
        a.RowStride,
        a.ColumnStride,
        a.Storage.Scales is null ? 0 : (nint)(a.Storage.Scales.FloatPointer + (a.Offset / a.Storage.GroupSize)),
        a.Storage.GroupSize);

    /// <summary>The scale of a weight at a position and k; k contiguous.</summary>
    internal float ScaleOf(int position, int k) =>
        ((float*)Scales)[((nint)position * (PositionStride / GroupSize)) + (k / GroupSize)];

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

    /// <summary>Writes consecutive panels, each <paramref name="panelSize"/> elements after the one before.</summary>
    /// <param name="source">The operand.</param>
    /// <param name="strip">Which part of it; for scaled formats a whole block of K.</param>
    /// <param name="format">Form of the elements.</param>
    /// <param name="panels">Receives the panels.</param>
    /// <param name="panelSize">Elements of 32 bits from one panel to the next.</param>
    internal static void Pack(in PanelSource source, in PanelStrip strip, PanelFormat format, uint* panels, nint panelSize)
    {
        switch (source.Type)
        {
            case DType.BF16: Pack<BFloat16Element>(source, strip, format, panels, panelSize); break;
            case DType.Int8: PanelOfInt8.Pack(source, strip, format, panels, panelSize); break;
            case DType.Int4: PanelOfInt4.Pack(source, strip, panels, panelSize); break;
            case DType.F32: Pack<FloatElement>(source, strip, format, panels, panelSize); break;
            default:
                PanelOfBlocks.Pack(source, strip, format, panels, panelSize);
                break;
        }
    }

    private static void Pack<TElement>(in PanelSource source, in PanelStrip strip, PanelFormat format, uint* panels, nint panelSize)
        where TElement : struct, IPanelElement
    {
        switch (format)
        {
            case PanelFormat.Floats: Pack<TElement, FloatForm>(source, strip, panels, panelSize); break;
            case PanelFormat.RoundedFloats: Pack<TElement, RoundedFloatForm>(source, strip, panels, panelSize); break;
            case PanelFormat.Int16Floats: Pack<TElement, Int16FloatForm>(source, strip, panels, panelSize); break;
            case PanelFormat.Int8Floats: Pack<TElement, Int8FloatForm>(source, strip, panels, panelSize); break;
            case PanelFormat.BFloat16Pairs: Pack<TElement, BFloat16PairForm>(source, strip, panels, panelSize); break;
            case PanelFormat.Int16Pairs: Pack<TElement, Int16PairForm>(source, strip, panels, panelSize); break;
            case PanelFormat.Int8Pairs: Pack<TElement, Int8PairForm>(source, strip, panels, panelSize); break;
            case PanelFormat.Int8Quads: Pack<TElement, Int8QuadForm>(source, strip, panels, panelSize); break;
            case PanelFormat.UInt8Quads: Pack<TElement, UInt8QuadForm>(source, strip, panels, panelSize); break;
            default: throw new UnreachableException();
        }
    }

    [SkipLocalsInit]
    private static void Pack<TElement, TForm>(in PanelSource source, in PanelStrip strip, uint* panels, nint panelSize)
        where TElement : struct, IPanelElement
        where TForm : struct, IPanelForm
    {
        nint positionStride = (nint)source.PositionStride * TElement.Size;
        nint kStride = (nint)source.KStride * TElement.Size;
        byte* start = (byte*)source.Start + (strip.First * positionStride) + (strip.K * kStride);
        nint panelDistance = strip.Distance * positionStride;
        int left = source.Positions - strip.First;
        int lanes = TForm.Format.IsScaled() ? strip.Panels * strip.Width : 0;
        float* inverses = stackalloc float[3 * lanes];
        float* scales = inverses + lanes;
        if (TForm.Format.IsScaled())
        {
            // Unused lanes of a panel repeat the first positions of the next.
            int positions = Math.Min(left, ((strip.Panels - 1) * strip.Distance) + strip.Width);
            Span<uint> maxima = new((uint*)scales + lanes, positions);
            PanelScales.FindMaxima<TElement>(start, positionStride, kStride, strip.Count, maxima);
            for (int lane = 0; lane < lanes; lane++)
            {
                int position = (lane / strip.Width * strip.Distance) + (lane % strip.Width);
                float max = position < positions ? BitConverter.UInt32BitsToSingle(maxima[position]) : 0;
                (scales[lane], inverses[lane]) = PanelScales.Of(max, TForm.Format.Limit());
            }
        }

        for (int panel = 0; panel < strip.Panels && TForm.Format.PanelRows(strip.Count) > TForm.Format.Steps(strip.Count); panel++)
        {
            nint behind = (nint)TForm.Format.Steps(strip.Count) * strip.Width;
            new Span<float>(scales + (panel * strip.Width), strip.Width).CopyTo(
                new Span<float>(panels + (panel * panelSize) + behind, strip.Width));
        }

        // K contiguous: panel after panel. Positions contiguous: some rows of the source, whatever panel they belong to, then the next.
        bool transpose = source.KStride == 1;
        int chunk = transpose ? strip.Count : RowsAtOnce;
        for (int k = 0; k < strip.Count; k += chunk)
        {
            for (int panel = 0; panel < strip.Panels; panel++)
            {
                byte* from = start + (panel * panelDistance) + (k * kStride);
                uint* to = panels + (panel * panelSize) + ((nint)TForm.Format.Steps(k) * strip.Width);
                int valid = Math.Min(strip.Width, left - (panel * strip.Distance));
                int first = panel * strip.Width;
                if (transpose)
                {
                    nint next = panel + 1 < strip.Panels ? panelDistance : 0;
                    PanelTransposer.Pack<TElement, TForm>(
                        from, positionStride, valid, next, strip.Count, inverses + first, scales + first, to, strip.Width);
                }
                else
                {
                    int count = Math.Min(chunk, strip.Count - k);
                    PanelCopier.Pack<TElement, TForm>(from, kStride, valid, count, inverses + first, scales + first, to, strip.Width);
                }
            }
        }

        for (int panel = 0; panel < strip.Panels && TForm.Format == PanelFormat.Int8Quads; panel++)
        {
            PanelOfInt8.WriteCorrection(panels + (panel * panelSize), TForm.Format.Steps(strip.Count), strip.Width);
        }
    }
}
