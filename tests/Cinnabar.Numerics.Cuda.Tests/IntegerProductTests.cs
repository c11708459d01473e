using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Numerics.Cuda.Tests;

/// <summary>Sums of integers are exact: the definition makes of rows rounded to Int8 what the device makes of the rows.</summary>
public sealed class IntegerProductTests
{
    // Few rows and many, weights whose rows are not whole tiles, or in numbers that cuBLASLt does not take, and enough for tiles of 256.
    private static readonly Size[] s_sizes =
    [
        .. from m in (int[])[1, 17, 32, 33, 64, 130] select new Size(m, 1_024, 264),
        new(9, 128, 5_500), new(70, 256, 260), new(5, 4_096, 257), new(0, 256, 8), new(3, 1_280, 1_028), new(64, 1_024, 1_536),
    ];

    [CudaFact]
    public void Product_OfEightBits_IsExact() => Product(DType.Int8, s_sizes);

    [CudaFact]
    public void Product_OfFourBits_IsExact() => Product(DType.Int4, s_sizes.Where(size => size.K % 256 == 0 && size.N % 4 == 0));

    // Also where it is added: by one kernel or by another.
    [CudaTheory]
    [InlineData(false)]
    [InlineData(true)]
    public void Product_OfEightBits_HasTheSameRowsAmongAnyNumber(bool accumulate)
    {
        Samples samples = new(1);
        (Tensor x, Tensor start) = (samples.Normal(1, 130, 1_024), samples.Normal(1, 130, 264));
        PackedMatrix weight = Packed(Comparison.Device, samples.Normal(1, 264, 1_024).Quantize(DType.Int8, 1_024));
        float[] all = Rows(130);
        foreach (int count in (int[])[1, 17, 32, 33, 64, 65])
        {
            Assert.Equal(all[..(264 * count)], Rows(count));
        }

        float[] Rows(int count)
        {
            Tensor y = Tensor.From(start.Floats[..(264 * count)], count, 264);
            Comparison.Device.MatMul.Multiply(x.AsMatrix().Slice(0, count, 0, 1_024), weight, y.AsMatrix(), accumulate);
            return y.Floats.ToArray();
        }
    }

    // More rows than become integers at once.
    [CudaFact]
    public void Product_OfThousandsOfRows_HasTheRowsOfItsParts()
    {
        const int Rows = 4_106, Few = 20;
        Samples samples = new(1);
        (Tensor x, Tensor all) = (samples.Normal(1, Rows, 128), samples.Normal(1, Rows, 8));
        PackedMatrix weight = Packed(Comparison.Device, samples.Normal(1, 8, 128).Quantize(DType.Int8, 128));
        Tensor last = Tensor.From(all.Floats[^(8 * Few)..], Few, 8);
        Comparison.Device.MatMul.Multiply(x.AsMatrix(), weight, all.AsMatrix(), accumulate: true);
        Comparison.Device.MatMul.Multiply(x.AsMatrix().Slice(Rows - Few, Few, 0, 128), weight, last.AsMatrix(), accumulate: true);
        Assert.Equal(last.Floats.ToArray(), all.Floats[^(8 * Few)..].ToArray());
    }

    [CudaFact]
    public void Product_OfRowsOfBF16_IsThatOfTheirValues()
    {
        Tensor x = new Samples(1).Normal(1, 6, 256).To(DType.BF16);
        PackedMatrix weight = Packed(Comparison.Device, new Samples(2).Normal(1, 64, 256).Quantize(DType.Int8, 256));
        float[][] y = [.. ((Tensor[])[x, x.To(DType.F32)]).Select(rows =>
        {
            Tensor result = Tensor.Zeros(6, 64);
            Comparison.Device.MatMul.Multiply(rows.AsMatrix(), weight, result.AsMatrix(), accumulate: false);
            return result.Floats.ToArray();
        })];
        Assert.Equal(y[1], y[0]);
    }

    // A row whose scale would overflow, one of zeros beside it, and what is not finite reaches its own row alone.
    [CudaFact]
    public void Product_OfRowsThatAreNotFinite_IsThatOfTheProcessor()
    {
        Tensor x = new Samples(1).Normal(1, 6, 256);
        (x.Row(0)[7], x.Row(2)[200], x.Row(4)[0]) = (float.NaN, float.PositiveInfinity, 1e-38f);
        x.Row(3).Clear();
        Tensor weight = new Samples(2).Normal(1, 64, 256).Quantize(DType.Int8, 256);
        Tensor[] y = [.. ((KernelTable[])[Comparison.Definition, Comparison.Device]).Select(table =>
        {
            Tensor result = Tensor.Zeros(6, 64);
            table.MatMul.Multiply(x.AsMatrix(), Packed(table, weight), result.AsMatrix(), accumulate: false);
            return result;
        })];
        Assert.Null(Comparison.Difference(y[0].Floats, y[1].Floats, Comparison.Exact));
    }

    // The same elements on the device are looked up and multiplied.
    [CudaFact]
    public void TiedTable_OfEightBits_IsTableAndHead()
    {
        const int Vocabulary = 264, Columns = 256;
        Samples samples = new(1);
        Tensor table = samples.Normal(1, Vocabulary, Columns).Quantize(DType.Int8, Columns);
        Tensor values = table.To(DType.F32);
        Tensor x = samples.Normal(1, 9, Columns);
        int[] ids = samples.Ids(9, Vocabulary);
        PackedMatrix head = Packed(Comparison.Device, table);
        PackedMatrix exact = Packed(Comparison.Definition, values, MatMulPrecision.F32);
        (Tensor row, Tensor expectedRow, Tensor y, Tensor expected) =
            (Tensor.Zeros(9, Columns), Tensor.Zeros(9, Columns), Tensor.Zeros(9, Vocabulary), Tensor.Zeros(9, Vocabulary));
        Comparison.Device.Embedding.Forward(table, ids, row);
        Comparison.Device.MatMul.Multiply(x.AsMatrix(), head, y.AsMatrix(), accumulate: false);
        Comparison.Definition.Embedding.Forward(values, ids, expectedRow);
        Tensor rounded = x.Quantize(DType.Int8, Columns).To(DType.F32);
        Comparison.Definition.MatMul.Multiply(rounded.AsMatrix(), exact, expected.AsMatrix(), accumulate: false);
        Assert.Equal(expectedRow.Floats.ToArray(), row.Floats.ToArray());
        Assert.Null(Comparison.Difference(expected.Floats, y.Floats, Comparison.Exact));
    }

    // Bytes of the device's memory, not of BF16 numbers.
    [CudaFact]
    public void Weights_StayIntegersWhereTheirSizesAllowIt()
    {
        Tensor weight = new Samples(1).Normal(1, 64, 768);
        Assert.Equal((64 * 768) + (64 * 4), Packed(Comparison.Device, weight.Quantize(DType.Int8, 768)).Bytes);
        foreach ((int group, int run) in ((int, int)[])[(32, 32), (64, 64), (96, 32), (128, 128), (384, 128)])
        {
            long scales = 64 * (768 / run) * 4;
            Assert.Equal((64 * 384) + scales, Packed(Comparison.Device, weight.Quantize(DType.Int4, group)).Bytes);
        }

        Tensor narrow = new Samples(1).Normal(1, 64, 96);
        Assert.Equal(64 * 96 * 2, Packed(Comparison.Device, narrow.Quantize(DType.Int8, 96)).Bytes);
    }

    // Sums of more products may be no integers of 32 bits.
    [CudaTheory]
    [InlineData(132_096, (8 * 132_096) + (8 * 4))]
    [InlineData(132_224, 8 * 132_224 * 2)]
    public void Weights_OfLongRows_StayIntegersAsLongAsSumsAre(int columns, long bytes) =>
        Assert.Equal(bytes, Packed(Comparison.Device, Tensor.Zeros(DType.Int8, 8, columns)).Bytes);

    [CudaFact]
    public void Product_OfNoColumns_IsNothing()
    {
        PackedMatrix weight = Packed(Comparison.Device, Tensor.Zeros(DType.Int8, 0, 256));
        Tensor y = Tensor.Zeros(3, 0);
        Comparison.Device.MatMul.Multiply(Tensor.Zeros(3, 256).AsMatrix(), weight, y.AsMatrix(), accumulate: false);
    }

    private static void Product(DType type, IEnumerable<Size> sizes) => Comparison.On(
        $"MatMul of weights of {type}", Comparison.Exact, sizes, (table, samples, size) =>
        {
            (int m, int k, int n) = size;
            bool isDefinition = table == Comparison.Definition;
            Tensor x = samples.Normal(1, m, k);
            if (m > 2)
            {
                x.Row(2).Clear();
            }

            // Of Int4 the first two have groups alike, and go into one launch, and so do the next two. A group of 256 is two runs of 128.
            int[] groups = type == DType.Int8 ? [k, k] : m < 64 ? [64, 256] : [32, 128];
            PackedMatrix[] packed =
            [
                .. ((int[])[n, 8, 32, Math.Min(n, 264), 64]).Select((rows, i) =>
                {
                    Tensor weight = samples.Normal(1, rows, k).Quantize(type, groups[i / 2 % 2]);
                    return isDefinition ? Packed(table, weight.To(DType.F32), MatMulPrecision.F32) : Packed(table, weight);
                }),
            ];
            x = isDefinition && m > 0 ? x.Quantize(DType.Int8, k).To(DType.F32) : x;
            (Tensor once, Tensor added, Tensor wide) = (Tensor.Zeros(m, n), samples.Normal(1, m, n), samples.Normal(1, m, n + 5));
            table.MatMul.Multiply(x.AsMatrix(), packed[0], once.AsMatrix(), accumulate: false);
            table.MatMul.Multiply(x.AsMatrix(), packed[0], added.AsMatrix(), accumulate: true);
            table.MatMul.Multiply(x.AsMatrix(), packed[0], wide.AsMatrix().Slice(0, m, 2, n), accumulate: false);
            Tensor[] each = [.. packed.Select(weight => Tensor.Zeros(m, weight.Columns))];
            table.MatMul.Multiply(x.AsMatrix(), packed, [.. each.Select(y => y.AsMatrix())]);
            return
            [
                new("once", once), new("added", added), new("in a wider one", wide),
                .. each.Select((y, i) => new Output($"{i} of five", y)),
            ];
        });

    private static PackedMatrix Packed(KernelTable table, Tensor weight, MatMulPrecision precision = MatMulPrecision.Int8)
    {
        PackedMatrix? packed = null;
        table.MatMul.Pack(weight.AsMatrix().Transposed, precision, ref packed);
        return packed!;
    }

    private readonly record struct Size(int M, int K, int N)
    {
        public override string ToString() => $"[{M}, {K}] · [{K}, {N}]";
    }
}
