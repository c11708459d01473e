using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Numerics.Tests.Kernels;

/// <summary>One product: sizes, orders of the operands, their types, and how it is made.</summary>
internal sealed record ProductCase(
    int M, int K, int N, bool TransposeA, bool TransposeB, DType TypeA, DType TypeB, MatMulPrecision Precision, bool Accumulate)
{
    private const int Seed = 20_261;

    // C lies inside a wider tensor, so that its rows have gaps, behind some rows that belong to nobody.
    private const int RowsBefore = 2;
    private const int ColumnsBefore = 3;
    private const int ColumnsBehind = 5;
    private const float Canary = -12345.5f;

    /// <summary>Every combination of orders, types, precisions and accumulation for one size.</summary>
    public static IEnumerable<ProductCase> Of(int m, int k, int n) =>
        from transposeA in (bool[])[false, true]
        from transposeB in (bool[])[false, true]
        from typeA in (DType[])[DType.F32, DType.BF16]
        from typeB in (DType[])[DType.F32, DType.BF16]
        from precision in Enum.GetValues<MatMulPrecision>()
        from accumulate in (bool[])[false, true]
        select new ProductCase(m, k, n, transposeA, transposeB, typeA, typeB, precision, accumulate);

    /// <summary>The product's result, [M, N], after checking that nothing around C was written.</summary>
    public float[] Run(IMatMul product, GuardedMemory memory, bool packed = false)
    {
        Random random = new(Seed);
        Matrix a = Operand(random, memory, M, K, TransposeA, TypeA);
        Matrix b = Operand(random, memory, K, N, TransposeB, TypeB);
        int width = ColumnsBefore + N + ColumnsBehind;
        Tensor around = memory.Floats(RowsBefore + M, width);
        around.Floats.Fill(Canary);
        Matrix c = new(around, (RowsBefore * width) + ColumnsBefore, M, N, width, 1);
        for (int i = 0; i < M * N; i++)
        {
            around.Floats[Position(i)] = (random.NextSingle() * 2) - 1;
        }

        if (packed)
        {
            PackedMatrix? right = null;
            product.Pack(b, Precision, ref right);
            product.Multiply(a, right!, c, Accumulate);
        }
        else
        {
            product.Multiply(a, b, c, Accumulate, Precision);
        }

        float[] result = new float[M * N];
        for (int i = 0; i < result.Length; i++)
        {
            result[i] = around.Floats[Position(i)];
            around.Floats[Position(i)] = Canary;
        }

        Assert.True(around.Floats.IndexOfAnyExcept(Canary) < 0, $"{this}: wrote outside of C at {around.Floats.IndexOfAnyExcept(Canary)}.");
        return result;

        int Position(int i) => c.Offset + (i / N * width) + (i % N);
    }

    /// <summary>Fails at the first element outside the bound.</summary>
    public void Check(float[] expected, float[] actual, Bound bound, string form)
    {
        for (int i = 0; i < expected.Length; i++)
        {
            if (!bound.Allows(expected[i], actual[i]))
            {
                string values = $"expected {expected[i]:R}, found {actual[i]:R} ({bound})";
                Assert.Fail($"{form}, {this}, seed {Seed}, element ({i / N}, {i % N}): {values}.");
            }
        }
    }

    // Ends where its last element ends; an offset and row gaps lie before that.
    private static Matrix Operand(Random random, GuardedMemory memory, int rows, int columns, bool transpose, DType type)
    {
        (int storedRows, int storedColumns) = transpose ? (columns, rows) : (rows, columns);
        const int Gap = 3;
        int stride = storedColumns + Gap;
        int count = storedRows == 0 || storedColumns == 0 ? 0 : (storedRows * stride) - Gap;
        Tensor storage = memory.Elements(type, 1 + count);
        for (int i = 0; i < storage.Count; i++)
        {
            float value = (random.NextSingle() * 2) - 1;
            if (type == DType.F32)
            {
                storage.Floats[i] = value;
            }
            else
            {
                storage.BFloat16Bits[i] = BFloat16.FromFloat(value);
            }
        }

        Matrix stored = new(storage, 1, storedRows, storedColumns, stride, 1);
        return transpose ? stored.Transposed : stored;
    }
}
