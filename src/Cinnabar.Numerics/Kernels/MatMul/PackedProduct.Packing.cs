// How the panels of a product are filled: those of B before everything else or once for many products, those of A item by item or, where
// they are shared, before the items (MatMulPlan.SharesLeft).
namespace Cinnabar.Numerics.Kernels;

internal sealed unsafe partial class PackedProduct
{
    // B panels or rows per packing item: enough that an item is a few microseconds. The number of rows is even, for pairs.
    private const int PanelsPerPackingItem = 4;
    private const int RowsPerPackingItem = 64;

    /// <summary>Packs all of B into <paramref name="panels"/>.</summary>
    internal void PackRight(in Matrix b, in ProductFormat format, Tensor panels)
    {
        (_product, _kernel, _format) = (format, format.Kernel, format.Left);
        _k = b.Rows;
        _plan = new MatMulPlan(0, b.Columns, format.KBlock, _kernel, threads: 1, rowsContiguous: false);
        _right = PanelSource.OfRight(b);
        _panels = (uint*)panels.Start;
        Loop(_workers.Threads, PackingItems, _packItem);
        GC.KeepAlive(b.Storage);
        GC.KeepAlive(panels);
    }

    private int PackingItems => PackingItemsPerBlock * MatMulPlan.Ceiling(_k, _plan.KBlock);

    // A scale needs the whole block of K.
    private bool PackByColumns => _right.KStride == 1 || _format.IsScaled();

    private int PackingItemsPerBlock => PackByColumns
        ? MatMulPlan.Ceiling(_plan.ColumnPanels, PanelsPerPackingItem)
        : MatMulPlan.Ceiling(_plan.KBlock, RowsPerPackingItem);

    private uint* RightPanel(int panel, int k, int rowsOfBlock)
    {
        nint before = (nint)(k / _plan.KBlock) * RightFormat.PanelRows(_plan.KBlock) * _plan.ColumnPanels;
        return _panels + ((before + ((nint)panel * rowsOfBlock)) * _kernel.Columns);
    }

    // An item reads memory in long runs: some columns of B where k is contiguous, some rows where columns are.
    private void PackItem(int item)
    {
        int k = item / PackingItemsPerBlock * _plan.KBlock;
        int count = Math.Min(_plan.KBlock, _k - k);
        int part = item % PackingItemsPerBlock;
        int panelRows = RightFormat.PanelRows(count);
        nint panelSize = (nint)panelRows * _kernel.Columns;
        if (PackByColumns)
        {
            int first = part * PanelsPerPackingItem;
            int panels = Math.Min(_plan.ColumnPanels - first, PanelsPerPackingItem);
            PanelStrip strip = new(first * _kernel.Columns, panels, _kernel.Columns, _kernel.Columns, k, count);
            PanelPacker.Pack(_right, strip, RightFormat, RightPanel(first, k, panelRows), panelSize);
        }
        else if (part * RowsPerPackingItem < count)
        {
            int first = part * RowsPerPackingItem;
            int rows = Math.Min(count - first, RowsPerPackingItem);
            PanelStrip strip = new(0, _plan.ColumnPanels, _kernel.Columns, _kernel.Columns, k + first, rows);
            uint* to = RightPanel(0, k, panelRows) + ((nint)_format.Steps(first) * _kernel.Columns);
            PanelPacker.Pack(_right, strip, RightFormat, to, panelSize);
        }
    }

    // Elements of all row panels with one block of K, in shared memory.
    private nint SharedBlockSize => (nint)_plan.RowPanels * _kernel.RowPanelWidth * _format.PanelRows(_plan.KBlock);

    private uint* SharedPanel(int panel, int k, nint panelSize) => _sharedLeft + (k / _plan.KBlock * SharedBlockSize) + (panel * panelSize);

    private void PackLeftItem(int item)
    {
        int panel = item % _plan.RowPanels;
        int k = item / _plan.RowPanels * _plan.KBlock;
        int count = Math.Min(_plan.KBlock, _k - k);
        nint panelSize = (nint)_kernel.RowPanelWidth * _format.PanelRows(count);
        PanelStrip strip = new(panel * _kernel.Rows, 1, _kernel.Rows, _kernel.RowPanelWidth, k, count);
        uint* to = SharedPanel(panel, k, panelSize);
        if (_computedLeft is null)
        {
            PanelPacker.Pack(_left, strip, _format, to, panelSize);
        }
        else
        {
            PanelPacker.Pack(Computed(_computedLeft, strip), strip with { First = 0, K = 0 }, _format, to, panelSize);
        }
    }

    // The rows of a strip, in the calling thread's memory for a block of A.
    private PanelSource Computed(RowSource source, in PanelStrip strip)
    {
        int rows = Math.Min(strip.Distance, _rows - strip.First);
        float* block = (float*)LeftBlock().Reserve((long)rows * strip.Count);
        for (int row = 0; row < rows; row++)
        {
            source.Write(strip.First + row, strip.K, strip.Count, block + ((nint)row * strip.Count));
        }

        return new PanelSource((nint)block, DType.F32, rows, strip.Count, 1);
    }

    // Nothing of A is packed any more: it is always the same line that is fetched.
    private PanelSource SharedLeft => new((nint)_sharedLeft, DType.F32, 1, 1, 1);
}
