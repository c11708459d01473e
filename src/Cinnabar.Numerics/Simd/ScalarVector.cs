using System.Runtime.CompilerServices;

namespace Cinnabar.Numerics.Simd;

/// <summary>A "register" of one float: the remainder of every vector loop.</summary>
internal readonly unsafe struct ScalarVector : ISimd<ScalarVector>
{
    private readonly float _value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ScalarVector(float value) => _value = value;

    public static int Width => 1;

    public static ScalarVector Zero => default;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ScalarVector Broadcast(float value) => new(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ScalarVector Load(float* source) => new(*source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(ScalarVector value, float* destination) => *destination = value._value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ScalarVector operator +(ScalarVector left, ScalarVector right) => new(left._value + right._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ScalarVector operator -(ScalarVector left, ScalarVector right) => new(left._value - right._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ScalarVector operator *(ScalarVector left, ScalarVector right) => new(left._value * right._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ScalarVector operator /(ScalarVector left, ScalarVector right) => new(left._value / right._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ScalarVector MultiplyAdd(ScalarVector a, ScalarVector b, ScalarVector c) =>
        new(float.MultiplyAddEstimate(a._value, b._value, c._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ScalarVector Max(ScalarVector left, ScalarVector right) => new(left._value > right._value ? left._value : right._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ScalarVector Min(ScalarVector left, ScalarVector right) => new(left._value < right._value ? left._value : right._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ScalarVector Sqrt(ScalarVector value) => new(MathF.Sqrt(value._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ScalarVector Exp(ScalarVector value) => Exponential.Of(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(ScalarVector value) => value._value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float MaxAcross(ScalarVector value) => value._value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ScalarVector Round(ScalarVector value) => new(MathF.Round(value._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ScalarVector ScaleByPowerOfTwo(ScalarVector value, ScalarVector exponent) =>
        new((float)(value._value * BitConverter.Int64BitsToDouble((1023L + (int)exponent._value) << 52)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ScalarVector LoadBFloat16(ushort* source) => new(BFloat16.ToFloat(*source));

    public static double Dot(float* left, float* right, int vectors)
    {
        double sum = 0;
        for (int i = 0; i < vectors; i++)
        {
            sum += (double)left[i] * right[i];
        }

        return sum;
    }
}
