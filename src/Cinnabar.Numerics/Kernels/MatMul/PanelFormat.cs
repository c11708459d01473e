namespace Cinnabar.Numerics.Kernels;

/// <summary>How elements lie in a panel; every element takes 32 bits. A step is a row of elements: one k, or two where they are pairs.</summary>
internal enum PanelFormat
{
    /// <summary>One F32 per k.</summary>
    Floats,

    /// <summary>One F32 per k that was rounded to BF16.</summary>
    RoundedFloats,

    /// <summary>One F32 per k that was rounded like <see cref="Int16Pairs"/>.</summary>
    ScaledFloats,

    /// <summary>Two BF16 for k = 2s (low half) and 2s + 1 (high half); an odd K is padded with zero.</summary>
    BFloat16Pairs,

    /// <summary>Two integers likewise; behind the steps of a block one more row holds the F32 scale of each position.</summary>
    Int16Pairs,
}

internal static class PanelFormats
{
    // 384 steps × 14 rows take 5,376 cycles of multiply-adds; adding the tile to C takes about 100.
    private const int MaxKBlock = 384;

    // Pairs take half as many steps; more than 512 products of 12-bit integers could overflow.
    private const int MaxKBlockOfPairs = 512;

    internal static bool IsPairs(this PanelFormat format) => format is PanelFormat.BFloat16Pairs or PanelFormat.Int16Pairs;

    internal static bool IsScaled(this PanelFormat format) => format is PanelFormat.ScaledFloats or PanelFormat.Int16Pairs;

    internal static bool HasScaleRow(this PanelFormat format) => format == PanelFormat.Int16Pairs;

    /// <summary>Steps that <paramref name="k"/> values of k take.</summary>
    internal static int Steps(this PanelFormat format, int k) => format.IsPairs() ? (k + 1) / 2 : k;

    /// <summary>Rows of a panel with a block of <paramref name="k"/> values of k: its steps and, in some formats, the scales.</summary>
    internal static int PanelRows(this PanelFormat format, int k) => format.Steps(k) + (format.HasScaleRow() ? 1 : 0);

    /// <summary>Values of k per block: equal blocks, a multiple of 16 (even for pairs, whole transpositions).</summary>
    internal static int BlockOfK(this PanelFormat format, int k)
    {
        int blocks = Math.Max(1, MatMulPlan.Ceiling(k, format.IsPairs() || format.IsScaled() ? MaxKBlockOfPairs : MaxKBlock));
        return Math.Max(1, MatMulPlan.Ceiling(MatMulPlan.Ceiling(k, blocks), 16)) * 16;
    }
}
