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

        float* scales = stackalloc float[strip.Width];
        new Span<float>(scales, strip.Width).Clear();
        for (int panel = 0; panel < strip.Panels; panel++)
        {
            int first = strip.First + (panel * strip.Distance);
            int valid = Math.Min(strip.Width, source.Positions - first);
            for (int position = 0; position < valid; position++)
            {
                scales[position] = source.ScaleOf(first + position, strip.K);
            }

            sbyte* from = (sbyte*)source.Start + ((nint)first * source.PositionStride) + strip.K;
            uint* to = panels + (panel * panelSize);
            Arrange(from, source.PositionStride, valid, strip.Count, scales, format, to, strip.Width);
            WriteScales(scales, valid, strip.Count, format, to, strip.Width);
        }
    }

    /// <summary>Writes the steps of one panel; positions behind the last are zero.</summary>
    /// <param name="from">Position 0 at the first k.</param>
    /// <param name="stride">Bytes from one position to the next.</param>
    /// <param name="valid">Existing positions, at least 1.</param>
    /// <param name="count">Values of k, a multiple of 4 in scaled formats.</param>
    /// <param name="scales">Of each position of the panel, the same for all k.</param>
    /// <param name="format">Form of the elements.</param>
    /// <param name="to">Receives the steps.</param>
    /// <param name="width">Elements per step.</param>
    internal static void Arrange(
        sbyte* from, nint stride, int valid, int count, float* scales, PanelFormat format, uint* to, int width)
    {
        switch (format)
        {
            case PanelFormat.UInt8Quads:
                PanelTransposer.Pack<QuadElement, FloatForm>((byte*)from, stride, valid, 0, format.Steps(count), null, null, to, width);
                break;
            case PanelFormat.Int8Pairs:
                PanelTransposer.Pack<PairElement, FloatForm>((byte*)from, stride, valid, 0, format.Steps(count), null, null, to, width);
                break;
            default:
                // For processors without integer products, floats that the F32 kernel multiplies: round(q · 1) · scale.
                float* ones = stackalloc float[width];
                new Span<float>(ones, width).Fill(1);
                PanelTransposer.Pack<SByteElement, Int8FloatForm>((byte*)from, stride, valid, 0, count, ones, scales, to, width);
                break;
        }
    }

    /// <summary>Writes the scales of a panel behind its steps, where the format has them there.</summary>
    internal static void WriteScales(float* scales, int valid, int count, PanelFormat format, uint* panel, int width)
    {
        if (format.PanelRows(count) > format.Steps(count))
        {
            Span<float> behind = new(panel + ((nint)format.Steps(count) * width), width);
            new Span<float>(scales, valid).CopyTo(behind);
            behind[valid..].Clear();
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

    // One byte as a float.
    private readonly struct SByteElement : IPanelElement
    {
        public static int Size => sizeof(sbyte);

        public static uint One(byte* source) => BitConverter.SingleToUInt32Bits(*(sbyte*)source);

        public static Vector128<uint> Four(byte* source) => Vector128.ConvertToSingle(Vector128.WidenLower(Vector128.WidenLower(
            Vector128.CreateScalarUnsafe(Unsafe.ReadUnaligned<uint>(source)).AsSByte()))).AsUInt32();

        public static Vector256<uint> Eight(byte* source) => Vector256.Create(Four(source), Four(source + 4));

        public static Vector512<uint> Sixteen(byte* source) => Vector512.Create(Eight(source), Eight(source + 8));
    }
}
