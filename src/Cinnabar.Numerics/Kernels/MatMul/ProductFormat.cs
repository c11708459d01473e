// How a product is computed: by which tile, with which panels, and in which blocks of K. Weights whose scale changes along K set the block:
// a scale must be the same for a whole block, on both sides.
namespace Cinnabar.Numerics.Kernels;

/// <summary>The kernel and the panels of a product.</summary>
/// <param name="Kernel">Multiplies panels.</param>
/// <param name="Left">Panels of A.</param>
/// <param name="Right">Panels of B as they lie in memory.</param>
/// <param name="KBlock">Values of k in every block but the last.</param>
internal readonly record struct ProductFormat(TileKernel Kernel, PanelFormat Left, PanelFormat Right, int KBlock)
{
    /// <summary>The format of a product with <paramref name="b"/> [K, N].</summary>
    internal static ProductFormat Of(TileKernel kernel, PanelFormat left, in Matrix b) =>
        new(kernel, left, left.OfRightSide(b.Storage.Type), BlockOfK(left, b));

    /// <summary>Values of k per block.</summary>
    internal static int BlockOfK(PanelFormat left, in Matrix b)
    {
        int group = b.Storage.GroupSize;
        return group > 0 && group < b.Rows ? group : left.BlockOfK(b.Rows);
    }

    /// <summary>Elements of 32 bits that all panels of B take; not of blocks, which are not arranged.</summary>
    internal long ElementsOfRight(int k, int columns)
    {
        long rows = ((long)(k / KBlock) * Right.PanelRows(KBlock)) + (k % KBlock == 0 ? 0 : Right.PanelRows(k % KBlock));
        return checked(rows * MatMulPlan.Ceiling(columns, Kernel.Columns) * Kernel.Columns);
    }

    /// <summary>
    /// Columns of each part, the last one's perhaps fewer, into which B is cut so that the panels of none take more than
    /// <paramref name="mostElements"/> of 32 bits: whole panels, and as equal parts as these allow.
    /// </summary>
    internal int ColumnsOfPart(int k, int columns, long mostElements)
    {
        if (Right == PanelFormat.Blocks)
        {
            return Math.Max(1, columns); // not arranged
        }

        int panels = MatMulPlan.Ceiling(columns, Kernel.Columns);
        long most = Math.Max(1, mostElements / Math.Max(1, ElementsOfRight(k, columns: 1)));
        int parts = (int)Math.Max(1, (panels + most - 1) / most);
        return Math.Max(1, MatMulPlan.Ceiling(panels, parts)) * Kernel.Columns;
    }

    /// <summary>Elements of 32 bits that a panel of B takes once it is spread out; 0 if it is multiplied as it lies.</summary>
    internal long ElementsOfSpread => RightIsSpread ? (long)Left.OfRightSide().PanelRows(KBlock) * Kernel.Columns : 0;

    /// <summary>Whether panels of B are spread out before they are multiplied.</summary>
    internal bool RightIsSpread => Right is PanelFormat.UInt4Octets or PanelFormat.Blocks;
}
