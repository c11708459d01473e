namespace Cinnabar.Numerics.Tests.Kernels;

public sealed class ScalingTests
{
    public static TheoryData<string> VectorForms => KernelTables.Vector;

    [Theory]
    [MemberData(nameof(VectorForms))]
    public void Forward_AllShapes_EqualsReference(string form) => KernelSweep.AgainstReference(form, Tolerance.Exact, Forward);

    [Theory]
    [MemberData(nameof(VectorForms))]
    public void Forward_AnyThreads_SameBits(string form) => KernelSweep.SameBitsForAnyThreads(form, Forward, rows: 300);

    [Fact]
    public void Forward_Definition_Multiplies()
    {
        Tensor x = Tensor.From([1, -2, 0.5f], 3);
        KernelTables.Definition.Scaling.Forward(x, -3);
        Assert.Equal([-3f, 6f, -1.5f], x.Floats.ToArray());
    }

    private static Tensor[] Forward(KernelTable table, Operands operands, int rows, int columns)
    {
        Tensor x = operands.Normal(1, rows, columns);
        table.Scaling.Forward(x, 1.7f);
        return [x];
    }
}
