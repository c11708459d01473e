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

internal static unsafe class PanelPacker
{
    /// <summary>Steps that <paramref name="k"/> values of k take in <paramref name="format"/>.</summary>
    internal static int Steps(int k, PanelFormat format) => format == PanelFormat.BFloat16Pairs ? (k + 1) / 2 : k;

    /// <summary>Writes the panel of positions <paramref name="first"/> … + <paramref name="width"/> − 1 for k from <paramref name="k"/>.</summary>
    internal static void Pack(in PanelSource source, int first, int width, int k, int count, PanelFormat format, void* panel)
    {
        bool pairs = format == PanelFormat.BFloat16Pairs;
        switch (source.Type, format)
        {
            case (DType.BF16, _): Pack<BFloat16Element>(source, first, width, k, count, pairs, (uint*)panel); break;
            case (_, PanelFormat.Floats): Pack<FloatElement>(source, first, width, k, count, pairs, (uint*)panel); break;
            default: Pack<RoundedFloatElement>(source, first, width, k, count, pairs, (uint*)panel); break;
        }
    }

    private static void Pack<TElement>(in PanelSource source, int first, int width, int k, int count, bool pairs, uint* panel)
        where TElement : struct, IPanelElement
    {
        byte* start = (byte*)source.Start + (TElement.Size * (((nint)first * source.PositionStride) + ((nint)k * source.KStride)));
        int valid = Math.Min(width, source.Positions - first);
        if (source.KStride == 1)
        {
            nint stride = (nint)source.PositionStride * TElement.Size;
            for (int position = 0; position < width;)
            {
                int lanes = PanelTransposer.Lanes(width - position);
                PanelTransposer.Pack<TElement>(
                    start + (position * stride), stride, Math.Min(lanes, valid - position), lanes, count, pairs, panel + position, width);
                position += lanes;
            }
        }
        else
        {
            CopyRows<TElement>(start, (nint)source.KStride * TElement.Size, valid, width, count, pairs, panel);
        }
    }

    // Positions contiguous: row k of the source is row k (or half of row k/2) of the panel.
    private static void CopyRows<TElement>(byte* start, nint stride, int valid, int width, int count, bool pairs, uint* panel)
        where TElement : struct, IPanelElement
    {
        if (pairs)
        {
            for (int k = 0; k + 1 < count; k += 2)
            {
                CopyPair<TElement>(start + (k * stride), start + ((k + 1) * stride), valid, panel + ((nint)k / 2 * width));
            }

            if (count % 2 != 0)
            {
                uint* last = panel + ((nint)count / 2 * width);
                CopyRow<TElement>(start + ((count - 1) * stride), valid, last);
                for (int position = 0; position < valid; position++)
                {
                    last[position] >>= 16;
                }
            }
        }
        else
        {
            for (int k = 0; k < count; k++)
            {
                CopyRow<TElement>(start + (k * stride), valid, panel + ((nint)k * width));
            }
        }

        for (int step = 0; valid < width && step < (pairs ? (count + 1) / 2 : count); step++)
        {
            new Span<uint>(panel + ((nint)step * width) + valid, width - valid).Clear();
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

    private static void CopyPair<TElement>(byte* even, byte* odd, int valid, uint* row)
        where TElement : struct, IPanelElement
    {
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
