using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Numerics.Cuda.Tests;

public sealed class MatMulTests
{
    // Operands of BF16 products are rounded alike on both sides, and their products are exact in F32: what remains is the order of sums.
    // Half of what not rounding them at all would make.
    private const double RoundedAlike = 1e-3;

    private static readonly Size[] s_sizes =
    [
        new(1, 1, 1), new(3, 5, 7), new(1, 64, 33), new(64, 64, 64), new(130, 96, 257), new(33, 1_000, 48), new(17, 2, 129), new(8, 0, 8),
        new(0, 8, 8), new(100, 768, 200),
    ];

    private static readonly Size[] s_sizesOfParts = [new(5, 7, 3), new(40, 64, 72), new(5, 0, 3)];

    private static readonly Size[] s_fewRows =
    [
        .. from m in (int[])[1, 8, 9, 16, 17, 64, 65] select new Size(m, 1_024, 1_100),
        new(9, 192, 5_500), new(5, 4_096, 257), new(3, 64, 40_000), new(16, 1_000, 1_100), new(16, 1_088, 1_100),
    ];

    [CudaFact]
    public void LinearLayer_F32() => LinearLayer(MatMulPrecision.F32, Comparison.Exact, DType.F32);

    [CudaFact]
    public void LinearLayer_BF16() => LinearLayer(MatMulPrecision.BF16, RoundedAlike, DType.F32);

    [CudaFact]
    public void LinearLayer_BF16OfWeightsOfBF16() => LinearLayer(MatMulPrecision.BF16, RoundedAlike, DType.BF16);

    [CudaFact]
    public void PackedWeights_F32() => Packed(MatMulPrecision.F32, Comparison.Exact);

    [CudaFact]
    public void PackedWeights_BF16() => Packed(MatMulPrecision.BF16, RoundedAlike);

    // Enough weights to take the time: few rows around tiles of 8, weights of one tile and of many, not whole tiles, several at once.
    [CudaFact]
    public void FewRows_BF16() => Comparison.On(
        "MatMul of few rows", RoundedAlike, s_fewRows, (table, samples, size) =>
        {
            (int m, int k, int n) = size;
            Tensor x = samples.Normal(1, m, k);
            PackedMatrix[] packed = [.. ((int[])[n, n / 4, 3, 200, n]).Select(columns => Packed(table, samples.Normal(1, columns, k)))];
            (Tensor once, Tensor added, Tensor wide) = (Tensor.Zeros(m, n), samples.Normal(1, m, n), samples.Normal(1, m, n + 5));
            table.MatMul.Multiply(x.AsMatrix(), packed[0], once.AsMatrix(), accumulate: false);
            table.MatMul.Multiply(x.AsMatrix(), packed[0], added.AsMatrix(), accumulate: true);
            table.MatMul.Multiply(x.AsMatrix(), packed[0], wide.AsMatrix().Slice(0, m, 2, n), accumulate: false);
            List<Output> outputs = [new("once", once), new("added", added), new("in a wider one", wide)];
            foreach (int count in (int[])[3, 5])
            {
                Tensor[] each = [.. packed[..count].Select(weight => Tensor.Zeros(m, weight.Columns))];
                table.MatMul.Multiply(x.AsMatrix(), packed[..count], [.. each.Select(y => y.AsMatrix())]);
                outputs.AddRange(each.Select((y, i) => new Output($"{i} of {count}", y)));
            }

            return [.. outputs];
        });

    // Against the product of the numbers they stand for.
    [CudaFact]
    public void PackedWeights_OfIntegersAndBlocks() => Comparison.On(
        "MatMul of packed", Comparison.Rounded, [DType.Int8, DType.Int4, DType.Q8_0], (table, samples, type) =>
        {
            Tensor weight = samples.Stored(type, 70, 96);
            Tensor x = samples.Normal(1, 20, 96);
            Tensor y = Tensor.Zeros(20, 70);
            bool isDefinition = table == Comparison.Definition;
            PackedMatrix? packed = null;
            table.MatMul.Pack(
                (isDefinition ? weight.To(DType.F32) : weight).AsMatrix().Transposed,
                isDefinition ? MatMulPrecision.F32 : MatMulPrecision.Int8,
                ref packed);
            table.MatMul.Multiply(x.AsMatrix(), packed!, y.AsMatrix(), accumulate: false);
            return [new("y", y)];
        });

    // Parts of wider tensors on all three sides, and what lies around the result.
    [CudaFact]
    public void SubMatrices_F32() => SubMatrices(MatMulPrecision.F32, Comparison.Exact);

    [CudaFact]
    public void SubMatrices_BF16() => SubMatrices(MatMulPrecision.BF16, RoundedAlike);

    [CudaFact]
    public void RowsOfNorms_F32() => RowSources(MatMulPrecision.F32, Comparison.Exact);

    [CudaFact]
    public void RowsOfNorms_BF16() => RowSources(MatMulPrecision.BF16, Comparison.Rounded);

    private static void LinearLayer(MatMulPrecision precision, double bound, DType weightType) => Comparison.On(
        $"MatMul in {precision} with a weight of {weightType}", bound, s_sizes, (table, samples, size) =>
        {
            (int m, int k, int n) = size;
            (Tensor x, Tensor weight, Tensor dY) = (samples.Normal(1, m, k), samples.Normal(1, n, k), samples.Normal(1, m, n));
            weight = weightType == DType.F32 ? weight : weight.To(weightType);
            (Tensor y, Tensor dX, Tensor added, Tensor dWeight) =
                (Tensor.Zeros(m, n), Tensor.Zeros(m, k), samples.Normal(1, m, k), samples.Normal(1, n, k));
            Tensor fromZero = Tensor.Zeros(n, k);
            fromZero.Clear();
            IMatMul product = table.MatMul;
            product.Multiply(x.AsMatrix(), weight.AsMatrix().Transposed, y.AsMatrix(), accumulate: false, precision);
            product.Multiply(dY.AsMatrix(), weight.AsMatrix(), dX.AsMatrix(), accumulate: false, precision);
            product.Multiply(dY.AsMatrix(), weight.AsMatrix(), added.AsMatrix(), accumulate: true, precision);
            product.Multiply(dY.AsMatrix().Transposed, x.AsMatrix(), dWeight.AsMatrix(), accumulate: true, precision);
            product.Multiply(dY.AsMatrix().Transposed, x.AsMatrix(), fromZero.AsMatrix(), accumulate: true, precision);
            return [new("y", y), new("dX", dX), new("dX added", added), new("dWeight", dWeight), new("dWeight from zero", fromZero)];
        });

    private static void Packed(MatMulPrecision precision, double bound) => Comparison.On(
        $"MatMul of packed weights in {precision}", bound, s_sizes, (table, samples, size) =>
        {
            (int m, int k, int n) = size;
            Tensor x = samples.Normal(1, m, k);
            PackedMatrix? first = null, second = null;
            table.MatMul.Pack(samples.Normal(1, n, k).AsMatrix().Transposed, precision, ref first);
            table.MatMul.Pack(samples.Normal(1, k, n + 3).AsMatrix(), precision, ref second);
            (Tensor one, Tensor left, Tensor right) = (samples.Normal(1, m, n), Tensor.Zeros(m, n), Tensor.Zeros(m, n + 3));
            table.MatMul.Multiply(x.AsMatrix(), first!, one.AsMatrix(), accumulate: true);
            table.MatMul.Multiply(x.AsMatrix(), [first!, second!], [left.AsMatrix(), right.AsMatrix()]);
            return [new("accumulated", one), new("first of two", left), new("second of two", right)];
        });

    private static PackedMatrix Packed(KernelTable table, Tensor weight)
    {
        PackedMatrix? packed = null;
        table.MatMul.Pack(weight.AsMatrix().Transposed, MatMulPrecision.BF16, ref packed);
        return packed!;
    }

    private static void SubMatrices(MatMulPrecision precision, double bound) => Comparison.On(
        $"MatMul of sub-matrices in {precision}", bound, s_sizesOfParts, (table, samples, size) =>
        {
            (int m, int k, int n) = size;
            (Tensor a, Tensor b) = (samples.Normal(1, m + 2, k + 5), samples.Normal(1, n + 1, k + 9));
            (Tensor c, Tensor added) = (samples.Normal(1, m + 4, n + 6), samples.Normal(1, m + 4, n + 6));
            Matrix left = a.AsMatrix().Slice(1, m, 3, k);
            Matrix right = b.AsMatrix().Slice(1, n, 4, k).Transposed;
            table.MatMul.Multiply(left, right, c.AsMatrix().Slice(2, m, 5, n), accumulate: false, precision);
            table.MatMul.Multiply(left, right, added.AsMatrix().Slice(2, m, 5, n), accumulate: true, precision);
            return [new("c", c), new("c added", added)];
        });

    // The same source again and again, with fewer and with more rows.
    private static void RowSources(MatMulPrecision precision, double bound) => Comparison.On(
        $"rows computed for products in {precision}", bound, ["RmsNorm", "LayerNorm", "SwiGlu", "Gelu"], (table, samples, kernel) =>
        {
            const int Columns = 72;
            PackedMatrix? first = null, second = null;
            table.MatMul.Pack(samples.Normal(1, 50, Columns).AsMatrix().Transposed, precision, ref first);
            table.MatMul.Pack(samples.Normal(1, 31, Columns).AsMatrix().Transposed, precision, ref second);
            (Tensor weight, Tensor bias) = (samples.Normal(1, Columns), samples.Normal(1, Columns));
            List<Output> outputs = [];
            RowSource? kept = null;
            foreach (int m in (int[])[20, 3, 65])
            {
                (Tensor x, Tensor up) = (samples.Normal(1, m, Columns), samples.Normal(1, m, Columns));
                RowSource rows = kernel switch
                {
                    "RmsNorm" => table.RmsNorm.AsRows(x, weight, 1e-5f, ref kept),
                    "LayerNorm" => table.LayerNorm.AsRows(x, weight, bias, 1e-5f, ref kept),
                    "SwiGlu" => table.SwiGlu.AsRows(x, up, ref kept),
                    _ => table.Gelu.AsRows(x, bias, ref kept),
                };
                (Tensor left, Tensor right) = (Tensor.Zeros(m, 50), Tensor.Zeros(m, 31));
                table.MatMul.Multiply(rows, [first!, second!], [left.AsMatrix(), right.AsMatrix()], accumulate: false);
                Tensor added = samples.Normal(1, m, 31);
                table.MatMul.Multiply(rows, [second!], [added.AsMatrix()], accumulate: true);
                outputs.AddRange([new($"first of {m} rows", left), new($"second of {m} rows", right), new($"added to {m}", added)]);
            }

            return [.. outputs];
        });

    private readonly record struct Size(int M, int K, int N)
    {
        public override string ToString() => $"[{M}, {K}] · [{K}, {N}]";
    }
}
