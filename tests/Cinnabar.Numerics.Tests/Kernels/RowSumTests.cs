// The kernels that add rows to rows: a bias, and the weighted outputs of experts.
namespace Cinnabar.Numerics.Tests.Kernels;

public sealed class RowSumTests
{
    public static TheoryData<string> Forms => KernelTables.All;

    public static TheoryData<string> VectorForms => KernelTables.Vector;

    [Theory]
    [MemberData(nameof(VectorForms))]
    public void AddBias_AllShapes_EqualsReference(string form) => KernelSweep.AgainstReference(form, Tolerance.Exact, Bias);

    [Theory]
    [MemberData(nameof(VectorForms))]
    public void AddBias_AnyThreads_SameBits(string form) => KernelSweep.SameBitsForAnyThreads(form, Bias);

    [Theory]
    [MemberData(nameof(VectorForms))]
    public void AddScaledRows_AllShapes_EqualsReference(string form) => KernelSweep.AgainstReference(form, Tolerance.Elementwise, Scaled);

    [Theory]
    [MemberData(nameof(VectorForms))]
    public void AddScaledRows_AnyThreads_SameBits(string form) => KernelSweep.SameBitsForAnyThreads(form, Scaled);

    [Theory]
    [MemberData(nameof(Forms))]
    public void AddScaledRows_SomeRows_LeavesTheOthers(string form)
    {
        Tensor y = Tensor.From([1, 2, 3, 4, 5, 6], 3, 2);
        KernelTables.Table(form).AddScaledRows.Forward(Tensor.From([10, 20, 30, 40], 2, 2), [2, 0], [0.5f, 2], y);
        Assert.Equal([61f, 82f, 3f, 4f, 10f, 16f], y.Floats.ToArray());
    }

    [Fact]
    public void AddBias_OfAnotherWidth_Throws() =>
        Assert.Throws<ArgumentException>(() => KernelTables.Table("256").AddBias.Forward(Tensor.Zeros(2, 4), Tensor.Zeros(3)));

    [Fact]
    public void AddScaledRows_RowBehindTheLast_Throws() => Assert.Throws<ArgumentOutOfRangeException>(() =>
        KernelTables.Table("256").AddScaledRows.Forward(Tensor.Zeros(1, 4), [2], [1], Tensor.Zeros(2, 4)));

    [Fact]
    public void AddBiasBackward_SumsTheRows()
    {
        Tensor dBias = Tensor.From([1, 1], 2);
        KernelTables.Definition.AddBias.Backward(Tensor.From([1, 2, 3, 4], 2, 2), dBias);
        Assert.Equal([5f, 7f], dBias.Floats.ToArray());
    }

    private static Tensor[] Bias(KernelTable table, Operands operands, int rows, int columns)
    {
        Tensor x = operands.Normal(1, rows, columns);
        table.AddBias.Forward(x, operands.Normal(1, columns));
        return [x];
    }

    // Every second row of y, from the last.
    private static Tensor[] Scaled(KernelTable table, Operands operands, int rows, int columns)
    {
        Tensor y = operands.Normal(1, 2 * rows, columns);
        int[] targets = [.. Enumerable.Range(0, rows).Select(i => 2 * (rows - 1 - i))];
        table.AddScaledRows.Forward(operands.Normal(1, rows, columns), targets, operands.Normal(1, rows).Floats, y);
        return [y];
    }
}
