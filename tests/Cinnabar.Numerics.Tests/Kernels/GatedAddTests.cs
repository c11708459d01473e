namespace Cinnabar.Numerics.Tests.Kernels;

public sealed class GatedAddTests
{
    public static TheoryData<string> Forms => KernelTables.All;

    public static TheoryData<string> VectorForms => KernelTables.Vector;

    [Theory]
    [MemberData(nameof(VectorForms))]
    public void Forward_AllShapes_EqualsReference(string form) => KernelSweep.AgainstReference(form, Tolerance.RowReduction, WithBias);

    [Theory]
    [MemberData(nameof(VectorForms))]
    public void Forward_WithoutBias_EqualsReference(string form) => KernelSweep.AgainstReference(form, Tolerance.RowReduction, WithoutBias);

    [Theory]
    [MemberData(nameof(VectorForms))]
    public void Forward_AnyThreads_SameBits(string form) => KernelSweep.SameBitsForAnyThreads(form, WithBias);

    [Theory]
    [MemberData(nameof(Forms))]
    public void Forward_ByHand(string form)
    {
        Tensor y = Tensor.From([1, 2, 3, 4], 2, 2);
        KernelTables.Table(form).GatedAdd.Forward(
            Tensor.From([10, 20, 30, 40], 2, 2), Tensor.From([1, 2], 2), Tensor.From([2, -0.5f], 2), y);
        Assert.Equal([23f, -9f, 65f, -17f], y.Floats.ToArray());
        KernelTables.Table(form).GatedAdd.Forward(Tensor.From([1, 2, 3, 4], 2, 2), null, Tensor.From([0, 1], 2), y);
        Assert.Equal([23f, -7f, 65f, -13f], y.Floats.ToArray());
    }

    [Fact]
    public void Forward_GateOfAnotherWidth_Throws() => Assert.Throws<ArgumentException>(() =>
        KernelTables.Table("256").GatedAdd.Forward(Tensor.Zeros(2, 4), null, Tensor.Zeros(3), Tensor.Zeros(2, 4)));

    private static Tensor[] WithBias(KernelTable table, Operands operands, int rows, int columns)
    {
        Tensor y = operands.Normal(1, rows, columns);
        table.GatedAdd.Forward(operands.Normal(1, rows, columns), operands.Normal(1, columns), operands.Normal(1, columns), y);
        return [y];
    }

    private static Tensor[] WithoutBias(KernelTable table, Operands operands, int rows, int columns)
    {
        Tensor y = operands.Normal(1, rows, columns);
        table.GatedAdd.Forward(operands.Normal(1, rows, columns), null, operands.Normal(1, columns), y);
        return [y];
    }
}
