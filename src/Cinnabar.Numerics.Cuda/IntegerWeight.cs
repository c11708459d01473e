// Weights that stay integers on the device, as products read them: Int8 with one scale a row as they are, and numbers of four bits with a
// scale for every 32 columns in the order of Kernels/integers.cu. What lies in the blocks of a file becomes Int8, as on the processor.
// Products multiply whole units of columns (FewRowsProduct), so weights whose rows are not made of them become BF16 instead.
using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Numerics.Cuda;

/// <summary>Wᵀ [K, N] of integers.</summary>
internal sealed class IntegerWeight : PackedMatrix
{
    /// <summary>Columns of four bits that have a scale.</summary>
    public const int Run = 32;

    private const string Source = "integers.cu";
    private const int PackedAtOnce = 256; // columns of pack_nibbles

    // Scales of neighbouring rows are copied four at a time.
    private const int RowMultipleOfFourBits = 4;

    private IntegerWeight(int bits, Tensor words, Tensor scales) => (Bits, Words, Scales) = (bits, words, scales);

    /// <summary>8 or 4.</summary>
    public int Bits { get; }

    /// <summary>Int8: [N, K], or [N, K / 2] bytes of two numbers.</summary>
    public Tensor Words { get; }

    /// <summary>[N] of 8 bits, [K / 32, N] of 4.</summary>
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
        int bits = BitsOf(values);
        return precision == MatMulPrecision.Int8
            && isWhole
            && bits > 0
            && b.Rows > 0
            && b.Rows % FewRowsProduct.ColumnsOfUnit(bits) == 0
            && (bits == 8 || b.Columns % RowMultipleOfFourBits == 0);
    }

    /// <summary>Brings a weight to the device.</summary>
    /// <param name="device">The device.</param>
    /// <param name="b">[K, N], one that <see cref="Takes"/> says yes to.</param>
    public static IntegerWeight From(CudaDevice device, in Matrix b)
    {
        Tensor values = b.Storage;
        return BitsOf(values) == 4
            ? OfFourBits(device, values)
            : OfBytes(device, values.Type == DType.Int8 ? values : values.Quantize(DType.Int8, values.Columns));
    }

    // 0: none of both.
    private static int BitsOf(Tensor values) => values.Type switch
    {
        DType.Int8 => values.GroupSize == values.Columns ? 8 : 0,
        DType.Int4 => values.GroupSize % Run == 0 ? 4 : 0,
        _ => values.Type.IsBlocks() ? 8 : 0,
    };

    private static IntegerWeight OfBytes(CudaDevice device, Tensor values)
    {
        device.Read(values);
        device.Read(values.Scales!);
        values.Storage.DropHost();
        values.Scales!.Storage.DropHost();
        return new IntegerWeight(8, values, values.Scales) { Rows = values.Columns, Columns = values.Rows };
    }

    private static IntegerWeight OfFourBits(CudaDevice device, Tensor values)
    {
        (int rows, int columns) = (values.Rows, values.Columns);
        Tensor words = Tensor.Zeros(DType.Int8, rows, columns / 2);
        Tensor scales = Tensor.Zeros(columns / Run, rows);
        nint raw = device.Allocate(words.Count);
        CopyWhole(device, values, raw);
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
        ofScales.Add(columns / Run);
        ofScales.Add(values.GroupSize / Run);
        device.LaunchOverElements(device.Function(Source, "integers_pack_scales"), scales.Count, ofScales);
        return new IntegerWeight(4, words, scales) { Rows = columns, Columns = rows };
    }

    private static unsafe void CopyWhole(CudaDevice device, Tensor values, nint to) =>
        device.CopyFromHost(to, values.Storage.HostForDevice(), values.Storage.Bytes);
}
