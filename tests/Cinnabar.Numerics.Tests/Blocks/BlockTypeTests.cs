using System.Runtime.Intrinsics;
using Cinnabar.Numerics.Blocks;
using Cinnabar.Numerics.Kernels;
using Cinnabar.Numerics.Tests.Kernels;

namespace Cinnabar.Numerics.Tests.Blocks;

public sealed class BlockTypeTests
{
    private static readonly WorkerPool[] s_pools = [new(1), new(2), new(3)];

    public static TheoryData<DType> Types => RandomBlocks.Types;

    public static TheoryData<string> Forms => MatMulForms.All;

    // Rows of 32 or 256 values to several blocks of K, the last not as long.
    [Theory]
    [MemberData(nameof(Types))]
    public void Quantize_OneGroupARow_RoundsTheDecodedValues(DType type)
    {
        foreach (int columns in (int[])[type.BlockSize(), 3 * type.BlockSize(), 11 * 256])
        {
            Tensor blocks = RandomBlocks.Of(type, 5, columns);
            Tensor expected = blocks.To(DType.F32).Quantize(DType.Int8, columns);
            Tensor found = blocks.Quantize(DType.Int8, columns);
            Assert.Equal(expected.Scales!.Floats.ToArray(), blocks.Scales!.Floats.ToArray());
            Assert.Equal(expected.Scales.Floats.ToArray(), found.Scales!.Floats.ToArray());
            Assert.True(expected.Bytes.SequenceEqual(found.Bytes));
        }
    }

    [Theory]
    [MemberData(nameof(Types))]
    public void Multiply_AnyShapeAndThreads_SameBitsAsInt8(DType type)
    {
        int[] columns = [type.BlockSize(), 7 * type.BlockSize(), 2304, 4352];
        foreach (int k in columns)
        {
            foreach (int n in (int[])[1, 31, 100])
            {
                Tensor blocks = RandomBlocks.Of(type, n, k, k + n);
                Tensor integers = blocks.Quantize(DType.Int8, k);
                foreach (int m in (int[])[1, 3, 33, 64])
                {
                    SameBits(KernelTables.Shipped(KernelForm.Jit, 1).MatMul, blocks, integers, m, $"{type}, {m}x{k}x{n}");
                }
            }
        }
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void Multiply_EveryForm_SameBitsAsInt8(string form)
    {
        foreach (WorkerPool workers in s_pools)
        {
            IMatMul product = MatMulForms.Create(form, workers);
            foreach (DType type in (DType[])[DType.Q4_0, DType.Q5_1, DType.Q2_K, DType.Q4_K, DType.Q6_K])
            {
                Tensor blocks = RandomBlocks.Of(type, 100, 2304);
                Tensor integers = blocks.Quantize(DType.Int8, 2304);
                SameBits(product, blocks, integers, 17, $"{form}, {workers.Threads} threads, {type}");
            }
        }
    }

    // More rows than panels that are spread out at once, and a second right side that uses the panels of the first.
    [Fact]
    public void Multiply_ManyRowsAndSeveralRightSides_SameBitsAsInt8()
    {
        IMatMul product = KernelTables.Shipped(KernelForm.Jit, 2).MatMul;
        Tensor x = Floats(400, 512);
        Tensor[] weights = [RandomBlocks.Of(DType.Q4_K, 300, 512), RandomBlocks.Of(DType.Q6_K, 70, 512)];
        foreach (int rows in (int[])[1, 290, 400])
        {
            Tensor[] found = Array.ConvertAll(weights, weight => Tensor.Zeros(rows, weight.Rows));
            PackedMatrix[] packed = Array.ConvertAll(weights, weight => Packed(product, weight));
            product.Multiply(x.View(rows, 512).AsMatrix(), packed, Array.ConvertAll(found, c => c.AsMatrix()));
            for (int i = 0; i < weights.Length; i++)
            {
                Tensor expected = Tensor.Zeros(rows, weights[i].Rows);
                Matrix integers = weights[i].Quantize(DType.Int8, 512).AsMatrix().Transposed;
                product.Multiply(x.View(rows, 512).AsMatrix(), integers, expected.AsMatrix(), false, MatMulPrecision.Int8);
                Assert.True(expected.Floats.SequenceEqual(found[i].Floats), $"{rows} rows, weight {i}");
            }
        }
    }

    [Theory]
    [MemberData(nameof(Types))]
    public void Embedding_AnyForm_DecodesTheRows(DType type)
    {
        Tensor table = RandomBlocks.Of(type, 5, 512);
        Tensor values = table.To(DType.F32);
        foreach (string form in (string[])["reference", "32", "512"])
        {
            Tensor rows = Tensor.Zeros(3, 512);
            KernelTables.Table(form).Embedding.Forward(table, [4, 0, 4], rows);
            Assert.Equal([.. values.Row(4), .. values.Row(0), .. values.Row(4)], rows.Floats.ToArray());
        }
    }

    [Theory]
    [MemberData(nameof(Types))]
    public void SelectRows_Blocks_TakesScalesAlong(DType type)
    {
        Tensor all = RandomBlocks.Of(type, 4, 512);
        Tensor some = all.SelectRows([2, 0]);
        Tensor values = all.To(DType.F32);
        Assert.Equal([.. values.Row(2), .. values.Row(0)], some.To(DType.F32).Floats.ToArray());
        Assert.Equal([all.Scales!.Floats[2], all.Scales.Floats[0]], some.Scales!.Floats.ToArray());
    }

    [Fact]
    public void Widen_EveryHalf_IsExactWithinLoopsToo()
    {
        bool[] wrong = new bool[3];
        s_pools[2].For(3, part =>
        {
            Span<ushort> eight = stackalloc ushort[8];
            for (int first = part * 8; first < 65536; first += 24)
            {
                for (int i = 0; i < 8; i++)
                {
                    eight[i] = (ushort)(first + i);
                }

                Vector256<float> widened = HalfScales.Widen(Vector128.Create<ushort>(eight));
                for (int i = 0; i < 8; i++)
                {
                    uint expected = BitConverter.SingleToUInt32Bits((float)BitConverter.UInt16BitsToHalf(eight[i]));
                    uint found = BitConverter.SingleToUInt32Bits(widened[i]);
                    wrong[part] |= expected != found && !float.IsNaN(widened[i]);
                }
            }
        });
        Assert.DoesNotContain(true, wrong);
    }

    // Infinite and undefined scales reach every element of their row, as with Int8, and no other.
    [Fact]
    public void Multiply_RowsThatAreNotNumbers_SameAsInt8()
    {
        Tensor blocks = RandomBlocks.Of(DType.Q4_K, 5, 256);
        foreach ((int row, Half scale) in (ReadOnlySpan<(int, Half)>)[(0, Half.NaN), (1, Half.PositiveInfinity), (2, Half.Zero)])
        {
            BitConverter.TryWriteBytes(blocks.Bytes[(row * 144)..], scale);
            BitConverter.TryWriteBytes(blocks.Bytes[((row * 144) + 2)..], Half.Zero);
        }

        blocks.FitScales(0, 5);
        SameBits(KernelTables.Shipped(KernelForm.Jit, 1).MatMul, blocks, blocks.Quantize(DType.Int8, 256), 3, "not numbers");
    }

    [Fact]
    public void Multiply_BlocksInAnyOtherPlace_IsRefused()
    {
        Tensor blocks = RandomBlocks.Of(DType.Q4_K, 256, 256), x = Floats(256, 256), c = Tensor.Zeros(256, 256);
        Matrix whole = blocks.AsMatrix().Transposed, values = x.AsMatrix(), result = c.AsMatrix();
        foreach (KernelForm form in (KernelForm[])[KernelForm.Jit, KernelForm.Vector])
        {
            IMatMul product = KernelTables.Shipped(form, 1).MatMul;
            Assert.Throws<ArgumentException>(() => product.Multiply(whole, values, result, false, MatMulPrecision.Int8));
            Assert.Throws<ArgumentException>(() => product.Multiply(values, whole, result, false, MatMulPrecision.BF16));
            Assert.Throws<ArgumentException>(() => product.Multiply(values, blocks.AsMatrix(), result, false, MatMulPrecision.Int8));
        }
    }

    [Fact]
    public void Zeros_RowsThatAreNoWholeBlocks_IsRefused()
    {
        Assert.Throws<ArgumentException>(() => Tensor.Zeros(DType.Q4_K, 2, 128));
        Assert.Throws<ArgumentException>(() => Tensor.Zeros(DType.Q4_0, 32, [2, 64]));
        Assert.Throws<NotSupportedException>(() => Tensor.Zeros(2, 256).To(DType.Q4_K));
        Assert.Throws<InvalidOperationException>(() => Tensor.Zeros(2, 256).FitScales(0, 2));
    }

    [Fact]
    public void Pack_Blocks_HoldsThemOnce()
    {
        Tensor blocks = RandomBlocks.Of(DType.Q4_K, 64, 256);
        foreach (KernelForm form in (KernelForm[])[KernelForm.Jit, KernelForm.Vector])
        {
            Assert.Equal(64 * (144 + sizeof(float)), Packed(KernelTables.Shipped(form, 1).MatMul, blocks).Bytes);
        }
    }

    private static void SameBits(IMatMul product, Tensor blocks, Tensor integers, int rows, string what)
    {
        Matrix x = Floats(rows, blocks.Columns).AsMatrix();
        Tensor expected = Tensor.Zeros(rows, blocks.Rows), found = Tensor.Zeros(rows, blocks.Rows), again = Tensor.Zeros(rows, blocks.Rows);
        product.Multiply(x, Packed(product, integers), expected.AsMatrix(), accumulate: false);
        product.Multiply(x, Packed(product, blocks), found.AsMatrix(), accumulate: false);
        product.Multiply(x, blocks.AsMatrix().Transposed, again.AsMatrix(), accumulate: false, MatMulPrecision.Int8);
        Assert.True(expected.Bytes.SequenceEqual(found.Bytes), what);
        Assert.True(expected.Bytes.SequenceEqual(again.Bytes), what);
    }

    private static PackedMatrix Packed(IMatMul product, Tensor weight)
    {
        PackedMatrix? packed = null;
        product.Pack(weight.AsMatrix().Transposed, MatMulPrecision.Int8, ref packed);
        return packed!;
    }

    private static Tensor Floats(int rows, int columns)
    {
        Random random = new(rows);
        Tensor tensor = Tensor.Zeros(rows, columns);
        foreach (ref float value in tensor.Floats)
        {
            value = (random.NextSingle() * 2) - 1;
        }

        return tensor;
    }
}
