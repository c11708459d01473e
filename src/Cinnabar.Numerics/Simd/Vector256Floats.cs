using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Cinnabar.Numerics.Simd;

/// <summary>8 floats in a Vector256.</summary>
internal readonly unsafe struct Vector256Floats : ISimd<Vector256Floats>
{
    private readonly Vector256<float> _lanes;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Vector256Floats(Vector256<float> lanes) => _lanes = lanes;

    public static int Width => 8;

    public static Vector256Floats Zero => new(Vector256<float>.Zero);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256Floats Broadcast(float value) => new(Vector256.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256Floats Load(float* source) => new(Vector256.Load(source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector256Floats value, float* destination) => value._lanes.Store(destination);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256Floats operator +(Vector256Floats left, Vector256Floats right) => new(left._lanes + right._lanes);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256Floats operator -(Vector256Floats left, Vector256Floats right) => new(left._lanes - right._lanes);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256Floats operator *(Vector256Floats left, Vector256Floats right) => new(left._lanes * right._lanes);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256Floats operator /(Vector256Floats left, Vector256Floats right) => new(left._lanes / right._lanes);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256Floats MultiplyAdd(Vector256Floats a, Vector256Floats b, Vector256Floats c) =>
        new(Vector256.MultiplyAddEstimate(a._lanes, b._lanes, c._lanes));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256Floats Max(Vector256Floats left, Vector256Floats right) => new(Vector256.MaxNative(left._lanes, right._lanes));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256Floats Min(Vector256Floats left, Vector256Floats right) => new(Vector256.MinNative(left._lanes, right._lanes));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256Floats Sqrt(Vector256Floats value) => new(Vector256.Sqrt(value._lanes));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256Floats Exp(Vector256Floats value) => Exponential.Of(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Vector256Floats value) => Vector256.Sum(value._lanes);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float MaxAcross(Vector256Floats value)
    {
        Vector128<float> four = Vector128.MaxNative(value._lanes.GetLower(), value._lanes.GetUpper());
        return MathF.Max(MathF.Max(four[0], four[1]), MathF.Max(four[2], four[3]));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256Floats Round(Vector256Floats value) => new(Vector256.Round(value._lanes));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256Floats ScaleByPowerOfTwo(Vector256Floats value, Vector256Floats exponent) =>
        new(Scaled(value._lanes, exponent._lanes));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256Floats LoadBFloat16(ushort* source)
    {
        Vector128<ushort> bits = Vector128.Load(source);
        return new((Vector256.Create(Vector128.WidenLower(bits), Vector128.WidenUpper(bits)) << 16).AsSingle());
    }

    public static double Dot(float* left, float* right, int vectors)
    {
        // Two accumulators: the lower and the upper half of every register.
        Vector256<double> lower = Vector256<double>.Zero;
        Vector256<double> upper = Vector256<double>.Zero;
        for (int i = 0; i < vectors; i++)
        {
            Vector256<float> a = Vector256.Load(left + (i * Width));
            Vector256<float> b = Vector256.Load(right + (i * Width));
            lower = Vector256.MultiplyAddEstimate(Vector256.WidenLower(a), Vector256.WidenLower(b), lower);
            upper = Vector256.MultiplyAddEstimate(Vector256.WidenUpper(a), Vector256.WidenUpper(b), upper);
        }

        return Vector256.Sum(lower + upper);
    }

    // In two steps, because 2^exponent alone may be outside the range of normal numbers; only the second step can round.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector256<float> Scaled(Vector256<float> value, Vector256<float> exponent)
    {
        Vector256<int> whole = Vector256.ConvertToInt32Native(exponent);
        Vector256<int> half = whole >> 1;
        return value * PowerOfTwo(half) * PowerOfTwo(whole - half);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> PowerOfTwo(Vector256<int> exponent) => ((exponent + Vector256.Create(127)) << 23).AsSingle();
}
