using Cinnabar.Numerics.Autograd;
using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Numerics.Tests.Kernels;

/// <summary>Products of rows that are computed while they are packed are the same bits as those of the rows in memory.</summary>
public sealed class RowSourceTests
{
    private const float Epsilon = 1e-5f;

    public static TheoryData<string> Forms => MatMulForms.All;

    // Rows around tiles and above what is shared otherwise (24 panels of 14), one and several blocks of K, odd ends.
    private static (int M, int K)[] Sizes => [(1, 16), (7, 33), (15, 400), (60, 2100), (400, 100)];

    [Theory]
    [MemberData(nameof(Forms))]
    public void Multiply_NormedRows_SameBitsAsTheNormInMemory(string form) => EachCase(form, (kernels, x, _, normed) =>
    {
        Tensor weight = Random(9, x.Columns);
        kernels.RmsNorm.Forward(x, weight, Epsilon, normed, Tensor.Zeros(x.Rows));
        return (ref RowSource? rows) => kernels.RmsNorm.AsRows(x, weight, Epsilon, ref rows);
    });

    [Theory]
    [MemberData(nameof(Forms))]
    public void Multiply_GatedRows_SameBitsAsTheGateInMemory(string form) => EachCase(form, (kernels, x, other, gated) =>
    {
        kernels.SwiGlu.Forward(x, other, gated);
        return (ref RowSource? rows) => kernels.SwiGlu.AsRows(x, other, ref rows);
    });

    [Fact]
    public void Multiply_RowsOfAnotherWidth_AreRefused()
    {
        KernelTable kernels = KernelTables.Shipped(KernelForm.Vector, 1);
        PackedMatrix? packed = null;
        kernels.MatMul.Pack(Random(1, 20, 5).AsMatrix(), MatMulPrecision.F32, ref packed);
        RowSource? rows = null;
        kernels.SwiGlu.AsRows(Random(2, 3, 21), Random(3, 3, 21), ref rows);
        Assert.Contains("[3, 21]·[20, 5]", Assert.Throws<ArgumentException>(
            () => kernels.MatMul.Multiply(rows!, [packed!], [Tensor.Zeros(3, 5).AsMatrix()], accumulate: false)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(KernelForm.Reference, DType.F32)]
    [InlineData(KernelForm.Vector, DType.BF16)]
    [InlineData(KernelForm.Jit, DType.F32)]
    [InlineData(KernelForm.Jit, DType.BF16)]
    [InlineData(KernelForm.Jit, DType.Int8)]
    [InlineData(KernelForm.Jit, DType.Int4)]
    public void Tape_FusedOperations_GiveTheBitsOfTheSeparateOnes(KernelForm form, DType type)
    {
        Tape tape = new(KernelTables.Shipped(form, 2), recording: false);
        Variable x = new(Random(1, 40, 64));
        Parameter norm = new("norm", Random(2, 64));
        Parameter gate = new("gate", Random(3, 96, 64).To(type));
        Parameter up = new("up", Random(4, 96, 64).To(type));
        Parameter down = new("down", Random(5, 64, 96).To(type));

        Variable normed = tape.RmsNorm(x, norm, Epsilon);
        (Variable g, Variable u) = (tape.Linear(normed, gate), tape.Linear(normed, up));
        Variable expected = tape.Linear(tape.SwiGlu(g, u), down);
        ReadOnlySpan<Variable> fused = tape.RmsNormLinear(x, norm, Epsilon, gate, up);
        Assert.Equal(g.Value.Floats.ToArray(), fused[0].Value.Floats.ToArray());
        Assert.Equal(u.Value.Floats.ToArray(), fused[1].Value.Floats.ToArray());
        Assert.Equal(expected.Value.Floats.ToArray(), tape.SwiGluLinear(fused[0], fused[1], down).Value.Floats.ToArray());
    }

    private delegate RowSource MakeRows(ref RowSource? rows);

    // rowsOf: writes the rows into the last tensor, and tells how they are made while they are packed.
    private static void EachCase(string form, Func<KernelTable, Tensor, Tensor, Tensor, MakeRows> rowsOf)
    {
        foreach (int threads in (int[])[1, 2])
        {
            KernelTable kernels = KernelTables.Table("256", threads);
            IMatMul product = MatMulForms.Create(form, kernels.Workers);
            RowSource? rows = null;
            foreach ((int m, int k) in Sizes)
            {
                (Tensor x, Tensor other, Tensor inMemory) = (Random(1, m, k), Random(2, m, k), Tensor.Zeros(m, k));
                MakeRows make = rowsOf(kernels, x, other, inMemory);
                foreach (MatMulPrecision precision in Enum.GetValues<MatMulPrecision>())
                {
                    // Two of one precision, then one of another that cannot use what was packed for them.
                    PackedMatrix[] right = [Packed(k, 50, precision), Packed(k, 33, precision), Packed(k, 20, MatMulPrecision.F32)];
                    Tensor[] expected = [.. right.Select(b => Tensor.Zeros(m, b.Columns))];
                    Tensor[] actual = [.. right.Select(b => Tensor.Zeros(m, b.Columns))];
                    product.Multiply(inMemory.AsMatrix(), right, [.. expected.Select(c => c.AsMatrix())]);
                    product.Multiply(make(ref rows), right, [.. actual.Select(c => c.AsMatrix())], accumulate: false);
                    for (int i = 0; i < right.Length; i++)
                    {
                        product.Multiply(inMemory.AsMatrix(), right[i], expected[i].AsMatrix(), accumulate: true);
                    }

                    product.Multiply(make(ref rows), right, [.. actual.Select(c => c.AsMatrix())], accumulate: true);
                    Assert.All(expected.Zip(actual), pair => Assert.True(
                        pair.First.Floats.SequenceEqual(pair.Second.Floats), $"{form}, {precision}, [{m}, {k}], {threads} threads"));
                    Assert.Contains(actual[0].Floats.ToArray(), value => Math.Abs(value) > 0.01f);
                }
            }

            PackedMatrix Packed(int k, int n, MatMulPrecision precision)
            {
                PackedMatrix? packed = null;
                product.Pack(Random(n, n, k).AsMatrix().Transposed, precision, ref packed);
                return packed!;
            }
        }
    }

    private static Tensor Random(int seed, params ReadOnlySpan<int> shape)
    {
        Random random = new(seed);
        Tensor tensor = Tensor.Zeros(shape);
        foreach (ref float value in tensor.Floats)
        {
            value = (2 * random.NextSingle()) - 1;
        }

        return tensor;
    }
}
