// The state of one product while it runs: what PackedMatMul's loops refer to. It is reused by whoever multiplies next, so that a
// product allocates nothing once its buffers have grown. Items are run by all threads of the pool; each packs A into its own buffer, or
// where A has few rows or is computed (MatMulPlan.SharesLeft) finds it packed.
using Cinnabar.Numerics.Jit;

namespace Cinnabar.Numerics.Kernels;

internal sealed unsafe partial class PackedProduct
{
    // Below this many multiply-adds waking the other threads costs more than they save (about 10 µs of work).
    private const long SmallestShared = 500_000;

    // For the block of A that a worker works on.
    [ThreadStatic]
    private static PanelBuffer? t_leftBlock;

    private readonly WorkerPool _workers;
    private readonly PanelBuffer _callersLeftBlock = new();
    private readonly PanelBuffer _rightBuffer = new();
    private readonly PanelBuffer _sharedLeftBuffer = new();
    private readonly Action<int> _packItem;
    private readonly Action<int> _packLeftItem;
    private readonly Action<int> _multiplyItem;

    private int _caller;
    private ProductFormat _product;
    private TileKernel _kernel = null!;
    private PanelFormat _format; // of the left side
    private PanelSource _left;
    private RowSource? _computedLeft; // instead of _left
    private PanelSource _right;
    private MatMulPlan _plan;
    private int _k;
    private uint* _panels;
    private uint* _sharedLeft;
    private float* _c;
    private int _rows;
    private int _columns;
    private int _rowStride;
    private bool _accumulate;

    /// <summary>Makes the state of products that follow each other.</summary>
    /// <param name="workers">Threads that share a product.</param>
    internal PackedProduct(WorkerPool workers)
    {
        _workers = workers;
        _packItem = PackItem;
        _packLeftItem = PackLeftItem;
        _multiplyItem = MultiplyItem;
    }

    /// <summary>C (+)= A·B.</summary>
    internal void Run(in Matrix a, in Matrix b, in Matrix c, bool accumulate, in ProductFormat format)
    {
        int threads = Begin(PanelSource.OfLeft(a), null, a.Columns, c, accumulate, format);
        _right = PanelSource.OfRight(b);
        if (format.Right != PanelFormat.Blocks)
        {
            _panels = _rightBuffer.Reserve(format.ElementsOfRight(_k, b.Columns));
            Loop(threads, PackingItems, _packItem);
        }

        MultiplyPacked(threads, leftIsPacked: false);
        KeepAlive(a, b.Storage, c);
    }

    /// <summary>C (+)= A·B with B in panels already.</summary>
    /// <param name="a">A.</param>
    /// <param name="panels">B; as it is where it lies in blocks.</param>
    /// <param name="c">C.</param>
    /// <param name="accumulate">Adds to C.</param>
    /// <param name="format">Of <paramref name="panels"/>.</param>
    /// <param name="leftIsPacked">The product before had the same A, which need not be packed again if it was packed as a whole.</param>
    internal void Run(in Matrix a, Tensor panels, in Matrix c, bool accumulate, in ProductFormat format, bool leftIsPacked)
    {
        bool same = leftIsPacked && IsPackedFor(format);
        int threads = Begin(PanelSource.OfLeft(a), null, a.Columns, c, accumulate, format);
        Take(panels);
        MultiplyPacked(threads, leftIsPacked: same);
        KeepAlive(a, panels, c);
    }

    /// <summary>C (+)= A·B with an A that is computed while it is packed and B in panels already.</summary>
    /// <inheritdoc cref="Run(in Matrix, Tensor, in Matrix, bool, in ProductFormat, bool)"/>
    internal void Run(RowSource a, Tensor panels, in Matrix c, bool accumulate, in ProductFormat format, bool leftIsPacked)
    {
        bool same = leftIsPacked && IsPackedFor(format);
        int threads = Begin(default, a, a.Columns, c, accumulate, format);
        Take(panels);
        MultiplyPacked(threads, leftIsPacked: same);
        _computedLeft = null; // refers to activations
        GC.KeepAlive(panels);
        GC.KeepAlive(c.Storage);
    }

    private void Take(Tensor panels)
    {
        _panels = (uint*)panels.Start;
        if (_product.Right == PanelFormat.Blocks)
        {
            _right = PanelSource.OfRight(panels.AsMatrix().Transposed);
        }
    }

    // Whether the A of the last product, as it was packed, is what a product of this format needs.
    private bool IsPackedFor(in ProductFormat format) =>
        _plan.SharesLeft && _product.Left == format.Left && _product.KBlock == format.KBlock;

    private void MultiplyPacked(int threads, bool leftIsPacked)
    {
        if (_plan.SharesLeft && !leftIsPacked)
        {
            int blocks = MatMulPlan.Ceiling(_k, _plan.KBlock);
            _sharedLeft = _sharedLeftBuffer.Reserve(blocks * SharedBlockSize);
            Loop(threads, blocks * _plan.RowPanels, _packLeftItem);
        }

        Loop(threads, _plan.RowBlocks * _plan.ColumnBlocks, _multiplyItem);
    }

    // The items know only pointers.
    private static void KeepAlive(in Matrix a, Tensor b, in Matrix c)
    {
        GC.KeepAlive(a.Storage);
        GC.KeepAlive(b);
        GC.KeepAlive(c.Storage);
    }

    private int Begin(in PanelSource left, RowSource? computedLeft, int k, in Matrix c, bool accumulate, in ProductFormat format)
    {
        int threads = (long)c.Rows * k * c.Columns < SmallestShared ? 1 : _workers.Threads;
        _caller = Environment.CurrentManagedThreadId;
        (_product, _kernel, _format) = (format, format.Kernel, format.Left);
        _left = left;
        _computedLeft = computedLeft;
        _k = k;
        _rows = c.Rows;
        _columns = c.Columns;
        bool isComputed = computedLeft is not null;
        bool rowsContiguous = !isComputed && left.KStride != 1;
        _plan = new MatMulPlan(
            _rows, _columns, format.KBlock, _kernel, threads, rowsContiguous, isComputed, format.RightIsSpread);
        _c = c.Floats;
        _rowStride = c.RowStride;
        _accumulate = accumulate;
        return threads;
    }

    private void Loop(int threads, int items, Action<int> body)
    {
        if (threads > 1)
        {
            _workers.For(items, body);
            return;
        }

        // As the workers do, so that the result is the same for any number of them.
        uint control = FloatControl.FlushDenormals();
        try
        {
            for (int item = 0; item < items; item++)
            {
                body(item);
            }
        }
        finally
        {
            FloatControl.Restore(control);
        }
    }

    private PanelFormat RightFormat => _product.Right;

    // Memory for the block of A that this thread works on. Workers are few and keep theirs; callers may be any threads of the process, and
    // what they need stays here.
    private PanelBuffer LeftBlock() =>
        Environment.CurrentManagedThreadId == _caller ? _callersLeftBlock : (t_leftBlock ??= new PanelBuffer());

    private void MultiplyItem(int item)
    {
        int rowBlock = item % _plan.RowBlocks;
        int columnBlock = item / _plan.RowBlocks;
        int firstRow = _plan.FirstRowPanel(rowBlock);
        int endRow = _plan.FirstRowPanel(rowBlock + 1);
        int firstColumn = _plan.FirstColumnPanel(columnBlock);
        int endColumn = _plan.FirstColumnPanel(columnBlock + 1);
        nint panelStep = _kernel.RowPanelWidth;
        nint blockSize = _plan.SharesLeft ? 0 : (endRow - firstRow) * panelStep * _format.PanelRows(_plan.KBlock);
        uint* own = LeftBlock().Reserve(blockSize + _product.ElementsOfSpread);
        for (int k = 0; k < _k; k += _plan.KBlock)
        {
            int count = Math.Min(_plan.KBlock, _k - k);
            nint panelSize = panelStep * _format.PanelRows(count);
            uint* block = own;
            if (_plan.SharesLeft)
            {
                block = SharedPanel(firstRow, k, panelSize);
            }
            else
            {
                PanelStrip strip = new(firstRow * _kernel.Rows, endRow - firstRow, _kernel.Rows, _kernel.RowPanelWidth, k, count);
                PanelPacker.Pack(_left, strip, _format, block, panelSize);
            }

            int next = k + _plan.KBlock;
            FetchAhead ahead = _plan.SharesLeft ? new FetchAhead(SharedLeft, 0, 1, 0, 1)
                : next < _k ? NextLeft(item, next)
                : NextLeft(item + _workers.Threads, 0);
            for (int panel = firstColumn; panel < endColumn; panel++)
            {
                MultiplyPanel(block, panelSize, firstRow, endRow, panel, k, count, own + blockSize, ref ahead);
            }
        }
    }

    // The part of A that this thread will probably pack next.
    private FetchAhead NextLeft(int item, int k)
    {
        int rowBlock = item % _plan.RowBlocks;
        int first = _plan.FirstRowPanel(rowBlock) * _kernel.Rows;
        int rows = Math.Min(_plan.FirstRowPanel(rowBlock + 1) * _kernel.Rows, _rows) - first;
        return new FetchAhead(_left, first, rows, k, Math.Min(_plan.KBlock, _k - k));
    }

    // All row panels of a block with one column panel; spread: memory for that panel if it is not multiplied as it lies.
    private void MultiplyPanel(
        uint* block, nint panelSize, int firstRow, int endRow, int columnPanel, int k, int count, uint* spread, ref FetchAhead ahead)
    {
        int steps = _format.Steps(count);
        int column = columnPanel * _kernel.Columns;
        int columns = Math.Min(_kernel.Columns, _columns - column);
        System.Runtime.CompilerServices.Unsafe.SkipInit(out TileArguments arguments);
        arguments.RowBytes = (nint)_rowStride * sizeof(float);
        arguments.Steps = steps;
        arguments.Accumulate = _accumulate || k > 0 ? 1 : 0;
        byte* nextRight = null;
        byte* endRight = null;
        if (RightFormat == PanelFormat.Blocks)
        {
            PanelStrip strip = new(column, 1, _kernel.Columns, _kernel.Columns, k, count);
            PanelOfBlocks.Spread(_right, strip, _format.OfRightSide(), spread);
            arguments.B = spread;
        }
        else
        {
            nint panelBytes = (nint)RightFormat.PanelRows(count) * _kernel.Columns * sizeof(uint);
            uint* panel = RightPanel(columnPanel, k, RightFormat.PanelRows(count));
            nextRight = (byte*)panel + panelBytes;
            endRight = nextRight + panelBytes;
            arguments.B = panel;
            if (RightFormat == PanelFormat.UInt4Octets)
            {
                PanelOfInt4.Spread(panel, RightFormat.Steps(count), _kernel.Columns, spread);
                arguments.B = spread;
            }
        }

        for (int rowPanel = firstRow; rowPanel < endRow; rowPanel++)
        {
            int row = rowPanel * _kernel.Rows;
            arguments.A = block + ((rowPanel - firstRow) * panelSize);
            arguments.C = _c + ((nint)row * _rowStride) + column;
            if (nextRight < endRight)
            {
                arguments.Fetch = nextRight;
                arguments.FetchStep = FetchAhead.Line;
                nextRight += FetchAhead.Lines(steps) * FetchAhead.Line;
            }
            else
            {
                ahead.Next(ref arguments);
            }

            _kernel.Run(&arguments, Math.Min(_kernel.Rows, _rows - row), columns);
        }
    }
}
