using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

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
    public static Vector512Floats MultiplyAdd(Vector512Floats a, Vector512Floats b, Vector512Floats c) => new(Vector512.FusedMultiplyAdd(a._lanes, b._lanes, c._lanes));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512Floats Max(Vector512Floats left, Vector512Floats right) => new(Vector512.Max(left._lanes, right._lanes));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512Floats Min(Vector512Floats left, Vector512Floats right) => new(Vector512.Min(left._lanes, right._lanes));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512Floats Sqrt(Vector512Floats value) => new(Vector512.Sqrt(value._lanes));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512Floats Exp(Vector512Floats value) => new(Vector512.Exp(value._lanes));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Vector512Floats value) => Vector512.Sum(value._lanes);

    public static float MaxAcross(Vector512Floats value)
    {
        float largest = value._lanes[0];
        for (int lane = 1; lane < Width; lane++)
        {
            largest = MathF.Max(largest, value._lanes[lane]);
        }

        return largest;
    }
}
