// One vector register, so that a kernel body is written once and instantiated for every width.
//
// A kernel is a generic method over TVec : struct, ISimd<TVec>. The JIT compiles one specialised copy per width, in which
// every member below is a single instruction (measured: no cost against hand-written Vector256 or Vector512 code). The width-1
// instance, ScalarVector, is used for the last elements of a row.
namespace Cinnabar.Numerics.Simd;

internal unsafe interface ISimd<TSelf>
    where TSelf : struct, ISimd<TSelf>
{
    /// <summary>Floats in one register.</summary>
    static abstract int Width { get; }

    static abstract TSelf Zero { get; }

    static abstract TSelf Broadcast(float value);

    static abstract TSelf Load(float* source);

    static abstract void Store(TSelf value, float* destination);

    static abstract TSelf operator +(TSelf left, TSelf right);

    static abstract TSelf operator -(TSelf left, TSelf right);

    static abstract TSelf operator *(TSelf left, TSelf right);

    static abstract TSelf operator /(TSelf left, TSelf right);

    /// <summary>
    /// a·b + c: with one rounding where the hardware has FMA, elsewhere with two, for software is many times slower at one. On one machine
    /// every width does the same, <see cref="ScalarVector"/> included.
    /// </summary>
    static abstract TSelf MultiplyAdd(TSelf a, TSelf b, TSelf c);

    /// <summary>The larger of each pair of lanes; where a lane of <paramref name="right"/> is NaN, NaN.</summary>
    static abstract TSelf Max(TSelf left, TSelf right);

    /// <summary>The smaller of each pair of lanes; where a lane of <paramref name="right"/> is NaN, NaN.</summary>
    static abstract TSelf Min(TSelf left, TSelf right);

    static abstract TSelf Sqrt(TSelf value);

    /// <summary>e to the power of each lane: <see cref="Exponential"/>.</summary>
    static abstract TSelf Exp(TSelf value);

    /// <summary>The nearest whole number, ties to even.</summary>
    static abstract TSelf Round(TSelf value);

    /// <summary>value · 2^exponent with one rounding; the exponent is a whole number in −150 … 128, the value in 0.5 … 2.</summary>
    static abstract TSelf ScaleByPowerOfTwo(TSelf value, TSelf exponent);

    /// <summary>Widens <see cref="Width"/> BF16 bit patterns, exactly.</summary>
    static abstract TSelf LoadBFloat16(ushort* source);

    /// <summary>
    /// Σ left[i]·right[i] over <paramref name="vectors"/>·<see cref="Width"/> floats; all in double, in one order. There a product of two
    /// floats is exact, so that the sum has the same bits with FMA and without.
    /// </summary>
    static abstract double Dot(float* left, float* right, int vectors);

    /// <summary>Sum of the lanes, always in the same order.</summary>
    static abstract float Sum(TSelf value);

    /// <summary>Largest lane.</summary>
    static abstract float MaxAcross(TSelf value);
}
