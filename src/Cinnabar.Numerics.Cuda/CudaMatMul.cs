// The matrix product on tensor cores. Operands are rounded to BF16 once, beside the elements they come from, and are multiplied with sums
// in F32 (ProductPlans); F32 is as exact as asked, without tensor cores. Integers of weights are exact in neither: they become the BF16
// numbers nearest to integer times scale.
using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Numerics.Cuda;

/// <inheritdoc cref="IMatMul"/>
internal sealed class CudaMatMul(CudaDevice device) : IMatMul
{
    // What addresses of tensors, and of rows of them whose size allows it, are multiples of.
    private const int BestAlignment = 256;

    /// <inheritdoc/>
    public MatMulPrecision Fastest => MatMulPrecision.BF16;

    /// <inheritdoc/>
    public void Multiply(in Matrix a, in Matrix b, in Matrix c, bool accumulate, MatMulPrecision precision)
    {
        MatMulShapes.Check(a, b.Rows, b.Columns, c);
        MatMulShapes.CheckInside(b);
        Multiply(a, AddressOf(a.Storage, precision), b, AddressOf(b.Storage, precision), c, accumulate, TypeOf(precision));
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
        DType type = held.Matrix.Storage.Type;
        Multiply(a, AddressOf(a.Storage, held.Precision), held.Matrix, device.Read(held.Matrix.Storage), c, accumulate, type);
    }

    /// <inheritdoc/>
    public void Multiply(RowSource a, ReadOnlySpan<PackedMatrix> b, ReadOnlySpan<Matrix> c)
    {
        Matrix rows = a is CudaRows computed
            ? computed.Values(Own(b[0]).Precision).AsMatrix()
            : throw new ArgumentException("The rows were made by another device's kernel.", nameof(a));
        for (int i = 0; i < b.Length; i++)
        {
            Multiply(rows, b[i], c[i], accumulate: false);
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

    private void Multiply(in Matrix a, nint addressA, in Matrix b, nint addressB, in Matrix c, bool accumulate, DType type)
    {
        if (c.Rows == 0 || c.Columns == 0)
        {
            return;
        }

        bool isWhole = c.Rows * c.Columns == c.Storage.Count;
        accumulate = accumulate && !(isWhole && device.IsZero(c.Storage));
        nint addressC = accumulate || !isWhole ? device.Update(c.Storage) : device.Write(c.Storage);
        if (a.Columns == 0)
        {
            if (!accumulate)
            {
                device.Clear(c.Storage);
            }

            return;
        }

        (bool transposeLeft, int leftStride) = Order(b);
        (bool transposeRight, int rightStride) = Order(a);
        int size = type == DType.BF16 ? 2 : 4;
        nint left = addressB + (size * (nint)b.Offset);
        nint right = addressA + (size * (nint)a.Offset);
        nint result = addressC + (sizeof(float) * (nint)c.Offset);
        int alignment = BestAlignment;
        while (((left | right | result) & (alignment - 1)) != 0)
        {
            alignment /= 2;
        }

        ProductShape shape = new(
            c.Columns, c.Rows, a.Columns, transposeLeft, transposeRight, leftStride, rightStride, c.RowStride, type, alignment);
        device.Multiply(shape, left, right, result, accumulate);
    }

    // A row-major matrix lies in memory as its transpose does in the order of columns.
    private static (bool IsTransposed, int Stride) Order(in Matrix matrix) => matrix.ColumnStride == 1
        ? (false, matrix.RowStride)
        : (true, matrix.ColumnStride);

    private sealed class Held(Matrix matrix, MatMulPrecision precision) : PackedMatrix
    {
        public Matrix Matrix => matrix;

        public MatMulPrecision Precision => precision;

        public override long Bytes => Tensor.BytesOf(matrix.Storage.Type, matrix.Storage.Count);
    }
}
