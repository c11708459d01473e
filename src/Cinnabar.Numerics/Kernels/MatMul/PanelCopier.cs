// Packing from a source whose positions are contiguous: row k of the source is row k (or half of row k/2) of the panel.
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Cinnabar.Numerics.Kernels;

internal static unsafe class PanelCopier
{
    /// <summary>Packs some steps of one panel.</summary>
    /// <param name="source">Position 0 at the first k.</param>
    /// <param name="stride">Bytes from one k to the next.</param>
    /// <param name="valid">Existing positions, at least 1; the others become zero.</param>
    /// <param name="count">Values of k; those behind them are fetched meanwhile.</param>
    /// <param name="pairs">Two BF16 per element.</param>
    /// <param name="panel">The first step.</param>
    /// <param name="width">Elements per step.</param>
    internal static void Pack<TElement>(byte* source, nint stride, int valid, int count, bool pairs, uint* panel, int width)
        where TElement : struct, IPanelElement
    {
        int position = 0;
        for (; Avx512F.IsSupported && position + 16 <= valid; position += 16)
        {
            byte* from = source + (position * TElement.Size);
            int done = pairs ? Pairs16<TElement>(from, stride, count, panel + position, width) : 0;
            for (int k = done; k < count; k++)
            {
                Sse.Prefetch1(from + ((k + count) * stride));
                Vector512<uint> bits = Round<TElement>(TElement.Sixteen(from + (k * stride)));
                (pairs ? bits >> 16 : bits).Store(panel + position + ((nint)(pairs ? k / 2 : k) * width));
            }
        }

        for (; Avx2.IsSupported && position + 8 <= valid; position += 8)
        {
            byte* from = source + (position * TElement.Size);
            int done = pairs ? Pairs8<TElement>(from, stride, count, panel + position, width) : 0;
            for (int k = done; k < count; k++)
            {
                Vector256<uint> bits = Round<TElement>(TElement.Eight(from + (k * stride)));
                (pairs ? bits >> 16 : bits).Store(panel + position + ((nint)(pairs ? k / 2 : k) * width));
            }
        }

        for (; position < width; position++)
        {
            Single<TElement>(source + (position * TElement.Size), stride, position < valid, count, pairs, panel + position, width);
        }
    }

    // Whole pairs; returns how many k they hold.
    private static int Pairs16<TElement>(byte* source, nint stride, int count, uint* panel, int width)
        where TElement : struct, IPanelElement
    {
        int k = 0;
        for (; k + 2 <= count; k += 2)
        {
            Sse.Prefetch1(source + ((k + count) * stride));
            Sse.Prefetch1(source + ((k + 1 + count) * stride));
            Vector512<uint> even = Round<TElement>(TElement.Sixteen(source + (k * stride)));
            Vector512<uint> odd = Round<TElement>(TElement.Sixteen(source + ((k + 1) * stride)));
            BFloat16Bits.Pair(even, odd).Store(panel + ((nint)k / 2 * width));
        }

        return k;
    }

    private static int Pairs8<TElement>(byte* source, nint stride, int count, uint* panel, int width)
        where TElement : struct, IPanelElement
    {
        int k = 0;
        for (; k + 2 <= count; k += 2)
        {
            Vector256<uint> even = Round<TElement>(TElement.Eight(source + (k * stride)));
            Vector256<uint> odd = Round<TElement>(TElement.Eight(source + ((k + 1) * stride)));
            BFloat16Bits.Pair(even, odd).Store(panel + ((nint)k / 2 * width));
        }

        return k;
    }

    private static void Single<TElement>(byte* source, nint stride, bool exists, int count, bool pairs, uint* panel, int width)
        where TElement : struct, IPanelElement
    {
        for (int k = 0; k < count; k += pairs ? 2 : 1)
        {
            uint first = exists ? Round<TElement>(TElement.One(source + (k * stride))) : 0;
            uint second = pairs && exists && k + 1 < count ? Round<TElement>(TElement.One(source + ((k + 1) * stride))) : 0;
            panel[(nint)(pairs ? k / 2 : k) * width] = pairs ? BFloat16Bits.Pair(first, second) : first;
        }
    }

    private static Vector512<uint> Round<TElement>(Vector512<uint> bits)
        where TElement : struct, IPanelElement => TElement.NeedsRounding ? BFloat16Bits.Round(bits) : bits;

    private static Vector256<uint> Round<TElement>(Vector256<uint> bits)
        where TElement : struct, IPanelElement => TElement.NeedsRounding ? BFloat16Bits.Round(bits) : bits;

    private static uint Round<TElement>(uint bits)
        where TElement : struct, IPanelElement => TElement.NeedsRounding ? BFloat16Bits.Round(bits) : bits;
}
