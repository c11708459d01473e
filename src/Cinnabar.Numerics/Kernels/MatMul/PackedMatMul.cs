// Blocked matrix product over packed panels (Goto and van de Geijn 2008; Van Zee and van de Geijn 2015, "BLIS", fig. 1).
//
//   pack all of B into panels [K block][column panel][step][column]            (all threads)
//   for each item = (block of rows, block of columns) of C                     (all threads)
//     for each block of K                                                      (ascending: the order of the sum)
//       pack the block of A into panels [row panel][step][row]                 (thread's own memory, second-level cache)
//       for each column panel, for each row panel: one register tile           (TileKernel)
//
// Where the panels of B are more than one array can hold, B is cut into parts along its columns, which are multiplied one after the other.
// An element of C has the same bits whichever part and panel its column is in.
using System.Collections.Concurrent;
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

    // Those that are not in use. A thread takes the one that it used last, with its buffers in cache, unless another needed it meanwhile.
    private readonly ConcurrentBag<PackedProduct> _products = [];

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
    }

    /// <summary>The most elements of 32 bits in the panels of a part of B; fewer in tests.</summary>
    internal long MostElements { get; set; } = Tensor.MostBytes / sizeof(uint);

    /// <inheritdoc/>
    public MatMulPrecision Fastest => _pairs is null && _shorts is not null ? MatMulPrecision.Int16 : MatMulPrecision.BF16;

    /// <inheritdoc/>
    public void Multiply(in Matrix a, in Matrix b, in Matrix c, bool accumulate, MatMulPrecision precision)
    {
        MatMulShapes.Check(a, b.Rows, b.Columns, c);
        MatMulShapes.CheckInside(b);
        if (IsEmpty(a.Columns, c, accumulate))
        {
            return;
        }

        (ProductFormat format, Matrix right) = Choose(precision, b);
        int columns = format.ColumnsOfPart(b.Rows, b.Columns, MostElements);
        PackedProduct product = Rent();
        for (int part = 0; part < MatMulPlan.Ceiling(b.Columns, columns); part++)
        {
            product.Run(a, Part(right, part, columns), Part(c, part, columns), accumulate, format);
        }

        _products.Add(product);
    }

    /// <inheritdoc/>
    public void Pack(in Matrix b, MatMulPrecision precision, ref PackedMatrix? packed)
    {
        MatMulShapes.CheckInside(b);
        (ProductFormat format, Matrix right) = Choose(precision, b);
        Panels panels = packed as Panels ?? new Panels();
        panels.Maker = null; // of no use before it is whole again
        int columns = format.ColumnsOfPart(b.Rows, b.Columns, MostElements);
        int parts = Math.Max(1, MatMulPlan.Ceiling(b.Columns, columns));
        if (panels.Parts.Length != parts)
        {
            panels.Parts = new Tensor?[parts];
        }

        if (format.Right == PanelFormat.Blocks)
        {
            panels.Parts[0] = b.Storage;
        }
        else
        {
            PackedProduct product = Rent();
            for (int part = 0; part < parts; part++)
            {
                ref Tensor? storage = ref panels.Parts[part];
                storage = storage is { Type: DType.F32 } ? storage : null; // blocks belong to a weight
                Matrix columnsOfPart = Part(right, part, columns);
                Tensor room = Scratch.AtLeast(ref storage, checked((int)format.ElementsOfRight(b.Rows, columnsOfPart.Columns)));
                if (b.Rows > 0 && b.Columns > 0)
                {
                    product.PackRight(columnsOfPart, format, room);
                }
            }

            _products.Add(product);
        }

        (panels.Maker, panels.Format, panels.ColumnsOfPart) = (this, format, columns);
        (panels.Rows, panels.Columns) = (b.Rows, b.Columns);
        packed = panels;
    }

    /// <inheritdoc/>
    public void Multiply(in Matrix a, PackedMatrix b, in Matrix c, bool accumulate)
    {
        PackedProduct product = Rent();
        Multiply(product, a, b, c, accumulate, leftIsPacked: false);
        _products.Add(product);
    }

    /// <inheritdoc/>
    public void Multiply(in Matrix a, ReadOnlySpan<PackedMatrix> b, ReadOnlySpan<Matrix> c)
    {
        PackedProduct product = Rent();
        bool leftIsPacked = false;
        for (int i = 0; i < b.Length; i++)
        {
            leftIsPacked = Multiply(product, a, b[i], c[i], accumulate: false, leftIsPacked);
        }

        _products.Add(product);
    }

    /// <inheritdoc/>
    public void Multiply(RowSource a, ReadOnlySpan<PackedMatrix> b, ReadOnlySpan<Matrix> c, bool accumulate)
    {
        PackedProduct product = Rent();
        bool leftIsPacked = false;
        for (int i = 0; i < b.Length; i++)
        {
            Panels panels = Own(b[i]);
            MatMulShapes.Check(a.Rows, a.Columns, b[i].Rows, b[i].Columns, c[i]);
            bool isEmpty = IsEmpty(a.Columns, c[i], accumulate);
            for (int part = 0; part < panels.Parts.Length && !isEmpty; part++)
            {
                product.Run(a, panels.Parts[part]!, Part(c[i], part, panels.ColumnsOfPart), accumulate, panels.Format, leftIsPacked);
                leftIsPacked = true;
            }
        }

        _products.Add(product);
    }

    // False if there was nothing to multiply.
    private bool Multiply(PackedProduct product, in Matrix a, PackedMatrix b, in Matrix c, bool accumulate, bool leftIsPacked)
    {
        Panels panels = Own(b);
        MatMulShapes.Check(a, b.Rows, b.Columns, c);
        bool isEmpty = IsEmpty(a.Columns, c, accumulate);
        for (int part = 0; part < panels.Parts.Length && !isEmpty; part++)
        {
            Matrix result = Part(c, part, panels.ColumnsOfPart);
            product.Run(a, panels.Parts[part]!, result, accumulate, panels.Format, leftIsPacked || part > 0);
        }

        return !isEmpty;
    }

    private static Matrix Part(in Matrix matrix, int part, int columns) =>
        matrix.Slice(0, matrix.Rows, part * columns, Math.Min(columns, matrix.Columns - (part * columns)));

    // The state of the products of one call, which gives it back if it ends well.
    private PackedProduct Rent() => _products.TryTake(out PackedProduct? product) ? product : new PackedProduct(_workers);

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

    /// <summary>B in panels, or a weight in blocks as it is.</summary>
    internal sealed class Panels : PackedMatrix
    {
        /// <summary>Columns of each part but perhaps the last.</summary>
        public int ColumnsOfPart { get; set; }

        /// <summary>The parts, one behind the other along the columns.</summary>
        public Tensor?[] Parts { get; set; } = new Tensor?[1];

        /// <inheritdoc/>
        public override long Bytes => Format.Right == PanelFormat.Blocks
            ? Parts[0]!.Bytes.Length + Parts[0]!.Scales!.Bytes.Length
            : Format.ElementsOfRight(Rows, Columns) * sizeof(uint);

        /// <summary>Whose it is; null: nobody's, as it is not whole.</summary>
        public PackedMatMul? Maker { get; set; }

        /// <summary>How it is packed.</summary>
        public ProductFormat Format { get; set; }
    }
}
