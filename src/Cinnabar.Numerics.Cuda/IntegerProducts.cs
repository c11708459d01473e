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

    // What cuBLASLt asks of the sizes of products of Int8.
    private const int ColumnMultiple = 8;

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
        if (a.Rows == 0)
        {
            return;
        }

        nint integers = Quantize(a);
        nint scales = device.Read(_scales);
        int bits = ((IntegerWeight)b[0]).Bits;
        int count = 0;
        for (int i = 0; i < b.Length; i++)
        {
            IntegerWeight weight = (IntegerWeight)b[i];
            FewRowsWeight described = new(device.Read(weight.Words), device.Read(weight.Scales), results[i], c[i].Columns, c[i].RowStride);
            if (a.Rows <= fewRows.RowsAtOnce(bits) || !TryByPlan(integers, scales, a, weight, described, accumulate))
            {
                _weights[count++] = described;
            }
        }

        int atOnce = fewRows.RowsAtOnce(bits);
        for (int row = 0; row < a.Rows && count > 0; row += atOnce)
        {
            FewRows rows = new(
                integers + ((nint)row * a.Columns),
                scales + (row * sizeof(float)),
                a.Columns / BytesOfWord,
                Math.Min(atOnce, a.Rows - row));
            fewRows.Multiply(bits, rows, _weights.AsSpan(0, count), a.Columns, accumulate);
            for (int i = 0; i < count; i++)
            {
                nint next = _weights[i].Result + ((nint)atOnce * _weights[i].ResultStride * sizeof(float));
                _weights[i] = _weights[i] with { Result = next };
            }
        }
    }

    private nint Quantize(in Matrix a)
    {
        if (a.ColumnStride != 1 || a.RowStride % Quad != 0 || a.Offset % Quad != 0)
        {
            throw new ArgumentException($"Expected rows that begin at multiples of {Quad} elements, found {a}.", nameof(a));
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
        if (weight.Bits != 8 || described.Rows % ColumnMultiple != 0 || stride % ColumnMultiple != 0)
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
