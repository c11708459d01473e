using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;
using Cinnabar.Numerics.Simd;

namespace Cinnabar.Numerics.Tests.Simd;

/// <summary>With FMA and, where DOTNET_EnableAVX2=0 or an old processor takes it away, without.</summary>
public sealed unsafe class MultiplyAddTests
{
    [Fact]
    public void MultiplyAdd_EveryWidth_SameBits()
    {
        Random random = new(7);
        for (int i = 0; i < 1000; i++)
        {
            (float a, float b) = ((random.NextSingle() * 2) - 1, (random.NextSingle() * 2) - 1);

            // Of every other sum nothing but what rounding the product loses is left.
            float c = i % 2 == 0 ? -(a * b) : random.NextSingle();
            float expected = Lanes<ScalarVector>(a, b, c)[0];
            Assert.All(Lanes<Vector128Floats>(a, b, c), lane => Assert.Equal(expected, lane));
            Assert.All(Lanes<Vector256Floats>(a, b, c), lane => Assert.Equal(expected, lane));
            Assert.All(Lanes<Vector512Floats>(a, b, c), lane => Assert.Equal(expected, lane));
        }
    }

    [Fact]
    public void MultiplyAdd_ProductBetweenTwoFloats_IsRoundedOnlyWithoutFma()
    {
        // (1 + 2⁻¹²)² = 1 + 2⁻¹¹ + 2⁻²⁴, of which a float keeps all but the last term.
        float a = 1 + MathF.ScaleB(1, -12);
        float c = -(1 + MathF.ScaleB(1, -11));
        float expected = Fma.IsSupported || AdvSimd.IsSupported ? MathF.ScaleB(1, -24) : 0;
        Assert.Equal(expected, Lanes<ScalarVector>(a, a, c)[0]);
        Assert.All(Lanes<Vector256Floats>(a, a, c), lane => Assert.Equal(expected, lane));
    }

    [Fact]
    public void Exp_LanesAndRemainder_SameBits()
    {
        SameExponentials<Vector128Floats>();
        SameExponentials<Vector256Floats>();
        SameExponentials<Vector512Floats>();
    }

    // Rows of equal elements, some in lanes and some behind them.
    private static void SameExponentials<TVec>()
        where TVec : struct, ISimd<TVec>
    {
        Random random = new(8);
        float[] row = new float[(2 * TVec.Width) - 1];
        for (int i = 0; i < 200; i++)
        {
            Array.Fill(row, (random.NextSingle() * 20) - 10);
            (float scale, float shift) = (random.NextSingle(), random.NextSingle());
            fixed (float* x = row)
            {
                Rows<TVec>.Exp(x, row.Length, scale, shift, x);
            }

            Assert.All(row, value => Assert.Equal(row[0], value));
        }
    }

    private static float[] Lanes<TVec>(float a, float b, float c)
        where TVec : struct, ISimd<TVec>
    {
        float[] lanes = new float[TVec.Width];
        fixed (float* first = lanes)
        {
            TVec.Store(TVec.MultiplyAdd(TVec.Broadcast(a), TVec.Broadcast(b), TVec.Broadcast(c)), first);
        }

        return lanes;
    }
}
