namespace Cinnabar.Numerics.Tests.Kernels;

public sealed class EmbeddingTests
{
    public static TheoryData<string> Forms => KernelTables.All;

    public static TheoryData<string> VectorForms => KernelTables.Vector;

    [Theory]
    [MemberData(nameof(VectorForms))]
    public void Forward_AllShapes_EqualsReference(string form) => KernelSweep.AgainstReference(form, Tolerance.Exact, Forward);

    [Theory]
    [MemberData(nameof(VectorForms))]
    public void Forward_AnyThreads_SameBits(string form) => KernelSweep.SameBitsForAnyThreads(form, Forward);

    [Theory]
    [MemberData(nameof(VectorForms))]
    public void Backward_AllShapes_EqualsReference(string form) => KernelSweep.AgainstReference(form, Tolerance.Exact, Backward);

    [Theory]
    [MemberData(nameof(VectorForms))]
    public void Backward_AnyThreads_SameBits(string form) => KernelSweep.SameBitsForAnyThreads(form, Backward);

    [Theory]
    [InlineData(DType.BF16)]
    [InlineData(DType.Int8)]
    public void Forward_SmallerElements_WidensExactly(DType type)
    {
        foreach (string form in (string[])["reference", "32", "128", "256", "512"])
        {
            foreach (int columns in (int[])[1, 4, 15, 33, 128])
            {
                using GuardedMemory memory = new();
                Operands operands = new(6, memory);
                Tensor table = operands.Normal(1, 9, columns).To(type);
                int[] ids = operands.Indices(5, 9);
                Tensor y = operands.Zeros(5, columns);
                KernelTables.Table(form).Embedding.Forward(table, ids, y);
                Tensor widened = table.To(DType.F32);
                for (int i = 0; i < ids.Length; i++)
                {
                    Assert.Equal(widened.Row(ids[i]).ToArray(), y.Row(i).ToArray());
                }
            }
        }
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void Backward_RepeatedIds_AddUp(string form)
    {
        Tensor dTable = Tensor.From([10, 20, 30], 3, 1);
        KernelTables.Table(form).Embedding.Backward(Tensor.From([1, 2, 4], 3, 1), [2, 0, 2], dTable);
        Assert.Equal([12f, 20f, 35f], dTable.Floats.ToArray());
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(3)]
    public void Forward_IdOutsideTable_Throws(int id)
    {
        foreach (string form in (string[])["reference", "256"])
        {
            KernelTable table = KernelTables.Table(form);
            Assert.Throws<ArgumentOutOfRangeException>(() => table.Embedding.Forward(Tensor.Zeros(3, 2), [0, id], Tensor.Zeros(2, 2)));
            Assert.Throws<ArgumentOutOfRangeException>(() => table.Embedding.Backward(Tensor.Zeros(2, 2), [0, id], Tensor.Zeros(3, 2)));
        }
    }

    private static Tensor[] Forward(KernelTable table, Operands operands, int rows, int columns)
    {
        Tensor y = operands.Zeros(rows, columns);
        table.Embedding.Forward(operands.Normal(1, 11, columns), operands.Indices(rows, 11), y);
        return [y];
    }

    private static Tensor[] Backward(KernelTable table, Operands operands, int rows, int columns)
    {
        Tensor dTable = operands.Normal(1, 11, columns);
        table.Embedding.Backward(operands.Normal(1, rows, columns), operands.Indices(rows, 11), dTable);
        return [dTable];
    }
}
