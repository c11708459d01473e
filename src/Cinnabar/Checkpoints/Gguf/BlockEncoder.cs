// From F32 to the blocks of a file, with the rounding of ggml's reference quantisers (ggml-quants.c), so that the bytes are those of
// llama-quantize without an importance matrix:
//
//   F16, BF16   nearest, ties to even
//   Q8_0        d = max|x| / 127,  q = x · (1/d) rounded to nearest, ties away from zero
//   Q4_0        d = x* / −8, x* the first value of largest magnitude with its sign,  q = min(15, ⌊x · (1/d) + 8.5⌋)
//
// 1/d is the inverse of the F32 before it is rounded to F16; of a block of zeros both are 0. Layouts: BlocksOf32.
using System.Buffers.Binary;
using Cinnabar.Numerics;

namespace Cinnabar.Checkpoints.Gguf;

/// <summary>Encodes runs of blocks of the types that can be written.</summary>
internal static class BlockEncoder
{
    private const int Size = 32;
    private const int HalfSize = Size / 2;
    private const float LargestHalf = 65504;

    /// <summary>Whether there is an encoder for a type.</summary>
    public static bool IsSupported(GgmlType type) =>
        type is GgmlType.F32 or GgmlType.F16 or GgmlType.BF16 or GgmlType.Q8_0 or GgmlType.Q4_0;

    /// <summary>
    /// Largest magnitude of a value that does not become infinite, nor does its scale. NaN and infinities pass where the type has them.
    /// </summary>
    public static float LargestMagnitude(GgmlType type) => type switch
    {
        GgmlType.F16 => LargestHalf,
        GgmlType.Q8_0 => LargestHalf * 127,
        GgmlType.Q4_0 => LargestHalf * 8,
        _ => float.PositiveInfinity,
    };

    /// <summary>Encodes values.</summary>
    /// <param name="type">Type of the blocks.</param>
    /// <param name="values">Values of whole blocks, within <see cref="LargestMagnitude"/>.</param>
    /// <param name="blocks">Receives the blocks.</param>
    public static void Encode(GgmlType type, ReadOnlySpan<float> values, Span<byte> blocks)
    {
        switch (type)
        {
            case GgmlType.F32: EncodeF32(values, blocks); break;
            case GgmlType.F16: EncodeF16(values, blocks); break;
            case GgmlType.BF16: EncodeBF16(values, blocks); break;
            case GgmlType.Q8_0: EncodeQ8_0(values, blocks); break;
            case GgmlType.Q4_0: EncodeQ4_0(values, blocks); break;
            default: throw new ArgumentOutOfRangeException(nameof(type), type, "There is no encoder for this type.");
        }
    }

    private static void EncodeF32(ReadOnlySpan<float> values, Span<byte> bytes)
    {
        for (int i = 0; i < values.Length; i++)
        {
            BinaryPrimitives.WriteSingleLittleEndian(bytes[(4 * i)..], values[i]);
        }
    }

    private static void EncodeF16(ReadOnlySpan<float> values, Span<byte> bytes)
    {
        for (int i = 0; i < values.Length; i++)
        {
            BinaryPrimitives.WriteHalfLittleEndian(bytes[(2 * i)..], (Half)values[i]);
        }
    }

    private static void EncodeBF16(ReadOnlySpan<float> values, Span<byte> bytes)
    {
        for (int i = 0; i < values.Length; i++)
        {
            BinaryPrimitives.WriteUInt16LittleEndian(bytes[(2 * i)..], BFloat16.FromFloat(values[i]));
        }
    }

    private static void EncodeQ8_0(ReadOnlySpan<float> values, Span<byte> blocks)
    {
        for (; values.Length > 0; values = values[Size..], blocks = blocks[34..])
        {
            ReadOnlySpan<float> x = values[..Size];
            float d = MathF.Abs(Largest(x)) / 127;
            float inverse = d == 0 ? 0 : 1 / d;
            BinaryPrimitives.WriteHalfLittleEndian(blocks, (Half)d);
            Span<byte> q = blocks.Slice(2, Size);
            for (int i = 0; i < x.Length; i++)
            {
                q[i] = (byte)(sbyte)MathF.Round(x[i] * inverse, MidpointRounding.AwayFromZero);
            }
        }
    }

    private static void EncodeQ4_0(ReadOnlySpan<float> values, Span<byte> blocks)
    {
        for (; values.Length > 0; values = values[Size..], blocks = blocks[18..])
        {
            ReadOnlySpan<float> x = values[..Size];
            float d = Largest(x) / -8;
            float inverse = d == 0 ? 0 : 1 / d;
            BinaryPrimitives.WriteHalfLittleEndian(blocks, (Half)d);
            Span<byte> q = blocks.Slice(2, HalfSize);
            for (int i = 0; i < q.Length; i++)
            {
                q[i] = (byte)(FourBits(x[i] * inverse) | (FourBits(x[i + HalfSize] * inverse) << 4));
            }
        }
    }

    private static int FourBits(float x) => Math.Min(15, (int)(x + 8.5f));

    // The first value of largest magnitude, with its sign.
    private static float Largest(ReadOnlySpan<float> x)
    {
        float largest = 0;
        foreach (float value in x)
        {
            if (MathF.Abs(value) > MathF.Abs(largest))
            {
                largest = value;
            }
        }

        return largest;
    }
}
