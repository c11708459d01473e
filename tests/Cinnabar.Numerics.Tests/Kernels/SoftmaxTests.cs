namespace Cinnabar.Numerics.Tests.Kernels;

public sealed class SoftmaxTests
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
    public void Forward_LogarithmsOfShares_GivesTheShares(string form)
    {
        Tensor x = Tensor.From([0, (float)Math.Log(2), (float)Math.Log(5)], 1, 3);
        KernelTables.Table(form).Softmax.Forward(x);
        double[] expected = [1.0 / 8, 2.0 / 8, 5.0 / 8];
        KernelSweep.Close(expected, x, Tolerance.Elementwise, $"form {form}");
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void Forward_LogitsOf1000_StaysFinite(string form)
    {
        foreach (int columns in (int[])[2, 16, 37])
        {
            Tensor x = Tensor.Zeros(1, columns);
            x.Floats.Fill(1000);
            KernelTables.Table(form).Softmax.Forward(x);
            Assert.All(x.Floats.ToArray(), p => Assert.Equal(1.0 / columns, p, 1e-7));
        }
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void Forward_NegativeInfinity_BecomesZero(string form)
    {
        foreach (int columns in (int[])[3, 16, 37])
        {
            Tensor x = Tensor.Zeros(2, columns);
            x.Floats.Fill(float.NegativeInfinity);
            x.Row(0)[1] = -5;
            x.Row(0)[2] = -5;
            KernelTables.Table(form).Softmax.Forward(x);
            Assert.Equal(0.5f, x.Row(0)[1], 1e-7f);
            Assert.Equal(0.5f, x.Row(0)[2], 1e-7f);
            Assert.Equal(columns - 2, x.Row(0).Count(0f));
            Assert.Equal(columns, x.Row(1).Count(0f));
        }
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void Forward_NotANumber_SpreadsOverTheRow(string form)
    {
        for (int at = 0; at < 37; at += 4)
        {
            Tensor x = Tensor.Zeros(2, 37);
            x.Row(0)[at] = float.NaN;
            KernelTables.Table(form).Softmax.Forward(x);
            Assert.All(x.Row(0).ToArray(), p => Assert.True(float.IsNaN(p)));
            Assert.All(x.Row(1).ToArray(), p => Assert.False(float.IsNaN(p)));
        }
    }

    private static Tensor[] Forward(KernelTable table, Operands operands, int rows, int columns)
    {
        Tensor x = operands.Normal(5, rows, columns);
        table.Softmax.Forward(x);
        return [x];
    }
}
