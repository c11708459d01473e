// The matrix product on tensor cores. Operands are rounded to BF16 once, beside the elements they come from, and are multiplied with sums
// in F32: few rows by FewRowsProduct, others by ProductPlans. F32 is as exact as asked, without tensor cores. Weights of integers stay what
// they are where their sizes allow it, and so do their products (IntegerProducts); others become the BF16 numbers nearest to integer times
// scale.
using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Numerics.Cuda;

/// <inheritdoc cref="IMatMul"/>
internal sealed class CudaMatMul : IMatMul
{
    // Below 2 MB of weights starting the kernel for few rows takes longer than reading them.
    private const long LeastElements = 1 << 20;

    private const int BytesOfBFloat16 = 2;
    private const int ElementsOfCopy = 16 / BytesOfBFloat16;

    private readonly CudaDevice _device;
    private readonly FewRowsProduct _fewRows;
    private readonly IntegerProducts _integers;
    private readonly FewRowsWeight[] _weights = new FewRowsWeight[FewRowsProduct.MostWeights];

    /// <summary>Prepares products on a device.</summary>
    public CudaMatMul(CudaDevice device)
    {
        _device = device;
        _fewRows = new FewRowsProduct(device);
        _integers = new IntegerProducts(device, _fewRows);
    }

    /// <inheritdoc/>
    public MatMulPrecision Fastest => MatMulPrecision.BF16;

    /// <inheritdoc/>
    public void Multiply(in Matrix a, in Matrix b, in Matrix c, bool accumulate, MatMulPrecision precision)
    {
        MatMulShapes.Check(a, b.Rows, b.Columns, c);
        MatMulShapes.CheckInside(b);
        MultiplyByPlan(a, b, c, accumulate, precision);
    }

    /// <inheritdoc/>
    public void Pack(in Matrix b, MatMulPrecision precision, ref PackedMatrix? packed)
    {
        MatMulShapes.CheckInside(b);
        if (IntegerWeight.Takes(b, precision))
        {
            packed = IntegerWeight.From(_device, b);
            return;
        }

        // On the host the elements are only needed until they are on the device; those that are BF16 already need no copy there.
        DType type = TypeOf(precision);
        Tensor values = b.Storage.Type == type ? b.Storage : b.Storage.To(type);
        packed = new Held(b with { Storage = values }, precision) { Rows = b.Rows, Columns = b.Columns };
        _device.Read(values);
        values.Storage.DropHost();
    }

    /// <inheritdoc/>
    public void Multiply(in Matrix a, PackedMatrix b, in Matrix c, bool accumulate) =>
        Multiply(a, new ReadOnlySpan<PackedMatrix>(in b), new ReadOnlySpan<Matrix>(in c), accumulate);

    /// <inheritdoc/>
    public void Multiply(in Matrix a, ReadOnlySpan<PackedMatrix> b, ReadOnlySpan<Matrix> c) => Multiply(a, b, c, accumulate: false);

    /// <inheritdoc/>
    public void Multiply(RowSource a, ReadOnlySpan<PackedMatrix> b, ReadOnlySpan<Matrix> c, bool accumulate)
    {
        Matrix rows = a is CudaRows computed
            ? computed.Values(isOperand: b[0] is Held { Precision: not MatMulPrecision.F32 }).AsMatrix()
            : throw new ArgumentException("The rows were made by another device's kernel.", nameof(a));
        Multiply(rows, b, c, accumulate);
    }

    private void Multiply(in Matrix a, ReadOnlySpan<PackedMatrix> b, ReadOnlySpan<Matrix> c, bool accumulate)
    {
        for (int first = 0, end; first < b.Length; first = end)
        {
            end = first + 1;
            while (end < b.Length && end - first < FewRowsProduct.MostWeights && AreAlike(b[first], b[end]))
            {
                end++;
            }

            MultiplyAlike(a, b[first..end], c[first..end], accumulate);
        }
    }

    // Weights that one launch can take.
    private static bool AreAlike(PackedMatrix left, PackedMatrix right) => (left, right) switch
    {
        (IntegerWeight one, IntegerWeight other) => one.Format == other.Format,
        (Held one, Held other) => one.Precision == other.Precision,
        _ => false,
    };

    private void MultiplyAlike(in Matrix a, ReadOnlySpan<PackedMatrix> b, ReadOnlySpan<Matrix> c, bool accumulate)
    {
        for (int i = 0; i < b.Length; i++)
        {
            MatMulShapes.Check(a, b[i].Rows, b[i].Columns, c[i]);
        }

        bool areIntegers = b[0] is IntegerWeight;
        if (!areIntegers && !IsForFewRows(a, b))
        {
            for (int i = 0; i < b.Length; i++)
            {
                Held held = Own(b[i]);
                MultiplyByPlan(a, held.Matrix, c[i], accumulate, held.Precision);
            }

            return;
        }

        Span<nint> results = stackalloc nint[b.Length];
        bool isAdded = accumulate && !AreZero(c);
        for (int i = 0; i < b.Length; i++)
        {
            results[i] = Result(c[i], isAdded);
        }

        if (areIntegers)
        {
            _integers.Multiply(a, b, c, results, isAdded);
            return;
        }

        for (int i = 0; i < b.Length; i++)
        {
            _weights[i] = new FewRowsWeight(RoundedAddress(Own(b[i]).Matrix), 0, results[i], c[i].Columns, c[i].RowStride);
        }

        FewRows rows = new(RoundedAddress(a), 0, a.RowStride, a.Rows);
        _fewRows.Multiply(WeightFormat.BF16, rows, _weights.AsSpan(0, b.Length), a.Columns, isAdded);
    }

    // Few rows, weights as in a checkpoint, and enough of them.
    private bool IsForFewRows(in Matrix a, ReadOnlySpan<PackedMatrix> b)
    {
        if (a.Rows == 0 || a.Rows > _fewRows.FasterRows(WeightFormat.BF16) || a.Columns % WeightFormat.BF16.ColumnsOfUnit != 0
            || a.ColumnStride != 1 || a.RowStride % ElementsOfCopy != 0 || a.Offset % ElementsOfCopy != 0)
        {
            return false;
        }

        long elements = 0;
        foreach (PackedMatrix packed in b)
        {
            Held held = Own(packed);
            Matrix weight = held.Matrix;
            if (TypeOf(held.Precision) != DType.BF16
                || weight.RowStride != 1 || weight.ColumnStride != a.Columns || weight.Offset % ElementsOfCopy != 0)
            {
                return false;
            }

            elements += (long)weight.Rows * weight.Columns;
        }

        return elements >= LeastElements;
    }

    private static Held Own(PackedMatrix b) =>
        b as Held ?? throw new ArgumentException("The matrix was packed by another product.", nameof(b));

    private static DType TypeOf(MatMulPrecision precision) => precision == MatMulPrecision.F32 ? DType.F32 : DType.BF16;

    private nint RoundedAddress(in Matrix operand) => _device.ReadRounded(operand.Storage) + (BytesOfBFloat16 * (nint)operand.Offset);

    // F32 products of BF16 operands are exact, so nothing is lost by taking them as they are only where both are.
    private nint AddressOf(Tensor tensor, MatMulPrecision precision) => TypeOf(precision) == DType.BF16
        ? _device.ReadRounded(tensor)
        : tensor.Type == DType.F32
            ? _device.Read(tensor)
            : throw new ArgumentException($"Expected an operand of F32 for a product in F32, found {tensor}.");

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
                _device.Clear(addressC + (sizeof(float) * (nint)row * c.RowStride), (long)c.Columns * sizeof(float));
            }

            return;
        }

        (bool transposeLeft, int leftStride) = Order(b);
        (bool transposeRight, int rightStride) = Order(a);
        DType type = TypeOf(precision);
        int size = type == DType.BF16 ? 2 : 4;
        nint left = AddressOf(b.Storage, precision) + (size * (nint)b.Offset);
        nint right = AddressOf(a.Storage, precision) + (size * (nint)a.Offset);
        int alignment = ProductShape.AlignmentOf(left, right, addressC);
        ProductShape shape = new(
            c.Columns, c.Rows, a.Columns, transposeLeft, transposeRight, leftStride, rightStride, c.RowStride, type, alignment);
        _device.Multiply(shape, left, right, addressC, accumulate);
    }

    // Whether there is nothing in the results to add to.
    private bool AreZero(ReadOnlySpan<Matrix> results)
    {
        foreach (ref readonly Matrix c in results)
        {
            if (!IsWhole(c) || !_device.IsZero(c.Storage))
            {
                return false;
            }
        }

        return true;
    }

    // Address of C, which is changed, or written as a whole.
    private nint Result(in Matrix c, bool accumulate)
    {
        nint address = accumulate || !IsWhole(c) ? _device.Update(c.Storage) : _device.Write(c.Storage);
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
