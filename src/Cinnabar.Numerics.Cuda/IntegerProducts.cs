// Products with weights of integers. Rows become Int8 with a scale each (Kernels/integers.cu), once for all weights that they meet; few of
// them go to the kernel of product.cu, more of them to cuBLASLt if the weights are Int8, and its sums of integers get their scales behind
// it. Both have the same exact sums and multiply them with the same scales in the same order, so a row's result does not depend on how many
// rows there are. What cuBLASLt does not know, and weights of four bits, take as many launches of few rows as it needs.
using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Numerics.Cuda;

/// <summary>Multiplies by <see cref="IntegerWeight"/>s.</summary>
internal sealed class IntegerProducts(CudaDevice device, FewRowsProduct fewRows)
{
    private const string Source = "integers.cu";
    private const int BytesOfWord = 2;

    // The manual of cuBLASLt asks for sizes of products of Int8 that are multiples of 4, PyTorch (torch._int_mm) for multiples of 8: others
    // have been tried less.
    private const int ColumnMultiple = 8;

    // What rows become, integers and sums that are added, takes working memory; more at once would not be faster.
    private const int MostRows = 4_096;

    // Elements of rows that become integers at once.
    private const int Quad = 4;

    // Of a grid.
    private const int MostBlocksDown = 65_535;

    private readonly FewRowsWeight[] _weights = new FewRowsWeight[FewRowsProduct.MostWeights];
    private Tensor _integers = Tensor.Zeros(DType.Int8, 0, 0);
    private Tensor _scales = Tensor.Zeros(0);

    /// <summary>C_i (+)= A·B_i.</summary>
    /// <param name="a">[M, K], rows of neighbours.</param>
    /// <param name="b">Each [K, N_i], of the same number of bits, at most <see cref="FewRowsProduct.MostWeights"/>.</param>
    /// <param name="c">Each [M, N_i].</param>
    /// <param name="results">Addresses of the first element of each C.</param>
    /// <param name="accumulate">Adds to what they hold.</param>
    public void Multiply(
        in Matrix a, ReadOnlySpan<PackedMatrix> b, ReadOnlySpan<Matrix> c, ReadOnlySpan<nint> results, bool accumulate)
    {
        for (int row = 0; row < a.Rows; row += MostRows)
        {
            Matrix rows = a.Slice(row, Math.Min(MostRows, a.Rows - row), 0, a.Columns);
            nint integers = Quantize(rows);
            nint scales = device.Read(_scales);
            WeightFormat format = ((IntegerWeight)b[0]).Format;
            int count = 0;
            for (int i = 0; i < b.Length; i++)
            {
                IntegerWeight weight = (IntegerWeight)b[i];
                nint result = results[i] + ((nint)row * c[i].RowStride * sizeof(float));
                FewRowsWeight described = new(
                    device.Read(weight.Words), device.Read(weight.Scales), result, c[i].Columns, c[i].RowStride);
                if (rows.Rows <= fewRows.FasterRows(format) || !TryByPlan(integers, scales, rows, weight, described, accumulate))
                {
                    _weights[count++] = described;
                }
            }

            MultiplyFewAtOnce(format, integers, scales, rows, _weights.AsSpan(0, count), accumulate);
        }
    }

    private void MultiplyFewAtOnce(
        WeightFormat format, nint integers, nint scales, in Matrix a, Span<FewRowsWeight> weights, bool accumulate)
    {
        int atOnce = fewRows.RowsAtOnce(format);
        for (int row = 0; row < a.Rows && weights.Length > 0; row += atOnce)
        {
            FewRows rows = new(
                integers + ((nint)row * a.Columns),
                scales + (row * sizeof(float)),
                a.Columns / BytesOfWord,
                Math.Min(atOnce, a.Rows - row));
            fewRows.Multiply(format, rows, weights, a.Columns, accumulate);
            foreach (ref FewRowsWeight weight in weights)
            {
                weight = weight with { Result = weight.Result + ((nint)atOnce * weight.ResultStride * sizeof(float)) };
            }
        }
    }

    private nint Quantize(in Matrix a)
    {
        if (a.Storage.Type is not (DType.F32 or DType.BF16) || a.ColumnStride != 1 || a.RowStride % Quad != 0 || a.Offset % Quad != 0)
        {
            throw new ArgumentException(
                $"Expected rows of F32 or BF16 that begin at multiples of {Quad} elements, found {a}.", nameof(a));
        }

        if (_integers.Capacity < a.Rows * a.Columns)
        {
            _integers = Tensor.Zeros(DType.Int8, a.Rows, a.Columns);
            _integers.Storage.IsTransient = true;
        }

        if (_scales.Capacity < a.Rows)
        {
            _scales = Tensor.Zeros(a.Rows);
            _scales.Storage.IsTransient = true;
        }

        (nint from, bool isRounded) = device.ReadEither(a.Storage);
        nint to = device.Write(_integers);
        KernelArguments arguments = default;
        arguments.Add(from + ((isRounded ? BytesOfWord : sizeof(float)) * (nint)a.Offset));
        arguments.Add((long)a.RowStride);
        arguments.Add(to);
        arguments.Add(device.Write(_scales));
        arguments.Add(a.Columns);
        CudaFunction function = device.Function(
            Source, isRounded ? "integers_quantize_bf16" : "integers_quantize_f32", overlaps: true);
        device.LaunchPerRow(function, a.Rows, a.Columns, arguments);
        return to;
    }

    // The sums lie where the result will, or beside what they are added to.
    private bool TryByPlan(
        nint integers, nint scales, in Matrix a, IntegerWeight weight, in FewRowsWeight described, bool accumulate)
    {
        int stride = accumulate ? described.Rows : described.ResultStride;
        if (weight.Format.Bits != 8 || described.Rows % ColumnMultiple != 0 || stride % ColumnMultiple != 0)
        {
            return false;
        }

        nint sums = accumulate ? device.Scratch((long)a.Rows * described.Rows * sizeof(int)) : described.Result;
        ProductShape shape = new(
            described.Rows,
            a.Rows,
            a.Columns,
            TransposeLeft: true,
            TransposeRight: false,
            a.Columns,
            a.Columns,
            stride,
            DType.Int8,
            ProductShape.AlignmentOf(described.Words, integers, sums));
        if (!device.Knows(shape))
        {
            return false;
        }

        device.Multiply(shape, described.Words, integers, sums, accumulate: false);
        KernelArguments arguments = default;
        arguments.Add(sums);
        arguments.Add((long)stride);
        arguments.Add(scales);
        arguments.Add(described.Scales);
        arguments.Add(described.Result);
        arguments.Add((long)described.ResultStride);
        arguments.Add(a.Rows);
        arguments.Add(described.Rows);
        arguments.Add(accumulate ? 1 : 0);
        CudaFunction function = device.Function(Source, "integers_scale_sums");
        int across = (described.Rows + Launches.Threads - 1) / Launches.Threads;
        device.Launch(function, across, Math.Min(a.Rows, MostBlocksDown), 1, Launches.Threads, arguments);
        return true;
    }
}
