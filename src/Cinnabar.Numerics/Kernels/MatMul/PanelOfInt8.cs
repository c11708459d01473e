// Panels of weights that are integers already, W [N, K] with a scale for each row, as the right side Wᵀ of a product: nothing is rounded,
// four neighbours in k are one element of 32 bits, and 128 is added to each. And what the left side needs for that:
//
//   Σ_k a·w = Σ_k a·(w + 128) − 128·Σ_k a
//
// Processors that multiply pairs of 16-bit integers only get two neighbours in an element, and no 128.
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Cinnabar.Numerics.Kernels;

internal static unsafe class PanelOfInt8
{
    private const int Values = 4;

    /// <summary>Writes consecutive panels; positions behind the last are zero.</summary>
    internal static void Pack(in PanelSource source, in PanelStrip strip, PanelFormat format, uint* panels, nint panelSize)
    {
        if (source.KStride != 1 || (strip.Count % Values != 0 && format.IsScaled()))
        {
            throw new ArgumentException($"An Int8 weight [N, K] with K a multiple of {Values} may only be used as the right side Wᵀ.");
        }

        for (int panel = 0; panel < strip.Panels; panel++)
        {
            int first = strip.First + (panel * strip.Distance);
            int valid = Math.Min(strip.Width, source.Positions - first);
            sbyte* from = (sbyte*)source.Start + ((nint)first * source.PositionStride) + strip.K;
            uint* to = panels + (panel * panelSize);
            if (format is PanelFormat.UInt8Quads or PanelFormat.Int8Pairs)
            {
                int steps = format.Steps(strip.Count);
                if (format == PanelFormat.UInt8Quads)
                {
                    PanelTransposer.Pack<QuadElement, FloatForm>(
                        (byte*)from, source.PositionStride, valid, 0, steps, null, null, to, strip.Width);
                }
                else
                {
                    PanelTransposer.Pack<PairElement, FloatForm>(
                        (byte*)from, source.PositionStride, valid, 0, steps, null, null, to, strip.Width);
                }

                Span<float> scales = new(to + ((nint)steps * strip.Width), strip.Width);
                for (int position = 0; position < scales.Length; position++)
                {
                    scales[position] = position < valid ? source.ScaleOf(first + position, strip.K) : 0;
                }
            }
            else
            {
                Widen(source, first, valid, strip, (float*)to);
            }
        }
    }

    /// <summary>Writes −128·Σ_k q of each position of a panel of signed quads, behind its scales.</summary>
    internal static void WriteCorrection(uint* panel, int steps, int width)
    {
        Vector256<byte> ones = Vector256.Create((byte)1);
        Vector256<short> negative = Vector256.Create((short)-128);
        for (int position = 0; position < width; position += Vector256<int>.Count)
        {
            Vector256<int> sum = Vector256<int>.Zero;
            for (int step = 0; step < steps; step++)
            {
                Vector256<sbyte> quads = Vector256.Load((sbyte*)(panel + ((nint)step * width) + position));
                sum += Avx2.MultiplyAddAdjacent(Avx2.MultiplyAddAdjacent(ones, quads), negative);
            }

            sum.Store((int*)panel + ((nint)(steps + 1) * width) + position);
        }
    }

    // For processors without integer products: floats that the F32 kernel multiplies. Happens once a weight.
    private static void Widen(in PanelSource source, int first, int valid, in PanelStrip strip, float* panel)
    {
        for (int position = 0; position < strip.Width; position++)
        {
            sbyte* row = (sbyte*)source.Start + ((nint)(first + position) * source.PositionStride);
            for (int k = 0; k < strip.Count; k++)
            {
                float value = position < valid ? row[strip.K + k] * source.ScaleOf(first + position, strip.K + k) : 0;
                panel[((nint)k * strip.Width) + position] = value;
            }
        }
    }

    // Two bytes, each widened to 16 bits.
    private readonly struct PairElement : IPanelElement
    {
        public static int Size => sizeof(ushort);

        public static uint One(byte* source) => Half(source[0]) | (Half(source[1]) << 16);

        private static uint Half(byte value) => (uint)(sbyte)value & 0xFFFF;

        public static Vector128<uint> Four(byte* source) =>
            Vector128.WidenLower(Vector128.CreateScalarUnsafe(Unsafe.ReadUnaligned<ulong>(source)).AsSByte()).AsUInt32();

        public static Vector256<uint> Eight(byte* source) =>
            Vector256.WidenLower(Vector128.Load((sbyte*)source).ToVector256Unsafe()).AsUInt32();

        public static Vector512<uint> Sixteen(byte* source) =>
            Vector512.WidenLower(Vector256.Load((sbyte*)source).ToVector512Unsafe()).AsUInt32();
    }

    // Four bytes, each with 128 added.
    private readonly struct QuadElement : IPanelElement
    {
        public static int Size => sizeof(uint);

        public static uint One(byte* source) => Unsafe.ReadUnaligned<uint>(source) ^ PanelForm.Offset;

        public static Vector128<uint> Four(byte* source) => Vector128.Load((uint*)source) ^ Vector128.Create(PanelForm.Offset);

        public static Vector256<uint> Eight(byte* source) => Vector256.Load((uint*)source) ^ Vector256.Create(PanelForm.Offset);

        public static Vector512<uint> Sixteen(byte* source) => Vector512.Load((uint*)source) ^ Vector512.Create(PanelForm.Offset);
    }
}
