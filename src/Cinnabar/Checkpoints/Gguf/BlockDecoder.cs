// From the blocks of a file to F32. Every value of every type is exact in F32 or is rounded as ggml rounds it: products and differences
// are made in F32 one after another, in the order of the formulas at the heads of the files, without fused multiply-add.
using System.Buffers.Binary;
using Cinnabar.Numerics;

namespace Cinnabar.Checkpoints.Gguf;

/// <summary>Decodes runs of blocks of any type.</summary>
internal static class BlockDecoder
{
    /// <summary>Decodes whole blocks.</summary>
    /// <param name="type">Their type.</param>
    /// <param name="blocks">Blocks one after another.</param>
    /// <param name="values">Receives as many values as they hold.</param>
    public static void Decode(GgmlType type, ReadOnlySpan<byte> blocks, Span<float> values)
    {
        switch (type)
        {
            case GgmlType.F32: DecodeF32(blocks, values); break;
            case GgmlType.F16: DecodeF16(blocks, values); break;
            case GgmlType.BF16: DecodeBF16(blocks, values); break;
            case GgmlType.Q4_0: BlocksOf32.DecodeQ4_0(blocks, values); break;
            case GgmlType.Q4_1: BlocksOf32.DecodeQ4_1(blocks, values); break;
            case GgmlType.Q5_0: BlocksOf32.DecodeQ5_0(blocks, values); break;
            case GgmlType.Q5_1: BlocksOf32.DecodeQ5_1(blocks, values); break;
            case GgmlType.Q8_0: BlocksOf32.DecodeQ8_0(blocks, values); break;
            case GgmlType.Q2_K: BlocksQ2K.Decode(blocks, values); break;
            case GgmlType.Q3_K: BlocksQ3K.Decode(blocks, values); break;
            case GgmlType.Q4_K: BlocksQ4K.DecodeQ4_K(blocks, values); break;
            case GgmlType.Q5_K: BlocksQ4K.DecodeQ5_K(blocks, values); break;
            case GgmlType.Q6_K: BlocksQ6K.Decode(blocks, values); break;
            default: throw new ArgumentOutOfRangeException(nameof(type), type, "There is no such type.");
        }
    }

    /// <summary>The F16 at <paramref name="offset"/>, exactly.</summary>
    internal static float Half(ReadOnlySpan<byte> block, int offset) =>
        (float)BinaryPrimitives.ReadHalfLittleEndian(block.Slice(offset, sizeof(ushort)));

    private static void DecodeF32(ReadOnlySpan<byte> bytes, Span<float> values)
    {
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = BinaryPrimitives.ReadSingleLittleEndian(bytes[(4 * i)..]);
        }
    }

    private static void DecodeF16(ReadOnlySpan<byte> bytes, Span<float> values)
    {
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = (float)BinaryPrimitives.ReadHalfLittleEndian(bytes[(2 * i)..]);
        }
    }

    private static void DecodeBF16(ReadOnlySpan<byte> bytes, Span<float> values)
    {
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = BFloat16.ToFloat(BinaryPrimitives.ReadUInt16LittleEndian(bytes[(2 * i)..]));
        }
    }
}
