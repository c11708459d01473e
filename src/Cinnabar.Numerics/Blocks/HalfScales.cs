// F16 scales to F32, exactly, several at a time. Numbers too small for F16's usual form are written with its smallest exponent and taken
// apart by a subtraction, since F32 operations count denormal operands as zero inside of loops (FloatControl):
//
//   exponent 0:   bits 2⁻¹⁴ · (1 + m / 1024) − 2⁻¹⁴ = 2⁻²⁴ · m        otherwise:   exponent + 112; infinity and NaN + 224
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Cinnabar.Numerics.Blocks;

internal static unsafe class HalfScales
{
    private const int Bits = 13; // that an F32 has more behind the point
    private const uint Rebias = 112u << 23;
    private const uint SmallestExponent = 1u << 23;
    private const uint LargestExponent = 31u << 23;

    /// <summary>The F16 at an address. Conversion by the runtime's operator is slow until that is compiled again.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float At(byte* half) => Widen(Vector128.CreateScalar(Unsafe.ReadUnaligned<ushort>(half)))[0];

    /// <summary>Two in a row.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (float First, float Second) PairAt(byte* halves)
    {
        Vector256<float> widened = Widen(Vector128.CreateScalar(Unsafe.ReadUnaligned<uint>(halves)).AsUInt16());
        return (widened[0], widened[1]);
    }

    /// <summary>Eight numbers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Widen(Vector128<ushort> halves)
    {
        (Vector128<uint> lower, Vector128<uint> upper) = Vector128.Widen(halves);
        Vector256<uint> bits = Vector256.Create(lower, upper);
        Vector256<uint> magnitude = (bits & Vector256.Create(0x7FFFu)) << Bits;
        Vector256<uint> number = magnitude + Vector256.Create(Rebias);
        Vector256<uint> tiny = ((number + Vector256.Create(SmallestExponent)).AsSingle()
            - Vector256.Create(Rebias + SmallestExponent).AsSingle()).AsUInt32();
        Vector256<uint> special = number + Vector256.Create(Rebias);
        Vector256<uint> result = Vector256.ConditionalSelect(
            Vector256.LessThan(magnitude.AsInt32(), Vector256.Create((int)SmallestExponent)).AsUInt32(),
            tiny,
            Vector256.ConditionalSelect(
                Vector256.LessThan(magnitude.AsInt32(), Vector256.Create((int)LargestExponent)).AsUInt32(), number, special));
        return (result | ((bits & Vector256.Create(0x8000u)) << 16)).AsSingle();
    }
}
