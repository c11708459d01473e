using Cinnabar.Numerics.Blocks;

namespace Cinnabar.Numerics.Kernels;

/// <summary>
/// How elements lie in a panel; every element takes 32 bits and holds one, two or four values of k. A step is a row of elements.
/// Behind the steps of a block follow, in integer formats, a row with the F32 scale of each position.
/// </summary>
internal enum PanelFormat
{
    /// <summary>One F32 per k.</summary>
    Floats,

    /// <summary>One F32 per k that was rounded to BF16.</summary>
    RoundedFloats,

    /// <summary>One F32 per k that was rounded like <see cref="Int16Pairs"/>.</summary>
    Int16Floats,

    /// <summary>One F32 per k that was rounded like <see cref="Int8Quads"/>.</summary>
    Int8Floats,

    /// <summary>Two BF16 for k = 2s (low half) and 2s + 1 (high half); an odd K is padded with zero.</summary>
    BFloat16Pairs,

    /// <summary>Two integers likewise.</summary>
    Int16Pairs,

    /// <summary>Two integers likewise, rounded like <see cref="Int8Quads"/>: for processors that multiply pairs only.</summary>
    Int8Pairs,

    /// <summary>
    /// Left side of vpdpbusd: four signed integers for k = 4s (low byte) … 4s + 3. Behind the scales a row of −128 · Σ_k q, which takes
    /// back the 128 that the right side adds.
    /// </summary>
    Int8Quads,

    /// <summary>Right side of vpdpbusd: four integers q + 128.</summary>
    UInt8Quads,

    /// <summary>
    /// The same for weights of 4 bits, as they stay in memory: eight integers q + 8, those of k = 8s … 8s + 3 in the low halves of the
    /// bytes, the next four in the high halves. A block of K is spread out to <see cref="UInt8Quads"/> before it is multiplied.
    /// </summary>
    UInt4Octets,

    /// <summary>
    /// Weights in the blocks of a file, row by row, not arranged at all: a block of K of one panel is turned into integers and arranged
    /// before it is multiplied.
    /// </summary>
    Blocks,
}

internal static class PanelFormats
{
    // 384 steps × 14 rows take 5,376 cycles of multiply-adds; adding the tile to C takes about 100.
    private const int MaxKBlock = 384;

    // Pairs take half as many steps; more than 512 products of 12-bit integers could overflow.
    private const int MaxKBlockOfPairs = 512;

    // Quads take a quarter; 66,000 products could overflow, but a panel of B should stay within the first two levels of cache.
    private const int MaxKBlockOfQuads = 2048;

    // What blocks of K are a multiple of: whole elements, whole transpositions; whole blocks of weights.
    private const int Unit = 16;
    private const int UnitOfQuads = UnpackedBlocks.MaxValues;

    internal static int ValuesPerElement(this PanelFormat format) => format switch
    {
        PanelFormat.BFloat16Pairs or PanelFormat.Int16Pairs or PanelFormat.Int8Pairs => 2,
        PanelFormat.Int8Quads or PanelFormat.UInt8Quads => 4,
        PanelFormat.UInt4Octets => 8,
        _ => 1,
    };

    /// <summary>Largest magnitude of an integer in this format; 0 if it holds none.</summary>
    internal static int Limit(this PanelFormat format) => format switch
    {
        PanelFormat.Int16Floats or PanelFormat.Int16Pairs => 2047,
        PanelFormat.Int8Floats or PanelFormat.Int8Pairs or PanelFormat.Int8Quads or PanelFormat.UInt8Quads => 127,
        _ => 0,
    };

    internal static bool IsScaled(this PanelFormat format) => format.Limit() != 0;

    /// <summary>The format of B in a product whose A has this format.</summary>
    internal static PanelFormat OfRightSide(this PanelFormat format) => format == PanelFormat.Int8Quads ? PanelFormat.UInt8Quads : format;

    /// <summary>
    /// The format of B in memory, for elements of <paramref name="stored"/>; blocks stay what they are where panels would be larger.
    /// </summary>
    internal static PanelFormat OfRightSide(this PanelFormat format, DType stored) =>
        stored.IsBlocks() && (format, stored) is not (PanelFormat.Int8Quads, DType.Q8_0) ? PanelFormat.Blocks
        : format == PanelFormat.Int8Quads && stored == DType.Int4 ? PanelFormat.UInt4Octets
        : format.OfRightSide();

    /// <summary>Steps that <paramref name="k"/> values of k take.</summary>
    internal static int Steps(this PanelFormat format, int k) => MatMulPlan.Ceiling(k, format.ValuesPerElement());

    /// <summary>Rows of a panel with a block of <paramref name="k"/> values of k: its steps and what follows them.</summary>
    internal static int PanelRows(this PanelFormat format, int k) => format.Steps(k) + format switch
    {
        PanelFormat.Int16Pairs or PanelFormat.Int8Pairs or PanelFormat.UInt8Quads or PanelFormat.UInt4Octets => 1,
        PanelFormat.Int8Quads => 2,
        _ => 0,
    };

    /// <summary>Values of k per block: as equal as units allow.</summary>
    internal static int BlockOfK(this PanelFormat format, int k)
    {
        (int longest, int unit) = format switch
        {
            PanelFormat.Floats or PanelFormat.RoundedFloats => (MaxKBlock, Unit),
            PanelFormat.BFloat16Pairs or PanelFormat.Int16Pairs or PanelFormat.Int16Floats => (MaxKBlockOfPairs, Unit),
            _ => (MaxKBlockOfQuads, UnitOfQuads),
        };
        int blocks = Math.Max(1, MatMulPlan.Ceiling(k, longest));
        unit = blocks == 1 ? Unit : unit;
        return Math.Max(1, MatMulPlan.Ceiling(MatMulPlan.Ceiling(k, blocks), unit)) * unit;
    }
}
