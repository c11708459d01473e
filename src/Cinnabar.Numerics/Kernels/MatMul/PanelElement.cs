// How one element enters a panel: loaded from F32 or BF16, kept as the 32 bits of an F32, rounded to BF16 where asked.
// Rounding is to nearest, ties to even; NaN becomes quiet: the same bits as BFloat16.FromFloat.
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Cinnabar.Numerics.Kernels;

internal unsafe interface IPanelElement
{
    /// <summary>Bytes of a stored element.</summary>
    static abstract int Size { get; }

    /// <summary>Whether loaded bits must still be rounded to BF16.</summary>
    static abstract bool NeedsRounding { get; }

    static abstract uint One(byte* source);

    static abstract Vector128<uint> Four(byte* source);

    static abstract Vector256<uint> Eight(byte* source);

    static abstract Vector512<uint> Sixteen(byte* source);
}

internal readonly unsafe struct FloatElement : IPanelElement
{
    public static int Size => sizeof(float);

    public static bool NeedsRounding => false;

    public static uint One(byte* source) => *(uint*)source;

    public static Vector128<uint> Four(byte* source) => Vector128.Load((uint*)source);

    public static Vector256<uint> Eight(byte* source) => Vector256.Load((uint*)source);

    public static Vector512<uint> Sixteen(byte* source) => Vector512.Load((uint*)source);
}

internal readonly unsafe struct RoundedFloatElement : IPanelElement
{
    public static int Size => sizeof(float);

    public static bool NeedsRounding => true;

    public static uint One(byte* source) => *(uint*)source;

    public static Vector128<uint> Four(byte* source) => Vector128.Load((uint*)source);

    public static Vector256<uint> Eight(byte* source) => Vector256.Load((uint*)source);

    public static Vector512<uint> Sixteen(byte* source) => Vector512.Load((uint*)source);
}

internal readonly unsafe struct BFloat16Element : IPanelElement
{
    public static int Size => sizeof(ushort);

    public static bool NeedsRounding => false;

    public static uint One(byte* source) => (uint)*(ushort*)source << 16;

    // 64 bits hold four elements; a full 128-bit load could pass the end of the tensor.
    public static Vector128<uint> Four(byte* source) =>
        Vector128.WidenLower(Vector128.CreateScalarUnsafe(*(ulong*)source).AsUInt16()) << 16;

    public static Vector256<uint> Eight(byte* source) => Vector256.WidenLower(Vector128.Load((ushort*)source).ToVector256Unsafe()) << 16;

    public static Vector512<uint> Sixteen(byte* source) => Vector512.WidenLower(Vector256.Load((ushort*)source).ToVector512Unsafe()) << 16;
}

/// <summary>Rounding of F32 bits to BF16, left in the upper half with zeros below.</summary>
internal static class BFloat16Bits
{
    private const uint UpperHalf = 0xFFFF_0000;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static uint Round(uint bits) => (uint)BFloat16.FromFloat(BitConverter.UInt32BitsToSingle(bits)) << 16;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector256<uint> Round(Vector256<uint> bits)
    {
        Vector256<uint> rounded = bits + Vector256.Create(0x7FFFu) + ((bits >> 16) & Vector256<uint>.One);
        Vector256<float> value = bits.AsSingle();
        Vector256<uint> number = Vector256.Equals(value, value).AsUInt32();
        return Vector256.ConditionalSelect(number, rounded, bits | Vector256.Create(0x40_0000u)) & Vector256.Create(UpperHalf);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector512<uint> Round(Vector512<uint> bits)
    {
        Vector512<uint> rounded = bits + Vector512.Create(0x7FFFu) + ((bits >> 16) & Vector512<uint>.One);
        Vector512<float> value = bits.AsSingle();
        Vector512<uint> number = Vector512.Equals(value, value).AsUInt32();
        return Vector512.ConditionalSelect(number, rounded, bits | Vector512.Create(0x40_0000u)) & Vector512.Create(UpperHalf);
    }

    /// <summary>Two rounded elements in one: <paramref name="even"/> in the lower half, <paramref name="odd"/> in the upper.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static uint Pair(uint even, uint odd) => (even >> 16) | odd;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector256<uint> Pair(Vector256<uint> even, Vector256<uint> odd) => (even >> 16) | odd;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector512<uint> Pair(Vector512<uint> even, Vector512<uint> odd) => (even >> 16) | odd;
}
