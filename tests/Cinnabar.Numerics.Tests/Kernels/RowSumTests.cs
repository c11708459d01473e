// The kernels that add rows to rows, a bias and the weighted outputs of experts, and the one that puts rows in the place of others.
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

    [Theory]
    [MemberData(nameof(VectorForms))]
    public void CopyRows_AllShapes_EqualsReference(string form) => KernelSweep.AgainstReference(form, Tolerance.Exact, Copied);

    [Theory]
    [MemberData(nameof(VectorForms))]
    public void CopyRows_AnyThreads_SameBits(string form) => KernelSweep.SameBitsForAnyThreads(form, Copied);

    [Theory]
    [MemberData(nameof(Forms))]
    public void CopyRows_FromTheSecondOn_LeavesTheOthers(string form)
    {
        Tensor y = Tensor.From([1, 2, 3, 4, 5, 6], 3, 2);
        KernelTables.Table(form).CopyRows.Forward(Tensor.From([10, 20, 30, 40, 50, 60, 70, 80], 4, 2), 1, [2, 0], y);
        Assert.Equal([50f, 60f, 3f, 4f, 30f, 40f], y.Floats.ToArray());
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void CopyRows_OutsideOfEitherSide_Throws(string form)
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => Copy([0, 3], 0));
        Assert.Throws<ArgumentException>(() => Copy([0, 1], 2));
        Assert.Throws<ArgumentOutOfRangeException>(() => Copy([0, 1], -1));
        Assert.Throws<ArgumentException>(
            () => KernelTables.Table(form).CopyRows.Forward(Tensor.Zeros(3, 5), 0, [0], Tensor.Zeros(3, 4)));
        void Copy(int[] rows, int first) => KernelTables.Table(form).CopyRows.Forward(Tensor.Zeros(3, 4), first, rows, Tensor.Zeros(3, 4));
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

    private static Tensor[] Copied(KernelTable table, Operands operands, int rows, int columns)
    {
        Tensor y = operands.Normal(1, 2 * rows, columns);
        int[] targets = [.. Enumerable.Range(0, rows).Select(i => 2 * (rows - 1 - i))];
        table.CopyRows.Forward(operands.Normal(1, rows + 2, columns), 2, targets, y);
        return [y];
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
