using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Numerics.Tests.Kernels;

public sealed class MatMulTests
{
    private static readonly ReferenceMatMul s_reference = new();
    private static readonly WorkerPool s_one = new(1);
    private static readonly WorkerPool s_two = new(2);
    private static readonly WorkerPool s_five = new(5);

    public static TheoryData<string> Forms => MatMulForms.All;

    // Tiles are 6 × 8, 6 × 16, 6 × 32 and 14 × 32; transposition takes 4 × 8 and 4 × 16; a block of K ends at 384.
    private static (int M, int K, int N)[] Sizes =>
    [
        (0, 3, 5), (3, 0, 5), (3, 5, 0), (1, 1, 1), (1, 7, 1), (5, 1, 9), (6, 3, 7), (7, 8, 8), (13, 15, 15), (14, 16, 16), (15, 17, 17),
        (28, 31, 32), (29, 33, 33), (12, 4, 64), (41, 5, 65), (2, 383, 31), (3, 384, 2), (16, 385, 47), (17, 771, 19), (61, 67, 53),
    ];

    [Theory]
    [MemberData(nameof(Forms))]
    public void Multiply_AnySizeOrderAndType_EqualsReferenceInsideGuards(string form)
    {
        IMatMul product = MatMulForms.Create(form, s_two);
        foreach (ProductCase one in Sizes.SelectMany(size => ProductCase.Of(size.M, size.K, size.N)))
        {
            using GuardedMemory memory = new();
            float[] expected = one.Run(s_reference, memory);
            one.Check(expected, one.Run(product, memory), Tolerance.MatMul(one.K), form);
        }
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void Multiply_PackedRightSide_SameBitsAsUnpacked(string form)
    {
        IMatMul product = MatMulForms.Create(form, s_two);
        (int M, int K, int N)[] sizes = [(0, 3, 5), (3, 0, 5), (15, 17, 33), (40, 771, 70)];
        foreach (ProductCase one in sizes.SelectMany(size => ProductCase.Of(size.M, size.K, size.N)))
        {
            using GuardedMemory memory = new();
            one.Check(one.Run(product, memory), one.Run(product, memory, packed: true), Tolerance.Exact, form);
        }
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void Multiply_OneTwoOrFiveThreads_SameBits(string form)
    {
        foreach ((int m, int k, int n) in ((int, int, int)[])[(3, 801, 300), (300, 801, 3), (150, 400, 160), (20, 100, 1000)])
        {
            ProductCase one = new(m, k, n, false, true, DType.F32, DType.F32, MatMulPrecision.F32, true);
            using GuardedMemory memory = new();
            float[] expected = one.Run(MatMulForms.Create(form, s_one), memory);
            one.Check(expected, one.Run(MatMulForms.Create(form, s_two), memory), Tolerance.Exact, form);
            one.Check(expected, one.Run(MatMulForms.Create(form, s_five), memory), Tolerance.Exact, form);
        }
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void Multiply_OneRowOfMany_SameBitsAsAlone(string form)
    {
        // An element must not depend on where in a tile it lies, or a sequence would depend on its batch.
        IMatMul product = MatMulForms.Create(form, s_two);
        Tensor a = Random(1, 100, 400), b = Random(2, 400, 90), all = Tensor.Zeros(100, 90), alone = Tensor.Zeros(1, 90);
        product.Multiply(a.AsMatrix(), b.AsMatrix(), all.AsMatrix(), false, MatMulPrecision.F32);
        foreach (int row in (int[])[0, 13, 14, 57, 99])
        {
            product.Multiply(a.AsMatrix().Slice(row, 1, 0, 400), b.AsMatrix(), alone.AsMatrix(), false, MatMulPrecision.F32);
            Assert.Equal(all.Row(row).ToArray(), alone.Floats.ToArray());
        }
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void Multiply_InsideLoopOfThePool_SameBitsAsOutside(string form)
    {
        IMatMul product = MatMulForms.Create(form, s_five);
        Tensor a = Random(3, 130, 64), b = Random(4, 64, 130), expected = Tensor.Zeros(130, 130);
        product.Multiply(a.AsMatrix(), b.AsMatrix(), expected.AsMatrix(), false, MatMulPrecision.F32);
        Tensor[] results = [.. Enumerable.Range(0, 40).Select(_ => Tensor.Zeros(130, 130))];
        s_five.For(results.Length, i => product.Multiply(a.AsMatrix(), b.AsMatrix(), results[i].AsMatrix(), false, MatMulPrecision.F32));
        Assert.All(results, result => Assert.True(expected.Floats.SequenceEqual(result.Floats)));
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void Multiply_SecondTime_AllocatesNothing(string form)
    {
        IMatMul product = MatMulForms.Create(form, s_one);
        Tensor a = Random(5, 70, 500), b = Random(6, 500, 90), c = Tensor.Zeros(70, 90);
        product.Multiply(a.AsMatrix(), b.AsMatrix(), c.AsMatrix(), false, MatMulPrecision.BF16);
        long before = GC.GetAllocatedBytesForCurrentThread();
        product.Multiply(a.AsMatrix(), b.AsMatrix(), c.AsMatrix(), false, MatMulPrecision.BF16);
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void Multiply_InfinitiesAndNaN_AppearWhereTheReferenceHasThem(string form)
    {
        Tensor a = Random(7, 20, 40), b = Random(8, 40, 40);
        a.Floats[(3 * 40) + 5] = float.NaN;
        a.Floats[(9 * 40) + 39] = float.PositiveInfinity;
        b.Floats[(17 * 40) + 31] = float.NegativeInfinity;
        foreach (MatMulPrecision precision in Enum.GetValues<MatMulPrecision>())
        {
            Tensor expected = Tensor.Zeros(20, 40), actual = Tensor.Zeros(20, 40);
            s_reference.Multiply(a.AsMatrix(), b.AsMatrix(), expected.AsMatrix(), false, precision);
            MatMulForms.Create(form, s_one).Multiply(a.AsMatrix(), b.AsMatrix(), actual.AsMatrix(), false, precision);
            if (precision is MatMulPrecision.Int16 or MatMulPrecision.Int8)
            {
                // An infinite scale makes a sum NaN even where a product of numbers would be infinite.
                Assert.All(Enumerable.Range(0, expected.Count), i =>
                    Assert.Equal(float.IsFinite(expected.Floats[i]), float.IsFinite(actual.Floats[i])));
                continue;
            }

            KernelSweep.Close(expected, actual, Tolerance.MatMul(40), $"{form}, {precision}");
        }
    }

    [Fact]
    public void Reference_HandMadeProduct_IsExact()
    {
        Tensor a = Tensor.From([1, 2, 3, 4, 5, 6], 2, 3), b = Tensor.From([1, 0, -1, 2, 0.5f, 1], 3, 2);
        Tensor c = Tensor.From([10, 20, 30, 40], 2, 2);
        s_reference.Multiply(a.AsMatrix(), b.AsMatrix(), c.AsMatrix(), true, MatMulPrecision.F32);
        Assert.Equal([10 + 1 - 2 + 1.5f, 20 + 4 + 3, 30 + 4 - 5 + 3, 40 + 10 + 6], c.Floats.ToArray());
    }

    [Fact]
    public void Reference_BF16Precision_RoundsOperands()
    {
        // 1 + 2⁻⁸ lies half way between two BF16 numbers and goes to the even one, 1; 1 + 3·2⁻⁸ goes to 1 + 2⁻⁶.
        Tensor a = Tensor.From([1.00390625f, 1.01171875f], 2, 1), b = Tensor.From([3], 1, 1), c = Tensor.Zeros(2, 1);
        s_reference.Multiply(a.AsMatrix(), b.AsMatrix(), c.AsMatrix(), false, MatMulPrecision.BF16);
        Assert.Equal([3f, 3.046875f], c.Floats.ToArray());
    }

    [Fact]
    public void Reference_Int16Precision_RoundsToMultiplesOfTheLargestPerBlockOfK()
    {
        // 700 values of k are two blocks of 352 and 348. The largest of each block sets the unit: 2047 / 2047 = 1 and 4094 / 2047 = 2.
        Tensor a = Tensor.Zeros(1, 700), b = Tensor.Zeros(700, 2), c = Tensor.Zeros(1, 2);
        (a.Floats[0], a.Floats[1], a.Floats[2]) = (2047, 0.4f, 1.5f);
        (a.Floats[352], a.Floats[353], a.Floats[354]) = (-4094, 0.9f, 2.9f);
        b.Floats.Fill(1);
        b.Floats[0] = b.Floats[1] = b.Floats[2 * 352] = b.Floats[(2 * 352) + 1] = 0;
        s_reference.Multiply(a.AsMatrix(), b.AsMatrix(), c.AsMatrix(), false, MatMulPrecision.Int16);
        Assert.Equal([0 + 2 + 0 + 2f, 0 + 2 + 0 + 2f], c.Floats.ToArray());
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void Multiply_LargestIntegersOverAWholeBlock_DoesNotOverflow(string form)
    {
        (int K, MatMulPrecision Precision)[] blocks = [(512, MatMulPrecision.Int16), (2048, MatMulPrecision.Int8)];
        foreach ((int k, MatMulPrecision precision) in blocks)
        {
            Tensor a = Tensor.Zeros(2, k), b = Tensor.Zeros(k, 3), c = Tensor.Zeros(2, 3);
            a.Floats.Fill(-3);
            b.Floats.Fill(5);
            MatMulForms.Create(form, s_one).Multiply(a.AsMatrix(), b.AsMatrix(), c.AsMatrix(), false, precision);
            Assert.All(c.Floats.ToArray(), value => Assert.Equal(-15 * k, value, 0.01f));
        }
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void Multiply_Int8Weight_EqualsReference(string form)
    {
        IMatMul product = MatMulForms.Create(form, s_two);
        foreach ((int m, int k, int n) in ((int, int, int)[])[(1, 4, 1), (3, 20, 31), (14, 64, 33), (17, 2052, 70), (64, 384, 100)])
        {
            Tensor weight = Random(k, n, k).To(DType.Int8), x = Random(m, m, k);
            weight.Scales!.Floats[0] = 0.25f; // not the largest magnitude / 127: an Int8 weight keeps the scale it has
            Tensor expected = Tensor.Zeros(m, n), actual = Tensor.Zeros(m, n);
            s_reference.Multiply(x.AsMatrix(), weight.AsMatrix().Transposed, expected.AsMatrix(), false, MatMulPrecision.Int8);
            product.Multiply(x.AsMatrix(), weight.AsMatrix().Transposed, actual.AsMatrix(), false, MatMulPrecision.Int8);
            KernelSweep.Close(expected, actual, new Bound(1e-4 * Math.Sqrt(k), 1e-5), $"{form}, {m}x{k}x{n}");
            PackedMatrix? packed = null;
            Tensor again = Tensor.Zeros(m, n);
            product.Pack(weight.AsMatrix().Transposed, MatMulPrecision.Int8, ref packed);
            product.Multiply(x.AsMatrix(), packed!, again.AsMatrix(), false);
            Assert.True(actual.Floats.SequenceEqual(again.Floats));
        }
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void Multiply_WeightInGroups_EqualsReference(string form)
    {
        IMatMul product = MatMulForms.Create(form, s_two);
        foreach (DType type in (DType[])[DType.Int8, DType.Int4])
        {
            foreach ((int m, int k, int n, int group) in
                ((int, int, int, int)[])[(1, 32, 1, 32), (3, 64, 31, 16), (14, 256, 33, 128), (17, 2048, 70, 32), (70, 384, 100, 384)])
            {
                Tensor weight = Random(k, n, k).Quantize(type, group), x = Random(m, m, k);
                Tensor expected = Tensor.Zeros(m, n), actual = Tensor.Zeros(m, n), again = Tensor.Zeros(m, n);
                s_reference.Multiply(x.AsMatrix(), weight.AsMatrix().Transposed, expected.AsMatrix(), false, MatMulPrecision.Int8);
                product.Multiply(x.AsMatrix(), weight.AsMatrix().Transposed, actual.AsMatrix(), false, MatMulPrecision.Int8);
                KernelSweep.Close(expected, actual, new Bound(1e-4 * Math.Sqrt(k), 1e-5), $"{form}, {type}, {m}x{k}x{n}, group {group}");
                PackedMatrix? packed = null;
                product.Pack(weight.AsMatrix().Transposed, MatMulPrecision.Int8, ref packed);
                product.Multiply(x.AsMatrix(), packed!, again.AsMatrix(), false);
                Assert.True(actual.Floats.SequenceEqual(again.Floats));
            }
        }
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void Multiply_SeveralRightSides_SameBitsAsOneAfterTheOther(string form)
    {
        // Few rows, whose panels are shared, and many; the groups of the third weight have other blocks of K.
        IMatMul product = MatMulForms.Create(form, s_two);
        foreach (int rows in (int[])[1, 40, 150, 700])
        {
            Tensor x = Random(rows, rows, 256);
            Tensor[] weights =
            [
                Random(1, 70, 256).To(DType.Int8),
                Random(2, 600, 256).To(DType.Int8),
                Random(3, 64, 256).Quantize(DType.Int4, 64),
                Random(4, 33, 256).Quantize(DType.Int8, 64),
            ];
            PackedMatrix[] packed = Array.ConvertAll(weights, weight =>
            {
                PackedMatrix? one = null;
                product.Pack(weight.AsMatrix().Transposed, MatMulPrecision.Int8, ref one);
                return one!;
            });
            Tensor[] together = Array.ConvertAll(weights, weight => Tensor.Zeros(rows, weight.Rows));
            product.Multiply(x.AsMatrix(), packed, Array.ConvertAll(together, c => c.AsMatrix()));
            for (int i = 0; i < weights.Length; i++)
            {
                Tensor alone = Tensor.Zeros(rows, weights[i].Rows);
                product.Multiply(x.AsMatrix(), packed[i], alone.AsMatrix(), accumulate: false);
                Assert.True(alone.Floats.SequenceEqual(together[i].Floats), $"{form}, {rows} rows, weight {i}");
            }
        }
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void Pack_Int4Weight_TakesHalfTheMemoryOfInt8WhereBytesAreMultiplied(string form)
    {
        const double Scales = 4 / 128.0;
        Tensor weight = Random(1, 1024, 1024);
        IMatMul product = MatMulForms.Create(form, s_one);
        double BytesPerWeight(DType type)
        {
            PackedMatrix? packed = null;
            product.Pack(weight.Quantize(type, 128).AsMatrix().Transposed, MatMulPrecision.Int8, ref packed);
            return packed!.Bytes / (1024.0 * 1024);
        }

        bool bytes = form is "jit AVX512_VNNI" or "jit AVX-VNNI";
        Assert.Equal(bytes ? 0.5 + Scales : BytesPerWeight(DType.Int8), BytesPerWeight(DType.Int4));
        Assert.Equal(bytes ? 1 + Scales : form == "jit AVX2 integers" ? 2 + Scales : 4, BytesPerWeight(DType.Int8));
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void Multiply_Int8WeightNotTransposed_IsRefused(string form)
    {
        Tensor weight = Random(1, 8, 8).To(DType.Int8), x = Random(2, 8, 8), c = Tensor.Zeros(8, 8);
        Assert.Throws<ArgumentException>(() =>
            MatMulForms.Create(form, s_one).Multiply(x.AsMatrix(), weight.AsMatrix(), c.AsMatrix(), false, MatMulPrecision.Int8));
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void Multiply_WrongShapes_Throws(string form)
    {
        IMatMul product = MatMulForms.Create(form, s_one);
        Tensor a = Tensor.Zeros(2, 3), b = Tensor.Zeros(4, 2), c = Tensor.Zeros(2, 2), half = Tensor.Zeros(DType.BF16, 2, 2);
        Assert.Throws<ArgumentException>(() => product.Multiply(a.AsMatrix(), b.AsMatrix(), c.AsMatrix(), false, MatMulPrecision.F32));
        Assert.Throws<ArgumentException>(() => product.Multiply(c.AsMatrix(), c.AsMatrix(), half.AsMatrix(), false, MatMulPrecision.F32));
        Matrix outside = new(c, 1, 2, 2, 2, 1);
        Assert.Throws<ArgumentException>(() => product.Multiply(outside, c.AsMatrix(), c.AsMatrix(), false, MatMulPrecision.F32));
        Assert.Throws<ArgumentException>(() => product.Multiply(c.AsMatrix(), outside, c.AsMatrix(), false, MatMulPrecision.F32));
        PackedMatrix? foreign = null;
        s_reference.Pack(Tensor.Zeros(3, 2).AsMatrix(), MatMulPrecision.F32, ref foreign);
        Assert.Throws<ArgumentException>(() => product.Multiply(a.AsMatrix(), foreign!, c.AsMatrix(), false));
    }

    private static Tensor Random(int seed, int rows, int columns)
    {
        Random random = new(seed);
        Tensor tensor = Tensor.Zeros(rows, columns);
        foreach (ref float value in tensor.Floats)
        {
            value = (random.NextSingle() * 2) - 1;
        }

        return tensor;
    }
}
