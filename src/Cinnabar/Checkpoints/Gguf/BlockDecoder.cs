// From the blocks of a file to F32. Every value of every type is exact in F32 or is rounded as ggml rounds it: products and differences
// are made in F32 one after another, in the order of the formulas, without fused multiply-add. Blocks are decoded by Cinnabar.Numerics
// (Blocks/), for they stay what they are in memory; single numbers here.
using System.Buffers.Binary;
using Cinnabar.Numerics;
using Cinnabar.Numerics.Blocks;

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
            default: BlockTypes.Decode(type.ToBlocks(), blocks, values); break;
        }
    }

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
