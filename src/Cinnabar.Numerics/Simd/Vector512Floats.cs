using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Cinnabar.Numerics.Simd;

/// <summary>16 floats in a Vector512.</summary>
internal readonly unsafe struct Vector512Floats : ISimd<Vector512Floats>
{
    private readonly Vector512<float> _lanes;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Vector512Floats(Vector512<float> lanes) => _lanes = lanes;

    public static int Width => 16;

    public static Vector512Floats Zero => new(Vector512<float>.Zero);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512Floats Broadcast(float value) => new(Vector512.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512Floats Load(float* source) => new(Vector512.Load(source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector512Floats value, float* destination) => value._lanes.Store(destination);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512Floats operator +(Vector512Floats left, Vector512Floats right) => new(left._lanes + right._lanes);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512Floats operator -(Vector512Floats left, Vector512Floats right) => new(left._lanes - right._lanes);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512Floats operator *(Vector512Floats left, Vector512Floats right) => new(left._lanes * right._lanes);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512Floats operator /(Vector512Floats left, Vector512Floats right) => new(left._lanes / right._lanes);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512Floats MultiplyAdd(Vector512Floats a, Vector512Floats b, Vector512Floats c) =>
        new(Vector512.MultiplyAddEstimate(a._lanes, b._lanes, c._lanes));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512Floats Max(Vector512Floats left, Vector512Floats right) => new(Vector512.MaxNative(left._lanes, right._lanes));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512Floats Min(Vector512Floats left, Vector512Floats right) => new(Vector512.MinNative(left._lanes, right._lanes));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512Floats Sqrt(Vector512Floats value) => new(Vector512.Sqrt(value._lanes));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512Floats Exp(Vector512Floats value) => Exponential.Of(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Vector512Floats value) => Vector512.Sum(value._lanes);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float MaxAcross(Vector512Floats value)
    {
        Vector256<float> eight = Vector256.MaxNative(value._lanes.GetLower(), value._lanes.GetUpper());
        Vector128<float> four = Vector128.MaxNative(eight.GetLower(), eight.GetUpper());
        return MathF.Max(MathF.Max(four[0], four[1]), MathF.Max(four[2], four[3]));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512Floats Round(Vector512Floats value) => new(Vector512.Round(value._lanes));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512Floats ScaleByPowerOfTwo(Vector512Floats value, Vector512Floats exponent)
    {
        if (Avx512F.IsSupported)
        {
            return new(Avx512F.Scale(value._lanes, exponent._lanes));
        }

        return new(
            Vector512.Create(
                Vector256Floats.Scaled(value._lanes.GetLower(), exponent._lanes.GetLower()),
                Vector256Floats.Scaled(value._lanes.GetUpper(), exponent._lanes.GetUpper())));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512Floats LoadBFloat16(ushort* source)
    {
        Vector256<ushort> bits = Vector256.Load(source);
        return new((Vector512.Create(Vector256.WidenLower(bits), Vector256.WidenUpper(bits)) << 16).AsSingle());
    }

    public static double Dot(float* left, float* right, int vectors)
    {
        // Two accumulators: the lower and the upper half of every register.
        Vector512<double> lower = Vector512<double>.Zero;
        Vector512<double> upper = Vector512<double>.Zero;
        for (int i = 0; i < vectors; i++)
        {
            Vector512<float> a = Vector512.Load(left + (i * Width));
            Vector512<float> b = Vector512.Load(right + (i * Width));
            lower = Vector512.MultiplyAddEstimate(Vector512.WidenLower(a), Vector512.WidenLower(b), lower);
            upper = Vector512.MultiplyAddEstimate(Vector512.WidenUpper(a), Vector512.WidenUpper(b), upper);
        }

        return Vector512.Sum(lower + upper);
    }
}
