namespace Cinnabar.Numerics.Tests.Kernels;

public sealed class SwiGluTests
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
    [MemberData(nameof(VectorForms))]
    public void Backward_AllShapes_EqualsReference(string form) => KernelSweep.AgainstReference(form, Tolerance.Elementwise, Backward);

    [Theory]
    [MemberData(nameof(VectorForms))]
    public void Backward_AnyThreads_SameBits(string form) => KernelSweep.SameBitsForAnyThreads(form, Backward);

    [Theory]
    [MemberData(nameof(Forms))]
    public void Backward_EqualsCentralDifferences(string form)
    {
        using GuardedMemory memory = new();
        Operands operands = new(7, memory);
        Tensor gate = operands.Normal(2, 5, 7);
        Tensor up = operands.Normal(1, 5, 7);
        Tensor dY = operands.Normal(1, 5, 7);
        Tensor dGate = operands.Zeros(5, 7);
        Tensor dUp = operands.Zeros(5, 7);
        KernelTables.Table(form).SwiGlu.Backward(dY, gate, up, dGate, dUp);

        double[] g = CentralDifference.Doubles(gate);
        double[] u = CentralDifference.Doubles(up);
        double[] weight = CentralDifference.Doubles(dY);
        double Loss() => CentralDifference.Weighted(weight, [.. g.Zip(u, (a, b) => a / (1 + Math.Exp(-a)) * b)]);
        KernelSweep.Close(CentralDifference.Gradient(g, Loss), dGate, Tolerance.Gradient, $"dGate, form {form}, seed 7");
        KernelSweep.Close(CentralDifference.Gradient(u, Loss), dUp, Tolerance.Gradient, $"dUp, form {form}, seed 7");
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void Forward_GatesOfAnySize_StayFinite(string form)
    {
        float[] gates = [-1e30f, -200, -100, -88.5f, 0, 88.5f, 100, 1e30f, -1e30f, -200, -100, -88.5f, 0, 88.5f, 100, 1e30f, -100];
        Tensor gate = Tensor.From(gates, gates.Length);
        Tensor up = Tensor.Zeros(gates.Length);
        up.Floats.Fill(1);
        Tensor y = Tensor.Zeros(gates.Length);
        KernelTables.Table(form).SwiGlu.Forward(gate, up, y);
        for (int i = 0; i < gates.Length; i++)
        {
            Assert.Equal(gates[i] > 0 ? gates[i] : 0, y.Floats[i], 1e-30f + (1e-6f * Math.Abs(Math.Max(gates[i], 0))));
        }
    }

    private static Tensor[] Forward(KernelTable table, Operands operands, int rows, int columns)
    {
        Tensor y = operands.Zeros(rows, columns);
        table.SwiGlu.Forward(operands.Normal(3, rows, columns), operands.Normal(1, rows, columns), y);
        return [y];
    }

    // Into gradients that already hold something: they accumulate.
    private static Tensor[] Backward(KernelTable table, Operands operands, int rows, int columns)
    {
        Tensor dGate = operands.Normal(1, rows, columns);
        Tensor dUp = operands.Normal(1, rows, columns);
        Tensor gate = operands.Normal(3, rows, columns);
        table.SwiGlu.Backward(operands.Normal(1, rows, columns), gate, operands.Normal(1, rows, columns), dGate, dUp);
        return [dGate, dUp];
    }
}
