// The matrix product on tensor cores. Operands are rounded to BF16 once, beside the elements they come from, and are multiplied with sums
// in F32: few rows by FewRowsProduct, others by ProductPlans. F32 is as exact as asked, without tensor cores. Integers of weights are exact
// in neither: they become the BF16 numbers nearest to integer times scale.
using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Numerics.Cuda;

/// <inheritdoc cref="IMatMul"/>
internal sealed class CudaMatMul(CudaDevice device) : IMatMul
{
    // What addresses of tensors, and of rows of them whose size allows it, are multiples of.
    private const int BestAlignment = 256;

    private readonly FewRowsProduct _fewRows = new(device);
    private readonly Matrix[] _weights = new Matrix[FewRowsProduct.MostWeights];

    /// <inheritdoc/>
    public MatMulPrecision Fastest => MatMulPrecision.BF16;

    /// <inheritdoc/>
    public void Multiply(in Matrix a, in Matrix b, in Matrix c, bool accumulate, MatMulPrecision precision)
    {
        MatMulShapes.Check(a, b.Rows, b.Columns, c);
        MatMulShapes.CheckInside(b);
        Multiply(a, new ReadOnlySpan<Matrix>(in b), new ReadOnlySpan<Matrix>(in c), accumulate, precision);
    }

    /// <inheritdoc/>
    public void Pack(in Matrix b, MatMulPrecision precision, ref PackedMatrix? packed)
    {
        MatMulShapes.CheckInside(b);
        DType type = TypeOf(precision);

        // On the host the elements are only needed until they are on the device; those that are BF16 already need no copy there.
        Tensor values = b.Storage.Type == type ? b.Storage : b.Storage.To(type);
        packed = new Held(b with { Storage = values }, precision) { Rows = b.Rows, Columns = b.Columns };
        device.Read(values);
        values.Storage.DropHost();
    }

    /// <inheritdoc/>
    public void Multiply(in Matrix a, PackedMatrix b, in Matrix c, bool accumulate)
    {
        Held held = Own(b);
        MatMulShapes.Check(a, b.Rows, b.Columns, c);
        Multiply(a, new ReadOnlySpan<Matrix>(in held.Matrix), new ReadOnlySpan<Matrix>(in c), accumulate, held.Precision);
    }

    /// <inheritdoc/>
    public void Multiply(in Matrix a, ReadOnlySpan<PackedMatrix> b, ReadOnlySpan<Matrix> c) => Multiply(a, b, c, accumulate: false);

    /// <inheritdoc/>
    public void Multiply(RowSource a, ReadOnlySpan<PackedMatrix> b, ReadOnlySpan<Matrix> c, bool accumulate)
    {
        Matrix rows = a is CudaRows computed
            ? computed.Values(Own(b[0]).Precision).AsMatrix()
            : throw new ArgumentException("The rows were made by another device's kernel.", nameof(a));
        Multiply(rows, b, c, accumulate);
    }

    private void Multiply(in Matrix a, ReadOnlySpan<PackedMatrix> b, ReadOnlySpan<Matrix> c, bool accumulate)
    {
        if (b.Length > _weights.Length)
        {
            Multiply(a, b[.._weights.Length], c[.._weights.Length], accumulate);
            Multiply(a, b[_weights.Length..], c[_weights.Length..], accumulate);
            return;
        }

        for (int i = 0; i < b.Length; i++)
        {
            MatMulShapes.Check(a, b[i].Rows, b[i].Columns, c[i]);
            _weights[i] = Own(b[i]).Matrix;
        }

        if (!b.IsEmpty)
        {
            Multiply(a, _weights.AsSpan(0, b.Length), c, accumulate, Own(b[0]).Precision);
        }
    }

    private static Held Own(PackedMatrix b) =>
        b as Held ?? throw new ArgumentException("The matrix was packed by another product.", nameof(b));

    private static DType TypeOf(MatMulPrecision precision) => precision == MatMulPrecision.F32 ? DType.F32 : DType.BF16;

    // F32 products of BF16 operands are exact, so nothing is lost by taking them as they are only where both are.
    private nint AddressOf(Tensor tensor, MatMulPrecision precision) => TypeOf(precision) == DType.BF16
        ? device.ReadRounded(tensor)
        : tensor.Type == DType.F32
            ? device.Read(tensor)
            : throw new ArgumentException($"Expected an operand of F32 for a product in F32, found {tensor}.");

    private void Multiply(in Matrix a, ReadOnlySpan<Matrix> b, ReadOnlySpan<Matrix> c, bool accumulate, MatMulPrecision precision)
    {
        if (TypeOf(precision) == DType.BF16 && _fewRows.Takes(a, b))
        {
            Span<nint> results = stackalloc nint[b.Length];
            bool isAdded = accumulate && !AreZero(c);
            for (int i = 0; i < b.Length; i++)
            {
                results[i] = Result(c[i], isAdded);
            }

            _fewRows.Multiply(a, b, c, results, isAdded);
            return;
        }

        for (int i = 0; i < b.Length; i++)
        {
            MultiplyByPlan(a, b[i], c[i], accumulate, precision);
        }
    }

    private void MultiplyByPlan(in Matrix a, in Matrix b, in Matrix c, bool accumulate, MatMulPrecision precision)
    {
        if (c.Rows == 0 || c.Columns == 0)
        {
            return;
        }

        accumulate = accumulate && !AreZero(new ReadOnlySpan<Matrix>(in c));
        nint addressC = Result(c, accumulate);
        if (a.Columns == 0)
        {
            // Row by row: what lies beside a part of a tensor stays.
            for (int row = 0; !accumulate && row < c.Rows; row++)
            {
                device.Clear(addressC + (sizeof(float) * (nint)row * c.RowStride), (long)c.Columns * sizeof(float));
            }

            return;
        }

        (bool transposeLeft, int leftStride) = Order(b);
        (bool transposeRight, int rightStride) = Order(a);
        DType type = TypeOf(precision);
        int size = type == DType.BF16 ? 2 : 4;
        nint left = AddressOf(b.Storage, precision) + (size * (nint)b.Offset);
        nint right = AddressOf(a.Storage, precision) + (size * (nint)a.Offset);
        int alignment = BestAlignment;
        while (((left | right | addressC) & (alignment - 1)) != 0)
        {
            alignment /= 2;
        }

        ProductShape shape = new(
            c.Columns, c.Rows, a.Columns, transposeLeft, transposeRight, leftStride, rightStride, c.RowStride, type, alignment);
        device.Multiply(shape, left, right, addressC, accumulate);
    }

    // Whether there is nothing in the results to add to.
    private bool AreZero(ReadOnlySpan<Matrix> results)
    {
        foreach (ref readonly Matrix c in results)
        {
            if (!IsWhole(c) || !device.IsZero(c.Storage))
            {
                return false;
            }
        }

        return true;
    }

    // Address of C, which is changed, or written as a whole.
    private nint Result(in Matrix c, bool accumulate)
    {
        nint address = accumulate || !IsWhole(c) ? device.Update(c.Storage) : device.Write(c.Storage);
        return address + (sizeof(float) * (nint)c.Offset);
    }

    private static bool IsWhole(in Matrix c) => c.Rows * c.Columns == c.Storage.Count;

    // A row-major matrix lies in memory as its transpose does in the order of columns.
    private static (bool IsTransposed, int Stride) Order(in Matrix matrix) => matrix.ColumnStride == 1
        ? (false, matrix.RowStride)
        : (true, matrix.ColumnStride);

    private sealed class Held(Matrix matrix, MatMulPrecision precision) : PackedMatrix
    {
        public readonly Matrix Matrix = matrix;

        public MatMulPrecision Precision => precision;

        public override long Bytes => Tensor.BytesOf(Matrix.Storage.Type, Matrix.Storage.Count);
    }
}
