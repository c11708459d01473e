using Cinnabar.Numerics.Kernels;
using Cinnabar.Numerics.Simd;
using Cinnabar.Numerics.Tests.Blocks;

namespace Cinnabar.Numerics.Tests.Kernels;

/// <summary>The memory of products: right sides too large for one array, and what calls of several threads work with.</summary>
public sealed class PackedMatMulTests
{
    // Of 32 bits: one to four panels of 400 values of k in F32.
    private const int ElementsOfPart = 15_000;

    private static readonly WorkerPool s_one = new(1);
    private static readonly WorkerPool s_two = new(2);

    public static TheoryData<string> Forms => MatMulForms.All;

    [Theory]
    [MemberData(nameof(Forms))]
    public void Multiply_RightSideInParts_SameBitsAsInOne(string form)
    {
        (IMatMul whole, IMatMul cut) = (MatMulForms.Create(form, s_two), InParts(form, s_two));
        foreach (ProductCase one in ProductCase.Of(20, 400, 200).Where(one => one is { TransposeA: false, TypeA: DType.F32 }))
        {
            using GuardedMemory memory = new();
            float[] expected = one.Run(whole, memory);
            one.Check(expected, one.Run(cut, memory), Tolerance.Exact, form);
            one.Check(expected, one.Run(cut, memory, packed: true), Tolerance.Exact, form);
        }
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void Multiply_StoredWeightsInParts_SameBitsAsInOne(string form)
    {
        Tensor x = Random(1, 40, 256), norm = Random(2, 1, 256).View(256);
        Tensor[] weights =
        [
            Random(3, 300, 256).To(DType.Int8),
            Random(4, 500, 256).Quantize(DType.Int4, 64),
            RandomBlocks.Of(DType.Q8_0, 330, 256),
            RandomBlocks.Of(DType.Q4_0, 300, 256),
        ];
        float[][] expected = Products(MatMulForms.Create(form, s_two));
        float[][] found = Products(InParts(form, s_two));
        for (int i = 0; i < expected.Length; i++)
        {
            Assert.Equal(expected[i], found[i]);
        }

        // Of rows in memory, then of rows that are computed.
        float[][] Products(IMatMul product)
        {
            PackedMatrix[] packed = Array.ConvertAll(weights, weight => Packed(product, weight));
            Tensor[] results = Array.ConvertAll(weights, weight => Tensor.Zeros(40, weight.Rows));
            Tensor[] computed = Array.ConvertAll(weights, weight => Tensor.Zeros(40, weight.Rows));
            product.Multiply(x.AsMatrix(), packed, Array.ConvertAll(results, c => c.AsMatrix()));
            RowSource? reused = null;
            RowSource rows = new VectorRmsNorm<Vector256Floats>(s_two).AsRows(x, norm, 1e-5f, ref reused);
            product.Multiply(rows, packed, Array.ConvertAll(computed, c => c.AsMatrix()), accumulate: false);
            return [.. results.Concat(computed).Select(c => c.Floats.ToArray())];
        }
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void Pack_MoreThanAPartHolds_TakesSeveralPartsAndNoMoreMemory(string form)
    {
        Tensor b = Random(5, 400, 200);
        PackedMatrix? whole = null, cut = null;
        MatMulForms.Create(form, s_one).Pack(b.AsMatrix(), MatMulPrecision.F32, ref whole);
        InParts(form, s_one).Pack(b.AsMatrix(), MatMulPrecision.F32, ref cut);
        Assert.Single(((PackedMatMul.Panels)whole!).Parts);
        Assert.Equal(7, ((PackedMatMul.Panels)cut!).Parts.Length);
        Assert.Equal(whole!.Bytes, cut!.Bytes);
    }

    [Fact]
    public void ColumnsOfPart_MoreThanAnArrayHolds_AreEqualHalves()
    {
        // The head of Dream, on processors whose panels take 4 bytes for each BF16 weight: 2.18 GB.
        const int K = 3_584;
        const int Columns = 152_064;
        VectorTileKernel<Vector256Floats> kernel = new();
        ProductFormat format = new(kernel, PanelFormat.RoundedFloats, PanelFormat.RoundedFloats, KBlock: 384);
        int columns = format.ColumnsOfPart(K, Columns, Tensor.MostBytes / sizeof(float));
        Assert.Equal(Columns / 2, columns);
        Assert.True(format.ElementsOfRight(K, Columns) * sizeof(float) > Tensor.MostBytes);
        Assert.True(format.ElementsOfRight(K, columns) * sizeof(float) <= Tensor.MostBytes);
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void Pack_ThatFails_GivesNothingThatCouldBeMultipliedBy(string form)
    {
        WorkerPool workers = new(2);
        IMatMul product = MatMulForms.Create(form, workers);
        Tensor b = Random(6, 300, 300), c = Tensor.Zeros(300, 300);
        PackedMatrix? fresh = null, used = null;
        product.Pack(b.AsMatrix(), MatMulPrecision.F32, ref used);
        workers.Dispose(); // its loops throw
        Assert.Throws<ObjectDisposedException>(() => product.Pack(b.AsMatrix(), MatMulPrecision.F32, ref fresh));
        Assert.Null(fresh);
        Assert.Throws<ObjectDisposedException>(() => product.Pack(b.AsMatrix(), MatMulPrecision.F32, ref used));
        Assert.Throws<ArgumentException>(() => product.Multiply(b.AsMatrix(), used!, c.AsMatrix(), accumulate: false));
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void Multiply_OnThreadsThatComeAndGo_TakesMemoryOnce(string form)
    {
        IMatMul product = MatMulForms.Create(form, s_one);
        Tensor a = Random(7, 70, 500), b = Random(8, 500, 90), c = Tensor.Zeros(70, 90);
        long[] allocated = new long[4];
        for (int i = 0; i < allocated.Length; i++)
        {
            int call = i;
            Thread caller = new(() =>
            {
                long before = GC.GetAllocatedBytesForCurrentThread();
                product.Multiply(a.AsMatrix(), b.AsMatrix(), c.AsMatrix(), false, MatMulPrecision.F32);
                allocated[call] = GC.GetAllocatedBytesForCurrentThread() - before;
            });
            caller.Start();
            caller.Join();
        }

        // The panels of b alone are 192,000 bytes.
        Assert.InRange(allocated[0], 192_000, 2_000_000);
        Assert.All(allocated[1..], bytes => Assert.InRange(bytes, 0, 10_000));
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void Multiply_FromSeveralThreadsAtOnce_SameBits(string form)
    {
        IMatMul product = MatMulForms.Create(form, s_two);
        (int M, int K, int N)[] sizes = [(200, 300, 150), (3, 500, 700), (150, 64, 64)];
        float[][] expected = [.. sizes.Select(Product)];
        Parallel.For(0, 60, i => Assert.Equal(expected[i % sizes.Length], Product(sizes[i % sizes.Length])));

        float[] Product((int M, int K, int N) size)
        {
            Tensor a = Random(9, size.M, size.K), b = Random(10, size.K, size.N), c = Tensor.Zeros(size.M, size.N);
            product.Multiply(a.AsMatrix(), b.AsMatrix(), c.AsMatrix(), false, MatMulPrecision.F32);
            return c.Floats.ToArray();
        }
    }

    private static PackedMatMul InParts(string form, WorkerPool workers)
    {
        var product = (PackedMatMul)MatMulForms.Create(form, workers);
        product.MostElements = ElementsOfPart;
        return product;
    }

    private static PackedMatrix Packed(IMatMul product, Tensor weight)
    {
        PackedMatrix? packed = null;
        product.Pack(weight.AsMatrix().Transposed, MatMulPrecision.Int8, ref packed);
        return packed!;
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
