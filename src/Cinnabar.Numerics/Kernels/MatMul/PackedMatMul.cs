// Blocked matrix product over packed panels (Goto and van de Geijn 2008; Van Zee and van de Geijn 2015, "BLIS", fig. 1).
//
//   pack all of B into panels [K block][column panel][step][column]            (all threads)
//   for each item = (block of rows, block of columns) of C                     (all threads)
//     for each block of K                                                      (ascending: the order of the sum)
//       pack the block of A into panels [row panel][step][row]                 (thread's own memory, second-level cache)
//       for each column panel, for each row panel: one register tile           (TileKernel)
using System.Diagnostics;

namespace Cinnabar.Numerics.Kernels;

/// <summary>
/// Matrix product by register tiles over packed panels: the <see cref="KernelForm.Vector"/> and <see cref="KernelForm.Jit"/> forms.
/// </summary>
public sealed class PackedMatMul : IMatMul
{
    private readonly WorkerPool _workers;
    private readonly TileKernel _floats;
    private readonly TileKernel? _pairs;
    private readonly TileKernel? _shorts;
    private readonly TileKernel? _bytes;
    private readonly ThreadLocal<PackedProduct> _products;

    /// <summary>Makes a product from its tile kernels.</summary>
    /// <param name="workers">Threads that share a product.</param>
    /// <param name="floats">Kernel for F32 panels.</param>
    /// <param name="pairs">Kernel for BF16 panels; null: BF16 products use rounded F32 panels.</param>
    /// <param name="shorts">Kernel for 16-bit integer panels; null: such products use rounded F32 panels.</param>
    /// <param name="bytes">Kernel for 8-bit integer panels; null: such products use 16-bit integer panels.</param>
    internal PackedMatMul(
        WorkerPool workers, TileKernel floats, TileKernel? pairs = null, TileKernel? shorts = null, TileKernel? bytes = null)
    {
        _workers = workers;
        _floats = floats;
        _pairs = pairs;
        _shorts = shorts;
        _bytes = bytes;
        _products = new ThreadLocal<PackedProduct>(() => new PackedProduct(_workers, LeftBlock));
    }

    /// <inheritdoc/>
    public MatMulPrecision Fastest => _pairs is null && _shorts is not null ? MatMulPrecision.Int16 : MatMulPrecision.BF16;

    /// <inheritdoc/>
    public void Multiply(in Matrix a, in Matrix b, in Matrix c, bool accumulate, MatMulPrecision precision)
    {
        MatMulShapes.Check(a, b.Rows, b.Columns, c);
        MatMulShapes.CheckInside(b);
        if (!IsEmpty(a.Columns, c, accumulate))
        {
            (ProductFormat format, Matrix right) = Choose(precision, b);
            _products.Value!.Run(a, right, c, accumulate, format);
        }
    }

    /// <inheritdoc/>
    public void Pack(in Matrix b, MatMulPrecision precision, ref PackedMatrix? packed)
    {
        MatMulShapes.CheckInside(b);
        Panels panels = packed as Panels ?? new Panels();
        panels.Maker = this;
        (panels.Format, Matrix right) = Choose(precision, b);
        panels.Rows = b.Rows;
        panels.Columns = b.Columns;
        packed = panels;
        if (panels.Format.Right == PanelFormat.Blocks)
        {
            panels.Storage = b.Storage;
            return;
        }

        panels.Storage = panels.Storage is { Type: DType.F32 } ? panels.Storage : null; // blocks belong to a weight
        Tensor storage = Scratch.AtLeast(ref panels.Storage, checked((int)panels.Format.ElementsOfRight(b.Rows, b.Columns)));
        if (b.Rows > 0 && b.Columns > 0)
        {
            _products.Value!.PackRight(right, panels.Format, storage);
        }
    }

    /// <inheritdoc/>
    public void Multiply(in Matrix a, PackedMatrix b, in Matrix c, bool accumulate) => Multiply(a, b, c, accumulate, leftIsPacked: false);

    /// <inheritdoc/>
    public void Multiply(in Matrix a, ReadOnlySpan<PackedMatrix> b, ReadOnlySpan<Matrix> c)
    {
        bool leftIsPacked = false;
        for (int i = 0; i < b.Length; i++)
        {
            leftIsPacked = Multiply(a, b[i], c[i], accumulate: false, leftIsPacked);
        }
    }

    /// <inheritdoc/>
    public void Multiply(RowSource a, ReadOnlySpan<PackedMatrix> b, ReadOnlySpan<Matrix> c)
    {
        bool leftIsPacked = false;
        for (int i = 0; i < b.Length; i++)
        {
            Panels panels = Own(b[i]);
            MatMulShapes.Check(a.Rows, a.Columns, b[i].Rows, b[i].Columns, c[i]);
            if (!IsEmpty(a.Columns, c[i], accumulate: false))
            {
                _products.Value!.Run(a, panels.Storage!, c[i], panels.Format, leftIsPacked);
                leftIsPacked = true;
            }
        }
    }

    // False if there was nothing to multiply.
    private bool Multiply(in Matrix a, PackedMatrix b, in Matrix c, bool accumulate, bool leftIsPacked)
    {
        Panels panels = Own(b);
        MatMulShapes.Check(a, b.Rows, b.Columns, c);
        bool isEmpty = IsEmpty(a.Columns, c, accumulate);
        if (!isEmpty)
        {
            _products.Value!.Run(a, panels.Storage!, c, accumulate, panels.Format, leftIsPacked);
        }

        return !isEmpty;
    }

    private Panels Own(PackedMatrix b) => b is Panels panels && panels.Maker == this
        ? panels
        : throw new ArgumentException("The matrix was packed by another product.", nameof(b));

    // Processors without products of bytes multiply weights of 4 bits like those of 8: the same integers, the same scales.
    private (ProductFormat Format, Matrix Right) Choose(MatMulPrecision precision, in Matrix b)
    {
        (TileKernel kernel, PanelFormat left) = Choose(precision);
        if (b.Storage.Type.IsBlocks() && (precision != MatMulPrecision.Int8 || b != b.Storage.AsMatrix().Transposed))
        {
            throw new ArgumentException(
                $"Weights in blocks may only be used whole, as the right side Wᵀ of a product of Int8, found {b} at {precision}.");
        }

        if (b.Storage.Type.IsInteger() && left is PanelFormat.BFloat16Pairs or PanelFormat.Int16Pairs)
        {
            throw new ArgumentException(
                $"Weights of integers are multiplied at Int8 or F32, found {b} at {precision}, whose panels hold two values side by side.");
        }

        Matrix right = b.Storage.Type == DType.Int4 && left != PanelFormat.Int8Quads
            ? b with { Storage = b.Storage.Quantize(DType.Int8, b.Storage.GroupSize) }
            : b;
        return (ProductFormat.Of(kernel, left, right), right);
    }

    private (TileKernel Kernel, PanelFormat Format) Choose(MatMulPrecision precision) => precision switch
    {
        MatMulPrecision.F32 => (_floats, PanelFormat.Floats),
        MatMulPrecision.BF16 when _pairs is not null => (_pairs, PanelFormat.BFloat16Pairs),
        MatMulPrecision.BF16 => (_floats, PanelFormat.RoundedFloats),
        MatMulPrecision.Int16 when _shorts is not null => (_shorts, PanelFormat.Int16Pairs),
        MatMulPrecision.Int16 => (_floats, PanelFormat.Int16Floats),
        MatMulPrecision.Int8 when _bytes is not null => (_bytes, PanelFormat.Int8Quads),
        MatMulPrecision.Int8 when _shorts is not null => (_shorts, PanelFormat.Int8Pairs),
        MatMulPrecision.Int8 => (_floats, PanelFormat.Int8Floats),
        _ => throw new UnreachableException(),
    };

    // A sum of no terms is zero.
    private static bool IsEmpty(int k, in Matrix c, bool accumulate)
    {
        for (int row = 0; k == 0 && !accumulate && row < c.Rows; row++)
        {
            c.Storage.Floats.Slice(c.Offset + (row * c.RowStride), c.Columns).Clear();
        }

        return k == 0 || c.Rows == 0 || c.Columns == 0;
    }

    // The scratch memory of the calling thread for blocks of A.
    private PanelBuffer LeftBlock() => _products.Value!.LeftBuffer;

    private sealed class Panels : PackedMatrix
    {
        public Tensor? Storage;

        public override long Bytes => Format.Right == PanelFormat.Blocks
            ? Storage!.Bytes.Length + Storage.Scales!.Bytes.Length
            : Format.ElementsOfRight(Rows, Columns) * sizeof(uint);

        public PackedMatMul? Maker { get; set; }

        public ProductFormat Format { get; set; }
    }
}
