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
    public static Vector128Floats MultiplyAdd(Vector128Floats a, Vector128Floats b, Vector128Floats c) => new(Vector128.FusedMultiplyAdd(a._lanes, b._lanes, c._lanes));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128Floats Max(Vector128Floats left, Vector128Floats right) => new(Vector128.Max(left._lanes, right._lanes));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128Floats Min(Vector128Floats left, Vector128Floats right) => new(Vector128.Min(left._lanes, right._lanes));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128Floats Sqrt(Vector128Floats value) => new(Vector128.Sqrt(value._lanes));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128Floats Exp(Vector128Floats value) => new(Vector128.Exp(value._lanes));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Vector128Floats value) => Vector128.Sum(value._lanes);

    public static float MaxAcross(Vector128Floats value)
    {
        float largest = value._lanes[0];
        for (int lane = 1; lane < Width; lane++)
        {
            largest = MathF.Max(largest, value._lanes[lane]);
        }

        return largest;
    }
}
