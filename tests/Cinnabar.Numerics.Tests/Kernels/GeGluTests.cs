namespace Cinnabar.Numerics.Tests.Kernels;

public sealed class GeGluTests
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
    public void Forward_InPlace_IsGeluInItsTanhForm(string form)
    {
        float[] gates = [-1e30f, -20, -5, -1, -0.1f, 0, 0.1f, 1, 2, 5, 20, 1e30f];
        Tensor gate = Tensor.From(gates, gates.Length);
        Tensor up = Tensor.Zeros(gates.Length);
        up.Floats.Fill(2);
        KernelTables.Table(form).GeGlu.Forward(gate, up, gate);
        double[] expected =
            [.. gates.Select(g => (double)g).Select(g => g * (1 + Math.Tanh(Math.Sqrt(2 / Math.PI) * (g + (0.044715 * g * g * g)))))];
        KernelSweep.Close(expected, gate, Tolerance.Elementwise, $"form {form}");
    }

    private static Tensor[] Forward(KernelTable table, Operands operands, int rows, int columns)
    {
        Tensor y = operands.Zeros(rows, columns);
        table.GeGlu.Forward(operands.Normal(3, rows, columns), operands.Normal(1, rows, columns), y);
        return [y];
    }
}
