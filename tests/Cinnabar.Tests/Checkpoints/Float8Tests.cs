using Cinnabar.Checkpoints;
using static Cinnabar.Tests.Checkpoints.SafetensorsBytes;

namespace Cinnabar.Tests.Checkpoints;

public sealed class Float8Tests
{
    // Table 1 of arXiv 2209.05433: largest, smallest normal and smallest subnormal numbers; the rest worked out by hand.
    [Theory]
    [InlineData(0x00, 0f)]
    [InlineData(0x01, 0.001953125f)]
    [InlineData(0x07, 0.013671875f)]
    [InlineData(0x08, 0.015625f)]
    [InlineData(0x38, 1f)]
    [InlineData(0x3C, 1.5f)]
    [InlineData(0xC4, -3f)]
    [InlineData(0x78, 256f)]
    [InlineData(0x7E, 448f)]
    [InlineData(0xFE, -448f)]
    [InlineData(0x7F, float.NaN)]
    [InlineData(0xFF, float.NaN)]
    public void WidenE4M3_Bits_GiveTheValue(byte bits, float expected) => Assert.Equal(expected, E4M3(bits));

    [Theory]
    [InlineData(0x00, 0f)]
    [InlineData(0x01, 1.52587890625e-5f)]
    [InlineData(0x03, 4.57763671875e-5f)]
    [InlineData(0x04, 6.103515625e-5f)]
    [InlineData(0x3C, 1f)]
    [InlineData(0xBF, -1.75f)]
    [InlineData(0x7B, 57344f)]
    [InlineData(0x7C, float.PositiveInfinity)]
    [InlineData(0xFC, float.NegativeInfinity)]
    [InlineData(0x7D, float.NaN)]
    [InlineData(0x7E, float.NaN)]
    [InlineData(0xFF, float.NaN)]
    public void WidenE5M2_Bits_GiveTheValue(byte bits, float expected) => Assert.Equal(expected, E5M2(bits));

    [Fact]
    public void Widen_AllBits_FollowTheFormula()
    {
        for (int bits = 0; bits < 256; bits++)
        {
            Assert.Equal(Formula(bits, exponentBits: 4, hasInfinity: false), E4M3((byte)bits));
            Assert.Equal(Formula(bits, exponentBits: 5, hasInfinity: true), E5M2((byte)bits));
        }

        Assert.True(float.IsNegative(E4M3(0x80)) && float.IsNegative(E5M2(0x80)), "Zero has a sign.");
    }

    [Fact]
    public void Read_TensorsOf8BitFloats_BecomeF32()
    {
        using TemporaryFolder folder = new();
        byte[] bytes = File($"{{{Entry("a", "F8_E4M3", "[2,64]", "[0,128]")},{Entry("b", "F8_E5M2", "[128]", "[128,256]")}}}", 256);
        using SafetensorsFile file = SafetensorsFile.Open(folder.Write("x.safetensors", bytes));

        Assert.Equal("F32 [2, 64]", file.Read("a").ToString());
        Assert.Equal(Enumerable.Range(0, 128).Select(bits => E4M3((byte)bits)), file.Read("a").Floats.ToArray());
        Assert.Equal(Enumerable.Range(128, 128).Select(bits => E5M2((byte)bits)), file.Read("b").Floats.ToArray());
    }

    private static float Formula(int bits, int exponentBits, bool hasInfinity)
    {
        int mantissaBits = 7 - exponentBits;
        int exponent = (bits & 0x7F) >> mantissaBits;
        int mantissa = bits & ((1 << mantissaBits) - 1);
        bool isLast = exponent == (1 << exponentBits) - 1;
        int bias = (1 << (exponentBits - 1)) - 1;
        double fraction = mantissa / Math.Pow(2, mantissaBits);
        double value = exponent == 0 ? fraction * Math.Pow(2, 1 - bias) : (1 + fraction) * Math.Pow(2, exponent - bias);
        if (isLast && hasInfinity)
        {
            value = mantissa == 0 ? double.PositiveInfinity : double.NaN;
        }
        else if (isLast && mantissa == (1 << mantissaBits) - 1)
        {
            value = double.NaN;
        }

        return (float)((bits & 0x80) == 0 ? value : -value);
    }

    private static float E4M3(byte bits)
    {
        float[] value = new float[1];
        Float8.WidenE4M3([bits], value);
        return value[0];
    }

    private static float E5M2(byte bits)
    {
        float[] value = new float[1];
        Float8.WidenE5M2([bits], value);
        return value[0];
    }
}
