using Cinnabar.Numerics.Simd;

namespace Cinnabar.Numerics.Tests.Simd;

public sealed unsafe class ExponentialTests
{
    [Fact]
    public void Exp_WholeRange_IsCloseToDouble()
    {
        for (float x = -110; x < 90; x += 0.00337f)
        {
            float actual = ScalarVector.Sum(ScalarVector.Exp(ScalarVector.Broadcast(x)));
            double expected = (float)Math.Exp(x);
            Assert.True(Tolerance.Exp.Allows(expected, actual), $"exp({x:R}): expected {expected:R}, found {actual:R}");
        }
    }

    [Theory]
    [InlineData(float.NegativeInfinity, 0)]
    [InlineData(float.MinValue, 0)]
    [InlineData(-103f, 1e-45f)]
    [InlineData(0, 1)]
    [InlineData(89, float.PositiveInfinity)]
    [InlineData(float.MaxValue, float.PositiveInfinity)]
    [InlineData(float.PositiveInfinity, float.PositiveInfinity)]
    [InlineData(float.NaN, float.NaN)]
    public void Exp_SpecialValue_HasItsLimit(float x, float expected)
    {
        Assert.Equal(expected, ScalarVector.Sum(ScalarVector.Exp(ScalarVector.Broadcast(x))));
        Assert.All(Lanes<Vector128Floats>(x), lane => Assert.Equal(expected, lane));
        Assert.All(Lanes<Vector256Floats>(x), lane => Assert.Equal(expected, lane));
        Assert.All(Lanes<Vector512Floats>(x), lane => Assert.Equal(expected, lane));
    }

    [Fact]
    public void Exp_EveryWidth_SameBits()
    {
        for (float x = -106; x < 90; x += 0.037f)
        {
            float expected = ScalarVector.Sum(ScalarVector.Exp(ScalarVector.Broadcast(x)));
            Assert.All(Lanes<Vector128Floats>(x), lane => Assert.Equal(expected, lane));
            Assert.All(Lanes<Vector256Floats>(x), lane => Assert.Equal(expected, lane));
            Assert.All(Lanes<Vector512Floats>(x), lane => Assert.Equal(expected, lane));
        }
    }

    private static float[] Lanes<TVec>(float x)
        where TVec : struct, ISimd<TVec>
    {
        float[] lanes = new float[TVec.Width];
        fixed (float* first = lanes)
        {
            TVec.Store(TVec.Exp(TVec.Broadcast(x)), first);
        }

        return lanes;
    }
}
