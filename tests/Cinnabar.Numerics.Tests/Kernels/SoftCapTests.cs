namespace Cinnabar.Numerics.Tests.Kernels;

public sealed class SoftCapTests
{
    private const float Cap = 30;

    // The error is one of cap, not of x.
    private static readonly Bound s_bound = new(3e-7 * Cap, 3e-7);

    public static TheoryData<string> Forms => KernelTables.All;

    public static TheoryData<string> VectorForms => KernelTables.Vector;

    [Theory]
    [MemberData(nameof(VectorForms))]
    public void Forward_AllShapes_EqualsReference(string form) => KernelSweep.AgainstReference(form, s_bound, Forward);

    [Theory]
    [MemberData(nameof(VectorForms))]
    public void Forward_AnyThreads_SameBits(string form) => KernelSweep.SameBitsForAnyThreads(form, Forward);

    [Theory]
    [MemberData(nameof(Forms))]
    public void Forward_ValuesOfAnySize_StayWithinTheCap(string form)
    {
        float[] values = [float.NegativeInfinity, -1e30f, -300, -30, -1, 0, 1, 30, 300, 1e30f, float.PositiveInfinity];
        Tensor x = Tensor.From(values, values.Length);
        KernelTables.Table(form).SoftCap.Forward(x, Cap);
        KernelSweep.Close([.. values.Select(value => Cap * Math.Tanh(value / Cap))], x, s_bound, $"form {form}");
    }

    private static Tensor[] Forward(KernelTable table, Operands operands, int rows, int columns)
    {
        Tensor x = operands.Normal(40, rows, columns);
        table.SoftCap.Forward(x, Cap);
        return [x];
    }
}
