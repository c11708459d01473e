namespace Cinnabar.Numerics.Blocks;

/// <summary>What holds for the element types that lie in blocks (<see cref="DTypes.IsBlocks"/>).</summary>
public static class BlockTypes
{
    /// <summary>Values in a block; a row is a whole number of blocks.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The elements do not lie in blocks.</exception>
    public static int BlockSize(this DType type) => BlockType.Of(type).Size;

    /// <summary>Bytes of a block.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The elements do not lie in blocks.</exception>
    public static int BlockBytes(this DType type) => BlockType.Of(type).Bytes;

    /// <summary>Decodes whole blocks: exactly what ggml makes of them.</summary>
    /// <param name="type">Their type.</param>
    /// <param name="blocks">Blocks one after another.</param>
    /// <param name="values">Receives as many values as they hold.</param>
    /// <exception cref="ArgumentOutOfRangeException">The elements do not lie in blocks.</exception>
    public static void Decode(DType type, ReadOnlySpan<byte> blocks, Span<float> values) => BlockType.Of(type).Decode(blocks, values);
}
