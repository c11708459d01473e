// How a product is cut. K is cut first, by its size alone: every element of C is the sum of its K blocks in ascending order,
// each block summed k by k in one register lane. M and N are then cut into items for the threads; that cut may depend on the
// number of threads, because it decides only who computes an element, never how.
//
// Sizes (Goto and van de Geijn 2008, §5): an A block of MaxRowPanels panels × one K block stays in the second-level cache, while the
// B panels stream past it; a K block is long enough that loading and storing the tile of C is a small part of the work.
namespace Cinnabar.Numerics.Kernels;

internal readonly record struct MatMulPlan
{
    // 8 panels × 16 × 384 × 4 bytes = 192 KiB; as much again is the source of the next block, fetched meanwhile.
    private const int MaxRowPanels = 8;

    // Where the rows of A are contiguous a block touches every k in another page; taller blocks visit each page less often.
    private const int MaxRowPanelsAcross = 16;

    // Where a panel of B is spread out before it is multiplied: as many rows of A as the second level holds, for each block of rows costs
    // another spreading. 20 panels × 16 × 2048 bytes = 640 KiB, beside 64 KiB of B.
    private const int MaxRowPanelsOfSpread = 20;

    // 32 panels × 32 columns: packing A again for each column block costs about 1 % of the work.
    private const int MaxColumnPanels = 32;

    // Items per thread that even out unequal speeds.
    private const int ItemsPerThread = 2;

    // So few row panels (336 rows of 14) do not divide evenly among threads, columns do; A is then packed once for all items, which would
    // cost as much as every fifth multiply-add if each of them did it for itself.
    private const int MaxSharedRowPanels = 24;
    private const int ItemsPerThreadOfShared = 4;

    internal MatMulPlan(
        int rows,
        int columns,
        int kBlock,
        TileKernel kernel,
        int threads,
        bool rowsContiguous,
        bool leftIsComputed = false,
        bool rightIsSpread = false)
    {
        KBlock = kBlock;
        RowPanels = Ceiling(rows, kernel.Rows);
        ColumnPanels = Ceiling(columns, kernel.Columns);
        RowBlocks = Ceiling(RowPanels, rightIsSpread ? MaxRowPanelsOfSpread : rowsContiguous ? MaxRowPanelsAcross : MaxRowPanels);
        ColumnBlocks = Ceiling(ColumnPanels, MaxColumnPanels);

        // What is computed is computed once.
        if (leftIsComputed || (RowPanels <= MaxSharedRowPanels && (threads > 1 || ColumnBlocks > 1)))
        {
            SharesLeft = true;

            // As many for each thread, so that none waits for another's last item.
            int blocks = Ceiling(Ceiling(threads * ItemsPerThreadOfShared, Math.Max(1, RowBlocks)), threads) * threads;
            ColumnBlocks = Math.Max(ColumnBlocks, Math.Min(ColumnPanels, blocks));
            return;
        }

        if (threads == 1)
        {
            return;
        }

        // Prefer cutting rows: every cut of columns packs A once more.
        int wanted = threads * ItemsPerThread;
        if (RowBlocks * ColumnBlocks < wanted)
        {
            RowBlocks = Math.Min(RowPanels, Ceiling(wanted, ColumnBlocks));
        }

        if (ColumnBlocks == 1)
        {
            RowBlocks = Math.Min(RowPanels, Ceiling(RowBlocks, threads) * threads);
        }
    }

    /// <summary>Values of k in every block but the last.</summary>
    internal int KBlock { get; }

    /// <summary>Panels of A.</summary>
    internal int RowPanels { get; }

    /// <summary>Panels of B.</summary>
    internal int ColumnPanels { get; }

    /// <summary>Cuts of M; block i has the panels from FirstRowPanel(i) to FirstRowPanel(i + 1).</summary>
    internal int RowBlocks { get; }

    /// <summary>Cuts of N.</summary>
    internal int ColumnBlocks { get; }

    /// <summary>Whether A is packed once, before the items, instead of by each item for itself.</summary>
    internal bool SharesLeft { get; }

    internal int FirstRowPanel(int block) => (int)((long)RowPanels * block / RowBlocks);

    internal int FirstColumnPanel(int block) => (int)((long)ColumnPanels * block / ColumnBlocks);

    internal static int Ceiling(int value, int divisor) => (value + divisor - 1) / divisor;
}
