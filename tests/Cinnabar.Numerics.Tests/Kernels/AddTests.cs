namespace Cinnabar.Numerics.Tests.Kernels;

public sealed class AddTests
{
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
    [MemberData(nameof(VectorForms))]
    public void Forward_ResultIsAnOperand_AddsInPlace(string form)
    {
        Tensor a = Tensor.From([1, 2, 3], 3);
        KernelTables.Table(form).Add.Forward(a, a, a);
        Assert.Equal([2f, 4f, 6f], a.Floats.ToArray());
    }

    [Fact]
    public void Forward_UnequalSizes_Throws() =>
        Assert.Throws<ArgumentException>(() => KernelTables.Table("256").Add.Forward(Tensor.Zeros(4), Tensor.Zeros(3), Tensor.Zeros(4)));

    private static Tensor[] Forward(KernelTable table, Operands operands, int rows, int columns)
    {
        Tensor y = operands.Zeros(rows, columns);
        table.Add.Forward(operands.Normal(1, rows, columns), operands.Normal(1, rows, columns), y);
        return [y];
    }

    private static Tensor[] Backward(KernelTable table, Operands operands, int rows, int columns)
    {
        Tensor d = operands.Normal(1, rows, columns);
        table.Add.Backward(operands.Normal(1, rows, columns), d);
        return [d];
    }
}
