// Packing from a source whose k is contiguous: lane p of panel row k is element (p, k).
//
// Four consecutive k of positions p, p+4, p+8, p+12 are loaded into the four 128-bit parts of one register (loads with insertion,
// which cost no shuffle). Four such registers, p = 0 … 3, then need only a 4 × 4 transposition inside each part:
//   in[p]  = [p k0 k1 k2 k3 | p+4 k0 … k3 | p+8 … | p+12 …]
//   out[j] = [0 1 2 3 | 4 5 6 7 | 8 … 11 | 12 … 15] at k_j
// which is 8 shuffles for 64 elements.
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Cinnabar.Numerics.Kernels;

internal static unsafe class PanelTransposer
{
    private const int MaxLanes = 16;
    private const int Line = 64;

    /// <summary>Packs one panel.</summary>
    /// <param name="source">Position 0 at the first k.</param>
    /// <param name="stride">Bytes from one position to the next.</param>
    /// <param name="valid">Existing positions, at least 1; others repeat the last of them or are zero.</param>
    /// <param name="next">Bytes to the panel that will be packed next, which is fetched meanwhile; 0: none.</param>
    /// <param name="count">Values of k.</param>
    /// <param name="inverses">Of each position, for scaled formats.</param>
    /// <param name="scales">Of each position, for scaled formats.</param>
    /// <param name="panel">The first step.</param>
    /// <param name="width">Elements per step.</param>
    internal static void Pack<TElement, TForm>(
        byte* source, nint stride, int valid, nint next, int count, float* inverses, float* scales, uint* panel, int width)
        where TElement : struct, IPanelElement
        where TForm : struct, IPanelForm
    {
        for (int position = 0; position < width;)
        {
            int lanes = width - position >= 16 && Avx512F.IsSupported ? 16 : width - position >= 8 && Avx2.IsSupported ? 8 : 1;
            if (position < valid)
            {
                byte* first = source + (position * stride);
                int existing = Math.Min(lanes, valid - position);
                Lanes<TElement, TForm>(
                    first, stride, existing, lanes, next, count, inverses + position, scales + position, panel + position, width);
            }
            else
            {
                for (int step = 0; step < TForm.Format.Steps(count); step++)
                {
                    new Span<uint>(panel + ((nint)step * width) + position, lanes).Clear();
                }
            }

            position += lanes;
        }
    }

    [SkipLocalsInit]
    private static void Lanes<TElement, TForm>(
        byte* source, nint stride, int valid, int lanes, nint next, int count, float* inverses, float* scales, uint* panel, int width)
        where TElement : struct, IPanelElement
        where TForm : struct, IPanelForm
    {
        byte** rows = stackalloc byte*[MaxLanes];
        for (int lane = 0; lane < lanes; lane++)
        {
            rows[lane] = source + (Math.Min(lane, valid - 1) * stride);
        }

        int k = 0;
        for (; lanes > 1 && k + 4 <= count; k += 4)
        {
            nint at = (nint)k * TElement.Size;
            if (at % Line == 0 && next != 0)
            {
                for (int lane = 0; lane < lanes; lane++)
                {
                    Sse.Prefetch1(rows[lane] + at + next);
                }
            }

            uint* to = panel + ((nint)TForm.Format.Steps(k) * width);
            if (lanes == 16)
            {
                Block16<TElement, TForm>(rows, at, inverses, scales, to, width);
            }
            else
            {
                Block8<TElement, TForm>(rows, at, inverses, scales, to, width);
            }
        }

        for (; k < count; k += TForm.Format.ValuesPerElement())
        {
            uint* step = panel + ((nint)TForm.Format.Steps(k) * width);
            for (int lane = 0; lane < lanes; lane++)
            {
                float inverse = TForm.Format.IsScaled() ? inverses[lane] : 0;
                float scale = TForm.Format.IsScaled() ? scales[lane] : 0;
                step[lane] = Element<TElement, TForm>(rows[lane], k, count, inverse, scale);
            }
        }
    }

    // The values of k behind the last are zero.
    private static uint Element<TElement, TForm>(byte* row, int k, int count, float inverse, float scale)
        where TElement : struct, IPanelElement
        where TForm : struct, IPanelForm
    {
        Span<uint> values = stackalloc uint[4];
        for (int i = 0; i < TForm.Format.ValuesPerElement(); i++)
        {
            bool exists = k + i < count;
            values[i] = exists ? PanelForm.Enter<TForm>(TElement.One(row + ((nint)(k + i) * TElement.Size)), inverse, scale) : 0;
        }

        return TForm.Format.ValuesPerElement() switch
        {
            1 => values[0],
            2 => PanelForm.Pair<TForm>(values[0], values[1]),
            _ => PanelForm.Quad<TForm>(values[0], values[1], values[2], values[3]),
        };
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Block16<TElement, TForm>(byte** rows, nint at, float* inverses, float* scales, uint* panel, int width)
        where TElement : struct, IPanelElement
        where TForm : struct, IPanelForm
    {
        Vector512<float> in0 = Gather16<TElement>(rows, at);
        Vector512<float> in1 = Gather16<TElement>(rows + 1, at);
        Vector512<float> in2 = Gather16<TElement>(rows + 2, at);
        Vector512<float> in3 = Gather16<TElement>(rows + 3, at);
        Vector512<double> low01 = Avx512F.UnpackLow(in0, in1).AsDouble(); // 0k0 1k0 0k1 1k1
        Vector512<double> low23 = Avx512F.UnpackLow(in2, in3).AsDouble(); // 2k0 3k0 2k1 3k1
        Vector512<double> high01 = Avx512F.UnpackHigh(in0, in1).AsDouble(); // 0k2 1k2 0k3 1k3
        Vector512<double> high23 = Avx512F.UnpackHigh(in2, in3).AsDouble(); // 2k2 3k2 2k3 3k3
        Vector512<float> inverse = TForm.Format.IsScaled() ? Vector512.Load(inverses) : default;
        Vector512<float> scale = TForm.Format.IsScaled() ? Vector512.Load(scales) : default;
        Vector512<uint> out0 = PanelForm.Enter<TForm>(Avx512F.UnpackLow(low01, low23).AsUInt32(), inverse, scale);
        Vector512<uint> out1 = PanelForm.Enter<TForm>(Avx512F.UnpackHigh(low01, low23).AsUInt32(), inverse, scale);
        Vector512<uint> out2 = PanelForm.Enter<TForm>(Avx512F.UnpackLow(high01, high23).AsUInt32(), inverse, scale);
        Vector512<uint> out3 = PanelForm.Enter<TForm>(Avx512F.UnpackHigh(high01, high23).AsUInt32(), inverse, scale);
        switch (TForm.Format.ValuesPerElement())
        {
            case 4:
                PanelForm.Quad<TForm>(out0, out1, out2, out3).Store(panel);
                return;
            case 2:
                PanelForm.Pair<TForm>(out0, out1).Store(panel);
                PanelForm.Pair<TForm>(out2, out3).Store(panel + width);
                return;
        }

        out0.Store(panel);
        out1.Store(panel + width);
        out2.Store(panel + (2 * width));
        out3.Store(panel + (3 * width));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Gather16<TElement>(byte** rows, nint at)
        where TElement : struct, IPanelElement
    {
        Vector512<uint> parts = TElement.Four(rows[0] + at).ToVector256Unsafe().ToVector512Unsafe();
        parts = Avx512F.InsertVector128(parts, TElement.Four(rows[4] + at), 1);
        parts = Avx512F.InsertVector128(parts, TElement.Four(rows[8] + at), 2);
        return Avx512F.InsertVector128(parts, TElement.Four(rows[12] + at), 3).AsSingle();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Block8<TElement, TForm>(byte** rows, nint at, float* inverses, float* scales, uint* panel, int width)
        where TElement : struct, IPanelElement
        where TForm : struct, IPanelForm
    {
        Vector256<float> in0 = Gather8<TElement>(rows, at);
        Vector256<float> in1 = Gather8<TElement>(rows + 1, at);
        Vector256<float> in2 = Gather8<TElement>(rows + 2, at);
        Vector256<float> in3 = Gather8<TElement>(rows + 3, at);
        Vector256<double> low01 = Avx.UnpackLow(in0, in1).AsDouble();
        Vector256<double> low23 = Avx.UnpackLow(in2, in3).AsDouble();
        Vector256<double> high01 = Avx.UnpackHigh(in0, in1).AsDouble();
        Vector256<double> high23 = Avx.UnpackHigh(in2, in3).AsDouble();
        Vector256<float> inverse = TForm.Format.IsScaled() ? Vector256.Load(inverses) : default;
        Vector256<float> scale = TForm.Format.IsScaled() ? Vector256.Load(scales) : default;
        Vector256<uint> out0 = PanelForm.Enter<TForm>(Avx.UnpackLow(low01, low23).AsUInt32(), inverse, scale);
        Vector256<uint> out1 = PanelForm.Enter<TForm>(Avx.UnpackHigh(low01, low23).AsUInt32(), inverse, scale);
        Vector256<uint> out2 = PanelForm.Enter<TForm>(Avx.UnpackLow(high01, high23).AsUInt32(), inverse, scale);
        Vector256<uint> out3 = PanelForm.Enter<TForm>(Avx.UnpackHigh(high01, high23).AsUInt32(), inverse, scale);
        switch (TForm.Format.ValuesPerElement())
        {
            case 4:
                PanelForm.Quad<TForm>(out0, out1, out2, out3).Store(panel);
                return;
            case 2:
                PanelForm.Pair<TForm>(out0, out1).Store(panel);
                PanelForm.Pair<TForm>(out2, out3).Store(panel + width);
                return;
        }

        out0.Store(panel);
        out1.Store(panel + width);
        out2.Store(panel + (2 * width));
        out3.Store(panel + (3 * width));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Gather8<TElement>(byte** rows, nint at)
        where TElement : struct, IPanelElement =>
        TElement.Four(rows[0] + at).ToVector256Unsafe().WithUpper(TElement.Four(rows[4] + at)).AsSingle();
}
