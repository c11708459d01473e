// What becomes of an element, given as the bits of an F32, in each PanelFormat. The format is a constant of the type, so a switch on it
// costs nothing at run time.
//
//   BF16    round to nearest, ties to even; NaN becomes quiet: the same bits as BFloat16.FromFloat
//   Int16   q = round(x · 2047 / max |x|), ties to even, the maximum over the position's block of K (PanelScales)
//   Int8    the same with 127
//
// An element that becomes a part of a pair or a quad is first Entered, then joined with its neighbours in k.
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Cinnabar.Numerics.Kernels;

internal interface IPanelForm
{
    static abstract PanelFormat Format { get; }
}

internal readonly struct FloatForm : IPanelForm
{
    public static PanelFormat Format => PanelFormat.Floats;
}

internal readonly struct RoundedFloatForm : IPanelForm
{
    public static PanelFormat Format => PanelFormat.RoundedFloats;
}

internal readonly struct Int16FloatForm : IPanelForm
{
    public static PanelFormat Format => PanelFormat.Int16Floats;
}

internal readonly struct Int8FloatForm : IPanelForm
{
    public static PanelFormat Format => PanelFormat.Int8Floats;
}

internal readonly struct BFloat16PairForm : IPanelForm
{
    public static PanelFormat Format => PanelFormat.BFloat16Pairs;
}

internal readonly struct Int16PairForm : IPanelForm
{
    public static PanelFormat Format => PanelFormat.Int16Pairs;
}

internal readonly struct Int8PairForm : IPanelForm
{
    public static PanelFormat Format => PanelFormat.Int8Pairs;
}

internal readonly struct Int8QuadForm : IPanelForm
{
    public static PanelFormat Format => PanelFormat.Int8Quads;
}

internal readonly struct UInt8QuadForm : IPanelForm
{
    public static PanelFormat Format => PanelFormat.UInt8Quads;
}

internal static class PanelForm
{
    private const uint UpperHalf = 0xFFFF_0000;
    private const uint LowerHalf = 0x0000_FFFF;
    private const uint LowByte = 0x0000_00FF;
    private const uint QuietBit = 0x0040_0000;

    /// <summary>128 in each byte: turns four signed bytes into bytes that are larger by 128.</summary>
    internal const uint Offset = 0x8080_8080;

    /// <summary>An element before it is paired.</summary>
    /// <param name="bits">The F32.</param>
    /// <param name="inverse">1 / scale, for scaled formats.</param>
    /// <param name="scale">max / Limit, for scaled formats.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static uint Enter<TForm>(uint bits, float inverse, float scale)
        where TForm : struct, IPanelForm => TForm.Format switch
    {
        PanelFormat.Floats => bits,
        PanelFormat.RoundedFloats or PanelFormat.BFloat16Pairs => (uint)BFloat16.FromFloat(BitConverter.UInt32BitsToSingle(bits)) << 16,
        PanelFormat.Int16Floats or PanelFormat.Int8Floats =>
            BitConverter.SingleToUInt32Bits(MathF.Round(BitConverter.UInt32BitsToSingle(bits) * inverse) * scale),
        _ => (uint)(int)MathF.Round(BitConverter.UInt32BitsToSingle(bits) * inverse),
    };

    /// <inheritdoc cref="Enter{TForm}(uint, float, float)"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector256<uint> Enter<TForm>(Vector256<uint> bits, Vector256<float> inverse, Vector256<float> scale)
        where TForm : struct, IPanelForm => TForm.Format switch
    {
        PanelFormat.Floats => bits,
        PanelFormat.RoundedFloats or PanelFormat.BFloat16Pairs => Round(bits),
        PanelFormat.Int16Floats or PanelFormat.Int8Floats => (Vector256.Round(bits.AsSingle() * inverse) * scale).AsUInt32(),
        _ => Avx.ConvertToVector256Int32(bits.AsSingle() * inverse).AsUInt32(),
    };

    /// <inheritdoc cref="Enter{TForm}(uint, float, float)"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector512<uint> Enter<TForm>(Vector512<uint> bits, Vector512<float> inverse, Vector512<float> scale)
        where TForm : struct, IPanelForm => TForm.Format switch
    {
        PanelFormat.Floats => bits,
        PanelFormat.RoundedFloats or PanelFormat.BFloat16Pairs => Round(bits),
        PanelFormat.Int16Floats or PanelFormat.Int8Floats => (Vector512.Round(bits.AsSingle() * inverse) * scale).AsUInt32(),
        _ => Avx512F.ConvertToVector512Int32(bits.AsSingle() * inverse).AsUInt32(),
    };

    /// <summary>Two elements in one: <paramref name="even"/> in the lower half, <paramref name="odd"/> in the upper.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static uint Pair<TForm>(uint even, uint odd)
        where TForm : struct, IPanelForm =>
        TForm.Format == PanelFormat.BFloat16Pairs ? (even >> 16) | odd : (even & LowerHalf) | (odd << 16);

    /// <inheritdoc cref="Pair{TForm}(uint, uint)"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector256<uint> Pair<TForm>(Vector256<uint> even, Vector256<uint> odd)
        where TForm : struct, IPanelForm =>
        TForm.Format == PanelFormat.BFloat16Pairs ? (even >> 16) | odd : (even & Vector256.Create(LowerHalf)) | (odd << 16);

    /// <inheritdoc cref="Pair{TForm}(uint, uint)"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector512<uint> Pair<TForm>(Vector512<uint> even, Vector512<uint> odd)
        where TForm : struct, IPanelForm =>
        TForm.Format == PanelFormat.BFloat16Pairs ? (even >> 16) | odd : (even & Vector512.Create(LowerHalf)) | (odd << 16);

    /// <summary>Four integers in one element, the first in the low byte.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static uint Quad<TForm>(uint first, uint second, uint third, uint fourth)
        where TForm : struct, IPanelForm
    {
        uint quad = (first & LowByte) | ((second & LowByte) << 8) | ((third & LowByte) << 16) | (fourth << 24);
        return TForm.Format == PanelFormat.UInt8Quads ? quad ^ Offset : quad;
    }

    /// <inheritdoc cref="Quad{TForm}(uint, uint, uint, uint)"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector256<uint> Quad<TForm>(
        Vector256<uint> first, Vector256<uint> second, Vector256<uint> third, Vector256<uint> fourth)
        where TForm : struct, IPanelForm
    {
        Vector256<uint> low = Vector256.Create(LowByte);
        Vector256<uint> quad = (first & low) | ((second & low) << 8) | ((third & low) << 16) | (fourth << 24);
        return TForm.Format == PanelFormat.UInt8Quads ? quad ^ Vector256.Create(Offset) : quad;
    }

    /// <inheritdoc cref="Quad{TForm}(uint, uint, uint, uint)"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector512<uint> Quad<TForm>(
        Vector512<uint> first, Vector512<uint> second, Vector512<uint> third, Vector512<uint> fourth)
        where TForm : struct, IPanelForm
    {
        Vector512<uint> low = Vector512.Create(LowByte);
        Vector512<uint> quad = (first & low) | ((second & low) << 8) | ((third & low) << 16) | (fourth << 24);
        return TForm.Format == PanelFormat.UInt8Quads ? quad ^ Vector512.Create(Offset) : quad;
    }

    private static Vector256<uint> Round(Vector256<uint> bits)
    {
        Vector256<uint> rounded = bits + Vector256.Create(0x7FFFu) + ((bits >> 16) & Vector256<uint>.One);
        Vector256<float> value = bits.AsSingle();
        Vector256<uint> number = Vector256.Equals(value, value).AsUInt32();
        return Vector256.ConditionalSelect(number, rounded, bits | Vector256.Create(QuietBit)) & Vector256.Create(UpperHalf);
    }

    private static Vector512<uint> Round(Vector512<uint> bits)
    {
        Vector512<uint> rounded = bits + Vector512.Create(0x7FFFu) + ((bits >> 16) & Vector512<uint>.One);
        Vector512<float> value = bits.AsSingle();
        Vector512<uint> number = Vector512.Equals(value, value).AsUInt32();
        return Vector512.ConditionalSelect(number, rounded, bits | Vector512.Create(QuietBit)) & Vector512.Create(UpperHalf);
    }
}
