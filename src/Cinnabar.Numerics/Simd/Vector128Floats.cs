using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Cinnabar.Numerics.Simd;

/// <summary>4 floats in a Vector128.</summary>
internal readonly unsafe struct Vector128Floats : ISimd<Vector128Floats>
{
    private readonly Vector128<float> _lanes;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Vector128Floats(Vector128<float> lanes) => _lanes = lanes;

    public static int Width => 4;

    public static Vector128Floats Zero => new(Vector128<float>.Zero);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128Floats Broadcast(float value) => new(Vector128.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128Floats Load(float* source) => new(Vector128.Load(source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector128Floats value, float* destination) => value._lanes.Store(destination);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128Floats operator +(Vector128Floats left, Vector128Floats right) => new(left._lanes + right._lanes);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128Floats operator -(Vector128Floats left, Vector128Floats right) => new(left._lanes - right._lanes);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128Floats operator *(Vector128Floats left, Vector128Floats right) => new(left._lanes * right._lanes);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128Floats operator /(Vector128Floats left, Vector128Floats right) => new(left._lanes / right._lanes);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128Floats MultiplyAdd(Vector128Floats a, Vector128Floats b, Vector128Floats c) =>
        new(Vector128.MultiplyAddEstimate(a._lanes, b._lanes, c._lanes));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128Floats Max(Vector128Floats left, Vector128Floats right) => new(Vector128.MaxNative(left._lanes, right._lanes));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128Floats Min(Vector128Floats left, Vector128Floats right) => new(Vector128.MinNative(left._lanes, right._lanes));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128Floats Sqrt(Vector128Floats value) => new(Vector128.Sqrt(value._lanes));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128Floats Exp(Vector128Floats value) => Exponential.Of(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Vector128Floats value) => Vector128.Sum(value._lanes);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float MaxAcross(Vector128Floats value)
    {
        Vector128<float> four = value._lanes;
        return MathF.Max(MathF.Max(four[0], four[1]), MathF.Max(four[2], four[3]));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128Floats Round(Vector128Floats value) => new(Vector128.Round(value._lanes));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128Floats ScaleByPowerOfTwo(Vector128Floats value, Vector128Floats exponent) =>
        new(Scaled(value._lanes, exponent._lanes));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128Floats LoadBFloat16(ushort* source) =>
        new((Vector128.WidenLower(Vector128.CreateScalarUnsafe(*(ulong*)source).AsUInt16()) << 16).AsSingle());

    public static double Dot(float* left, float* right, int vectors)
    {
        // Two accumulators: the lower and the upper half of every register.
        Vector128<double> lower = Vector128<double>.Zero;
        Vector128<double> upper = Vector128<double>.Zero;
        for (int i = 0; i < vectors; i++)
        {
            Vector128<float> a = Vector128.Load(left + (i * Width));
            Vector128<float> b = Vector128.Load(right + (i * Width));
            lower = Vector128.MultiplyAddEstimate(Vector128.WidenLower(a), Vector128.WidenLower(b), lower);
            upper = Vector128.MultiplyAddEstimate(Vector128.WidenUpper(a), Vector128.WidenUpper(b), upper);
        }

        return Vector128.Sum(lower + upper);
    }

    // In two steps, because 2^exponent alone may be outside the range of normal numbers; only the second step can round.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> Scaled(Vector128<float> value, Vector128<float> exponent)
    {
        Vector128<int> whole = Vector128.ConvertToInt32Native(exponent);
        Vector128<int> half = whole >> 1;
        return value * PowerOfTwo(half) * PowerOfTwo(whole - half);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> PowerOfTwo(Vector128<int> exponent) => ((exponent + Vector128.Create(127)) << 23).AsSingle();
}
