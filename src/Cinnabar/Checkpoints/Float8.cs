// 8-bit floats widened to F32, exactly: every value of both formats is an F32. Bits are s eeee mmm (E4M3) and s eeeee mm (E5M2).
//   E4M3: bias 7,  e = 0: ± m · 2^−9,  else ± (8 + m) · 2^(e−10);  e = 15, m = 7 is NaN; no infinities, largest 448.
//   E5M2: bias 15, the upper half of an IEEE half: e = 31 is ± infinity for m = 0 and NaN otherwise, largest 57,344.
// Source: Micikevicius et al., "FP8 formats for deep learning" (arXiv 2209.05433), table 1; safetensors F8_E4M3 is torch.float8_e4m3fn.
namespace Cinnabar.Checkpoints;

/// <summary>Widens 8-bit floats.</summary>
internal static class Float8
{
    private static readonly float[] s_e4m3 = [.. Enumerable.Range(0, 256).Select(bits => OfE4M3((byte)bits))];
    private static readonly float[] s_e5m2 =
        [.. Enumerable.Range(0, 256).Select(bits => (float)BitConverter.UInt16BitsToHalf((ushort)(bits << 8)))];

    /// <summary>Widens E4M3.</summary>
    /// <param name="bytes">One byte an element.</param>
    /// <param name="values">As many elements.</param>
    public static void WidenE4M3(ReadOnlySpan<byte> bytes, Span<float> values) => LookUp(s_e4m3, bytes, values);

    /// <summary>Widens E5M2.</summary>
    /// <param name="bytes">One byte an element.</param>
    /// <param name="values">As many elements.</param>
    public static void WidenE5M2(ReadOnlySpan<byte> bytes, Span<float> values) => LookUp(s_e5m2, bytes, values);

    private static void LookUp(float[] table, ReadOnlySpan<byte> bytes, Span<float> values)
    {
        for (int i = 0; i < bytes.Length; i++)
        {
            values[i] = table[bytes[i]];
        }
    }

    private static float OfE4M3(byte bits)
    {
        int exponent = (bits >> 3) & 0xF;
        int mantissa = bits & 0x7;
        float magnitude = (exponent, mantissa) switch
        {
            (0xF, 0x7) => float.NaN,
            (0, _) => MathF.ScaleB(mantissa, -9),
            _ => MathF.ScaleB(8 + mantissa, exponent - 10),
        };
        return (bits & 0x80) == 0 ? magnitude : -magnitude;
    }
}
