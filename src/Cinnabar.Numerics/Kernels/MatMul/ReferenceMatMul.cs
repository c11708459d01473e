// The definition of the product: three loops, the sum over k in double, k ascending. C[m, n] is rounded to F32 once.
// With accumulation the old C[m, n] is the first term of that sum.
namespace Cinnabar.Numerics.Kernels;

/// <summary>Matrix product in plain scalar code with double sums: what every other form is tested against.</summary>
public sealed class ReferenceMatMul : IMatMul
{
    private const int ColumnsAtOnce = 4;

    /// <inheritdoc/>
    public MatMulPrecision Fastest => MatMulPrecision.BF16;

    /// <inheritdoc/>
    public void Multiply(in Matrix a, in Matrix b, in Matrix c, bool accumulate, MatMulPrecision precision)
    {
        MatMulShapes.Check(a, b.Rows, b.Columns, c);
        int kBlock = ProductFormat.BlockOfK(FormatOf(precision), b);
        Multiply(a, Elements(b.Transposed, precision), b.Columns, c, accumulate, precision, kBlock);
    }

    // right: [N, K].
    private static void Multiply(
        in Matrix a, float[] right, int columns, in Matrix c, bool accumulate, MatMulPrecision precision, int kBlock)
    {
        float[] left = Elements(a, precision, kBlock); // [M, K]
        int depth = a.Columns;
        Span<float> result = c.Storage.Floats;
        Span<double> sums = stackalloc double[ColumnsAtOnce];
        for (int m = 0; m < a.Rows; m++)
        {
            ReadOnlySpan<float> row = left.AsSpan(m * depth, depth);
            int ofRow = c.Offset + (m * c.RowStride);
            for (int n = 0; n < columns; n += ColumnsAtOnce)
            {
                // Behind the last column it is once more the last one.
                for (int i = 0; i < ColumnsAtOnce; i++)
                {
                    sums[i] = accumulate ? result[ofRow + (Math.Min(n + i, columns - 1) * c.ColumnStride)] : 0;
                }

                AddProducts(row, Column(n), Column(n + 1), Column(n + 2), Column(n + 3), sums);
                for (int i = 0; i < ColumnsAtOnce && n + i < columns; i++)
                {
                    result[ofRow + ((n + i) * c.ColumnStride)] = (float)sums[i];
                }
            }
        }

        ReadOnlySpan<float> Column(int n) => right.AsSpan(Math.Min(n, columns - 1) * depth, depth);
    }

    // Four sums that do not wait for each other take hardly longer than one.
    private static void AddProducts(
        ReadOnlySpan<float> row,
        ReadOnlySpan<float> column0,
        ReadOnlySpan<float> column1,
        ReadOnlySpan<float> column2,
        ReadOnlySpan<float> column3,
        Span<double> sums)
    {
        (double sum0, double sum1, double sum2, double sum3) = (sums[0], sums[1], sums[2], sums[3]);
        for (int k = 0; k < row.Length; k++)
        {
            double x = row[k];
            sum0 += x * column0[k];
            sum1 += x * column1[k];
            sum2 += x * column2[k];
            sum3 += x * column3[k];
        }

        (sums[0], sums[1], sums[2], sums[3]) = (sum0, sum1, sum2, sum3);
    }

    /// <inheritdoc/>
    public void Pack(in Matrix b, MatMulPrecision precision, ref PackedMatrix? packed)
    {
        packed = new Copy
        {
            Rows = b.Rows,
            Columns = b.Columns,
            Values = Elements(b.Transposed, precision),
            Precision = precision,
            KBlock = ProductFormat.BlockOfK(FormatOf(precision), b),
        };
    }

    /// <inheritdoc/>
    public void Multiply(in Matrix a, PackedMatrix b, in Matrix c, bool accumulate)
    {
        var copy = (Copy)b;
        MatMulShapes.Check(a, b.Rows, b.Columns, c);
        Multiply(a, copy.Values, b.Columns, c, accumulate, copy.Precision, copy.KBlock);
    }

    // Decides blocks and limits where operands become integers.
    private static PanelFormat FormatOf(MatMulPrecision precision) =>
        precision == MatMulPrecision.Int16 ? PanelFormat.Int16Floats : PanelFormat.Int8Floats;

    // The elements row by row, rounded; weights of integers stay what they are.
    private static float[] Elements(in Matrix matrix, MatMulPrecision precision, int? kBlock = null)
    {
        if (matrix.Storage.Type.IsBlocks())
        {
            return Elements(matrix with { Storage = matrix.Storage.Quantize(DType.Int8, matrix.Storage.Columns) }, precision, kBlock);
        }

        float[] elements = new float[matrix.Rows * matrix.Columns];
        for (int i = 0; i < elements.Length; i++)
        {
            int at = matrix.Offset + (i / matrix.Columns * matrix.RowStride) + (i % matrix.Columns * matrix.ColumnStride);
            float value = matrix.Storage.Type switch
            {
                DType.F32 => matrix.Storage.Floats[at],
                DType.BF16 => BFloat16.ToFloat(matrix.Storage.BFloat16Bits[at]),
                _ => matrix.Storage.Integer(at) * matrix.Storage.Scales!.Floats[at / matrix.Storage.GroupSize],
            };
            elements[i] = precision == MatMulPrecision.BF16 ? BFloat16.ToFloat(BFloat16.FromFloat(value)) : value;
        }

        if (precision is MatMulPrecision.Int16 or MatMulPrecision.Int8 && matrix.Storage.Scales is null)
        {
            PanelFormat format = FormatOf(precision);
            RoundToMultiples(elements, matrix.Columns, kBlock ?? format.BlockOfK(matrix.Columns), format.Limit());
        }

        return elements;
    }

    // Each block of K in each row becomes multiples of its largest magnitude / 2047 or 127.
    private static void RoundToMultiples(float[] elements, int k, int block, int limit)
    {
        for (int i = 0; i < elements.Length; i += Math.Min(block, k - (i % k)))
        {
            Span<float> values = elements.AsSpan(i, Math.Min(block, k - (i % k)));
            (float scale, float inverse) = PanelScales.Of(PanelScales.LargestMagnitude(values), limit);
            foreach (ref float value in values)
            {
                value = MathF.Round(value * inverse) * scale;
            }
        }
    }

    private sealed class Copy : PackedMatrix
    {
        public required float[] Values { get; init; } // [N, K]

        public required MatMulPrecision Precision { get; init; }

        public required int KBlock { get; init; }

        public override long Bytes => (long)Values.Length * sizeof(float);
    }
}
