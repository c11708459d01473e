// bfloat16 is the upper half of an IEEE single: 1 sign, 8 exponent, 7 mantissa bits.
// Rounding is to nearest, ties to even; NaN keeps its sign and becomes quiet. Same rule as the hardware's vcvtneps2bf16
// except that this code does not flush denormals.
namespace Cinnabar.Numerics;

/// <summary>Conversions between F32 and BF16 bit patterns.</summary>
public static class BFloat16
{
    /// <summary>The nearest BF16 bit pattern, ties to even.</summary>
    public static ushort FromFloat(float value)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);
        if ((bits & 0x7FFF_FFFF) > 0x7F80_0000)
        {
            return (ushort)((bits >> 16) | 0x40);
        }

        return (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
    }

    /// <summary>The exact F32 value of a BF16 bit pattern.</summary>
    public static float ToFloat(ushort bits) => BitConverter.UInt32BitsToSingle((uint)bits << 16);

    /// <summary>Converts every element; the spans have equal length.</summary>
    public static void FromFloats(ReadOnlySpan<float> source, Span<ushort> destination)
    {
        for (int i = 0; i < source.Length; i++)
        {
            destination[i] = FromFloat(source[i]);
        }
    }

    /// <summary>Converts every element; the spans have equal length.</summary>
    public static void ToFloats(ReadOnlySpan<ushort> source, Span<float> destination)
    {
        for (int i = 0; i < source.Length; i++)
        {
            destination[i] = ToFloat(source[i]);
        }
    }
}
