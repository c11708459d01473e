// Packing from a source whose positions are contiguous: row k of the source is row k (or half of row k/2) of the panel.
using System.Runtime.CompilerServices;
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
    /// <param name="inverses">Of each position, for scaled formats.</param>
    /// <param name="scales">Of each position, for scaled formats.</param>
    /// <param name="panel">The first step.</param>
    /// <param name="width">Elements per step.</param>
    internal static void Pack<TElement, TForm>(
        byte* source, nint stride, int valid, int count, float* inverses, float* scales, uint* panel, int width)
        where TElement : struct, IPanelElement
        where TForm : struct, IPanelForm
    {
        int position = 0;
        for (; Avx512F.IsSupported && position + 16 <= valid; position += 16)
        {
            byte* from = source + (position * TElement.Size);
            Sixteen<TElement, TForm>(from, stride, count, inverses + position, scales + position, panel + position, width);
        }

        for (; Avx2.IsSupported && position + 8 <= valid; position += 8)
        {
            byte* from = source + (position * TElement.Size);
            Eight<TElement, TForm>(from, stride, count, inverses + position, scales + position, panel + position, width);
        }

        for (; position < width; position++)
        {
            byte* from = source + (position * TElement.Size);
            One<TElement, TForm>(from, stride, position < valid, count, inverses + position, scales + position, panel + position, width);
        }
    }

    private static void Sixteen<TElement, TForm>(
        byte* source, nint stride, int count, float* inverses, float* scales, uint* panel, int width)
        where TElement : struct, IPanelElement
        where TForm : struct, IPanelForm
    {
        Vector512<float> inverse = TForm.Format.IsScaled() ? Vector512.Load(inverses) : default;
        Vector512<float> scale = TForm.Format.IsScaled() ? Vector512.Load(scales) : default;
        int values = TForm.Format.ValuesPerElement();
        for (int k = 0; k < count; k += values)
        {
            Vector512<uint> element = SixteenAt<TElement, TForm>(source, stride, k, count, inverse, scale);
            if (values == 2)
            {
                element = PanelForm.Pair<TForm>(element, SixteenAt<TElement, TForm>(source, stride, k + 1, count, inverse, scale));
            }
            else if (values == 4)
            {
                element = PanelForm.Quad<TForm>(
                    element,
                    SixteenAt<TElement, TForm>(source, stride, k + 1, count, inverse, scale),
                    SixteenAt<TElement, TForm>(source, stride, k + 2, count, inverse, scale),
                    SixteenAt<TElement, TForm>(source, stride, k + 3, count, inverse, scale));
            }

            element.Store(panel);
            panel += width;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<uint> SixteenAt<TElement, TForm>(
        byte* source, nint stride, int k, int count, Vector512<float> inverse, Vector512<float> scale)
        where TElement : struct, IPanelElement
        where TForm : struct, IPanelForm
    {
        Sse.Prefetch1(source + ((k + count) * stride));
        return k < count ? PanelForm.Enter<TForm>(TElement.Sixteen(source + (k * stride)), inverse, scale) : default;
    }

    private static void Eight<TElement, TForm>(
        byte* source, nint stride, int count, float* inverses, float* scales, uint* panel, int width)
        where TElement : struct, IPanelElement
        where TForm : struct, IPanelForm
    {
        Vector256<float> inverse = TForm.Format.IsScaled() ? Vector256.Load(inverses) : default;
        Vector256<float> scale = TForm.Format.IsScaled() ? Vector256.Load(scales) : default;
        int values = TForm.Format.ValuesPerElement();
        for (int k = 0; k < count; k += values)
        {
            Vector256<uint> element = EightAt<TElement, TForm>(source, stride, k, count, inverse, scale);
            if (values == 2)
            {
                element = PanelForm.Pair<TForm>(element, EightAt<TElement, TForm>(source, stride, k + 1, count, inverse, scale));
            }
            else if (values == 4)
            {
                element = PanelForm.Quad<TForm>(
                    element,
                    EightAt<TElement, TForm>(source, stride, k + 1, count, inverse, scale),
                    EightAt<TElement, TForm>(source, stride, k + 2, count, inverse, scale),
                    EightAt<TElement, TForm>(source, stride, k + 3, count, inverse, scale));
            }

            element.Store(panel);
            panel += width;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<uint> EightAt<TElement, TForm>(
        byte* source, nint stride, int k, int count, Vector256<float> inverse, Vector256<float> scale)
        where TElement : struct, IPanelElement
        where TForm : struct, IPanelForm
    {
        Sse.Prefetch1(source + ((k + count) * stride));
        return k < count ? PanelForm.Enter<TForm>(TElement.Eight(source + (k * stride)), inverse, scale) : default;
    }

    private static void One<TElement, TForm>(
        byte* source, nint stride, bool exists, int count, float* inverses, float* scales, uint* panel, int width)
        where TElement : struct, IPanelElement
        where TForm : struct, IPanelForm
    {
        float inverse = TForm.Format.IsScaled() ? *inverses : 0;
        float scale = TForm.Format.IsScaled() ? *scales : 0;
        int values = TForm.Format.ValuesPerElement();
        for (int k = 0; k < count; k += values)
        {
            uint element = At(k);
            if (values == 2)
            {
                element = PanelForm.Pair<TForm>(element, At(k + 1));
            }
            else if (values == 4)
            {
                element = PanelForm.Quad<TForm>(element, At(k + 1), At(k + 2), At(k + 3));
            }

            *panel = element;
            panel += width;
        }

        uint At(int k) => exists && k < count ? PanelForm.Enter<TForm>(TElement.One(source + (k * stride)), inverse, scale) : 0;
    }
}
