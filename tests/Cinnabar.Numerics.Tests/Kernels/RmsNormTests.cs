namespace Cinnabar.Numerics.Tests.Kernels;

public sealed class RmsNormTests
{
    private const float Epsilon = 1e-5f;

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
    public void Backward_AllShapes_EqualsReference(string form) => KernelSweep.AgainstReference(form, Tolerance.RowReduction, Backward);

    [Theory]
    [MemberData(nameof(VectorForms))]
    public void Backward_AnyThreads_SameBits(string form) => KernelSweep.SameBitsForAnyThreads(form, Backward);

    [Theory]
    [MemberData(nameof(Forms))]
    public void Backward_EqualsCentralDifferences(string form)
    {
        using GuardedMemory memory = new();
        Operands operands = new(8, memory);
        Tensor x = operands.Normal(1, 4, 9);
        Tensor weight = operands.Normal(1, 9);
        Tensor dY = operands.Normal(1, 4, 9);
        Tensor inverseRms = operands.Zeros(4);
        Tensor dX = operands.Zeros(4, 9);
        Tensor dWeight = operands.Zeros(9);
        KernelTable table = KernelTables.Table(form);
        table.RmsNorm.Forward(x, weight, Epsilon, operands.Zeros(4, 9), inverseRms);
        table.RmsNorm.Backward(dY, x, weight, inverseRms, dX, dWeight);

        double[] inputs = CentralDifference.Doubles(x);
        double[] weights = CentralDifference.Doubles(weight);
        double[] upstream = CentralDifference.Doubles(dY);
        double Loss() => CentralDifference.Weighted(upstream, ForwardInDouble(inputs, weights));
        KernelSweep.Close(CentralDifference.Gradient(inputs, Loss), dX, Tolerance.Gradient, $"dX, form {form}, seed 8");
        KernelSweep.Close(CentralDifference.Gradient(weights, Loss), dWeight, Tolerance.Gradient, $"dWeight, form {form}, seed 8");
    }

    private static double[] ForwardInDouble(double[] x, double[] weight) =>
        [.. x.Chunk(weight.Length).SelectMany(row =>
        {
            double r = 1 / Math.Sqrt((row.Sum(value => value * value) / row.Length) + Epsilon);
            return row.Zip(weight, (value, w) => value * r * w);
        })];

    private static Tensor[] Forward(KernelTable table, Operands operands, int rows, int columns)
    {
        Tensor y = operands.Zeros(rows, columns);
        Tensor inverseRms = operands.Zeros(rows);
        table.RmsNorm.Forward(operands.Normal(1, rows, columns), operands.Normal(1, columns), Epsilon, y, inverseRms);
        return columns == 0 ? [y] : [y, inverseRms]; // the mean of nothing is not a number
    }

    // Into gradients that already hold something: they accumulate. The weight gradient is a sum over rows, hence the small dY.
    private static Tensor[] Backward(KernelTable table, Operands operands, int rows, int columns)
    {
        Tensor dX = operands.Normal(1, rows, columns);
        Tensor dWeight = operands.Normal(1, columns);
        Tensor x = operands.Normal(1, rows, columns);
        Tensor weight = operands.Normal(1, columns);
        Tensor inverseRms = operands.Zeros(rows);
        table.RmsNorm.Forward(x, weight, Epsilon, operands.Zeros(rows, columns), inverseRms);
        table.RmsNorm.Backward(operands.Normal(0.3, rows, columns), x, weight, inverseRms, dX, dWeight);
        return [dX, dWeight];
    }
}
