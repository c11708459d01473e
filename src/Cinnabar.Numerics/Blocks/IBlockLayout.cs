// How a block of GGUF's types is laid out (source of all layouts: ggml-common.h, ggml-quants.c). Whatever the type, neighbouring values
// share a scale and a minimum in runs of 16 or 32:
//
//   x = scale · (q − Offset) − minimum,      q an unsigned integer of 2 to 8 bits
//
// Decode is the definition, value by value, in the order of operations of ggml, so that x has the same bits. Unpack takes a block apart
// with vectors, and BlockType does with the parts what all types have in common.
namespace Cinnabar.Numerics.Blocks;

/// <summary>
/// Up to 256 values of one row of blocks, taken apart. Best aligned to 64 bytes: what is stored across two cache lines and read again at
/// once comes late.
/// </summary>
internal unsafe struct UnpackedBlocks
{
    public const int MaxValues = 256;
    private const int MaxRuns = 16;

    /// <summary>q of each value.</summary>
    public fixed byte Quants[MaxValues];

    /// <summary>The scale of each run.</summary>
    public fixed float Scales[MaxRuns];

    /// <summary>The minimum of each run, where the type has them.</summary>
    public fixed float Minima[MaxRuns];
}

/// <summary>One type of blocks.</summary>
internal unsafe interface IBlockLayout
{
    /// <summary>Values in a block: 32 or 256.</summary>
    static abstract int Size { get; }

    /// <summary>Bytes of a block.</summary>
    static abstract int Bytes { get; }

    /// <summary>Bits of q.</summary>
    static abstract int Bits { get; }

    /// <summary>Values with a common scale: 16 or 32.</summary>
    static abstract int Run { get; }

    /// <summary>What is taken off q.</summary>
    static abstract int Offset { get; }

    /// <summary>Whether runs have minima; they are zero otherwise.</summary>
    static abstract bool HasMinima { get; }

    /// <summary>The values of whole blocks.</summary>
    static abstract void Decode(ReadOnlySpan<byte> blocks, Span<float> values);

    /// <summary>Takes whole blocks of together <paramref name="count"/> ≤ 256 values apart.</summary>
    static abstract void Unpack(byte* blocks, int count, UnpackedBlocks* result);
}
