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
    public static Vector256Floats MultiplyAdd(Vector256Floats a, Vector256Floats b, Vector256Floats c) => new(Vector256.FusedMultiplyAdd(a._lanes, b._lanes, c._lanes));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256Floats Max(Vector256Floats left, Vector256Floats right) => new(Vector256.Max(left._lanes, right._lanes));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256Floats Min(Vector256Floats left, Vector256Floats right) => new(Vector256.Min(left._lanes, right._lanes));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256Floats Sqrt(Vector256Floats value) => new(Vector256.Sqrt(value._lanes));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256Floats Exp(Vector256Floats value) => new(Vector256.Exp(value._lanes));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Vector256Floats value) => Vector256.Sum(value._lanes);

    public static float MaxAcross(Vector256Floats value)
    {
        float largest = value._lanes[0];
        for (int lane = 1; lane < Width; lane++)
        {
            largest = MathF.Max(largest, value._lanes[lane]);
        }

        return largest;
    }
}
