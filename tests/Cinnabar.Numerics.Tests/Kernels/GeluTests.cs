namespace Cinnabar.Numerics.Tests.Kernels;

public sealed class GeluTests
{
    public static TheoryData<string> Forms => KernelTables.All;

    public static TheoryData<string> VectorForms => KernelTables.Vector;

    [Theory]
    [MemberData(nameof(VectorForms))]
    public void Forward_AllShapes_EqualsReference(string form) => KernelSweep.AgainstReference(form, Tolerance.Elementwise, Forward);

    [Theory]
    [MemberData(nameof(VectorForms))]
    public void Forward_AnyThreads_SameBits(string form) => KernelSweep.SameBitsForAnyThreads(form, Forward);

    [Theory]
    [MemberData(nameof(Forms))]
    public void Forward_KnownValues(string form)
    {
        // gelu_tanh(1), (−1), (2), (0.5) to eight digits, as PyTorch's documentation defines it; the exact form differs in the fourth.
        Tensor y = Tensor.Zeros(1, 5);
        Tensor x = Tensor.From([0, -2, 1, -0.5f, 0], 1, 5);
        KernelTables.Table(form).Gelu.Forward(x, Tensor.From([1, 1, 1, 1, 0], 5), y);
        KernelSweep.Close([0.84119199, -0.15880801, 1.95459769, 0.34571401, 0], y, Tolerance.Elementwise, $"form {form}");
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void Forward_ValuesOfAnySize_StayFinite(string form)
    {
        float[] values = [-1e30f, -200, -20, -8, 0, 8, 20, 200, 1e30f, -1e12f, -100, -50, -30, 30, 50, 100, -1e15f];
        Tensor y = Tensor.Zeros(1, values.Length);
        KernelTables.Table(form).Gelu.Forward(Tensor.From(values, 1, values.Length), Tensor.Zeros(values.Length), y);
        for (int i = 0; i < values.Length; i++)
        {
            Assert.Equal(Math.Max(values[i], 0), y.Floats[i], 1e-6f + (1e-6f * Math.Abs(Math.Max(values[i], 0))));
        }
    }

    [Fact]
    public void Forward_BiasOfAnotherWidth_Throws() => Assert.Throws<ArgumentException>(() =>
        KernelTables.Table("256").Gelu.Forward(Tensor.Zeros(2, 4), Tensor.Zeros(3), Tensor.Zeros(2, 4)));

    private static Tensor[] Forward(KernelTable table, Operands operands, int rows, int columns)
    {
        Tensor y = operands.Zeros(rows, columns);
        table.Gelu.Forward(operands.Normal(3, rows, columns), operands.Normal(1, columns), y);
        return [y];
    }
}
