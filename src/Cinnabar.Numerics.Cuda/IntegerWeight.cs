// Weights that stay integers on the device, as products read them: Int8 with one scale a row as they are, and numbers of four bits with
// scales of runs of columns in the order of Kernels/integers.cu. What lies in the blocks of a file becomes Int8, as on the processor.
// Products multiply whole units of columns (FewRowsProduct), so weights whose rows are not made of them become BF16 instead.
using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Numerics.Cuda;

/// <summary>Wᵀ [K, N] of integers.</summary>
internal sealed class IntegerWeight : PackedMatrix
{
    private const string Source = "integers.cu";
    private const int PackedAtOnce = 256; // columns of pack_nibbles

    // The sum of so many products of 128 · 127 at most is an integer of 32 bits.
    private const int MostColumns = int.MaxValue / (128 * 127);

    // Scales of neighbouring rows are copied four at a time.
    private const int RowMultipleOfFourBits = 4;

    // What a run of product.cu can be.
    private static readonly int[] s_runs = [128, 64, 32];

    private IntegerWeight(WeightFormat format, Tensor words, Tensor scales) => (Format, Words, Scales) = (format, words, scales);

    /// <summary>8 bits, or 4 and the largest run that makes up a group.</summary>
    public WeightFormat Format { get; }

    /// <summary>Int8: [N, K], or [N, K / 2] bytes of two numbers.</summary>
    public Tensor Words { get; }

    /// <summary>[N] of 8 bits, [K / run, N] of 4.</summary>
    public Tensor Scales { get; }

    /// <inheritdoc/>
    public override long Bytes => Words.Count + ((long)Scales.Count * sizeof(float));

    /// <summary>Whether a weight can stay integers.</summary>
    /// <param name="b">[K, N].</param>
    /// <param name="precision">How it enters products.</param>
    public static bool Takes(in Matrix b, MatMulPrecision precision)
    {
        Tensor values = b.Storage;
        bool isWhole = b.RowStride == 1 && b.ColumnStride == b.Rows && b.Rows == values.Columns && b.Columns == values.Rows;
        return precision == MatMulPrecision.Int8
            && isWhole
            && FormatOf(values) is WeightFormat format
            && b.Rows > 0
            && b.Columns > 0
            && b.Rows % format.ColumnsOfUnit == 0
            && (format.Bits == 8 ? b.Rows <= MostColumns : b.Columns % RowMultipleOfFourBits == 0);
    }

    /// <summary>Brings a weight to the device.</summary>
    /// <param name="device">The device.</param>
    /// <param name="b">[K, N], one that <see cref="Takes"/> says yes to.</param>
    public static IntegerWeight From(CudaDevice device, in Matrix b)
    {
        Tensor values = b.Storage;
        return FormatOf(values) is { Bits: 4 } format
            ? OfFourBits(device, values, format)
            : OfBytes(device, values.Type == DType.Int8 ? values : values.Quantize(DType.Int8, values.Columns));
    }

    // Null: none that products know.
    private static WeightFormat? FormatOf(Tensor values)
    {
        if (values.Type == DType.Int4)
        {
            int run = Array.Find(s_runs, columns => values.GroupSize % columns == 0);
            return run > 0 ? new WeightFormat(4, run) : null;
        }

        return values.Type.IsBlocks() || (values.Type == DType.Int8 && values.GroupSize == values.Columns) ? new WeightFormat(8) : null;
    }

    private static IntegerWeight OfBytes(CudaDevice device, Tensor values)
    {
        device.Read(values);
        device.Read(values.Scales!);
        values.Storage.DropHost();
        values.Scales!.Storage.DropHost();
        return new IntegerWeight(new WeightFormat(8), values, values.Scales) { Rows = values.Columns, Columns = values.Rows };
    }

    private static unsafe IntegerWeight OfFourBits(CudaDevice device, Tensor values, WeightFormat format)
    {
        (int rows, int columns, int runs) = (values.Rows, values.Columns, values.Columns / format.Run);
        Tensor words = Tensor.Zeros(DType.Int8, rows, columns / 2);
        Tensor scales = Tensor.Zeros(runs, rows);
        nint raw = device.Allocate(words.Count);
        device.CopyFromHost(raw, values.Storage.HostForDevice(), words.Count);
        KernelArguments ofNibbles = default;
        ofNibbles.Add(raw);
        ofNibbles.Add(device.Write(words));
        ofNibbles.Add((long)rows * columns / PackedAtOnce);
        device.LaunchOverElements(device.Function(Source, "integers_pack_nibbles"), (long)rows * columns / 2, ofNibbles);
        device.Memory.Free(raw, words.Count);

        KernelArguments ofScales = default;
        ofScales.Add(device.Read(values.Scales!));
        ofScales.Add(device.Write(scales));
        ofScales.Add(rows);
        ofScales.Add(runs);
        ofScales.Add(values.GroupSize / format.Run);
        device.LaunchOverElements(device.Function(Source, "integers_pack_scales"), scales.Count, ofScales);
        return new IntegerWeight(format, words, scales) { Rows = columns, Columns = rows };
    }
}
