// The definition of the product: three loops, the sum over k in double, k ascending. C[m, n] is rounded to F32 once.
// With accumulation the old C[m, n] is the first term of that sum.
namespace Cinnabar.Numerics.Kernels;

/// <summary>Matrix product in plain scalar code with double sums: what every other form is tested against.</summary>
public sealed class ReferenceMatMul : IMatMul
{
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
        Span<float> result = c.Storage.Floats;
        for (int m = 0; m < a.Rows; m++)
        {
            for (int n = 0; n < columns; n++)
            {
                int at = c.Offset + (m * c.RowStride) + (n * c.ColumnStride);
                double sum = accumulate ? result[at] : 0;
                for (int k = 0; k < a.Columns; k++)
                {
                    sum += (double)left[(m * a.Columns) + k] * right[(n * a.Columns) + k];
                }

                result[at] = (float)sum;
            }
        }
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
