using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Numerics.Tests.Kernels;

public sealed class OptimizerTests
{
    public static TheoryData<string> Forms => KernelTables.All;

    public static TheoryData<string> VectorForms => KernelTables.Vector;

    [Theory]
    [MemberData(nameof(VectorForms))]
    public void AdamW_AllShapes_EqualsReference(string form) => KernelSweep.AgainstReference(form, Tolerance.Elementwise, AdamW);

    [Theory]
    [MemberData(nameof(VectorForms))]
    public void AdamW_AnyThreads_SameBits(string form) => KernelSweep.SameBitsForAnyThreads(form, AdamW);

    [Theory]
    [MemberData(nameof(VectorForms))]
    public void Ema_AllShapes_EqualsReference(string form) => KernelSweep.AgainstReference(form, Tolerance.Elementwise, Ema);

    [Theory]
    [MemberData(nameof(VectorForms))]
    public void Ema_AnyThreads_SameBits(string form) => KernelSweep.SameBitsForAnyThreads(form, Ema);

    [Theory]
    [MemberData(nameof(VectorForms))]
    public void SumOfSquares_AllShapes_EqualsReference(string form) =>
        KernelSweep.AgainstReference(form, Tolerance.Elementwise, SumOfSquares);

    [Theory]
    [MemberData(nameof(VectorForms))]
    public void SumOfSquares_AnyThreads_SameBits(string form)
    {
        Tensor x = Tensor.Zeros(70_001);
        for (int i = 0; i < x.Count; i++)
        {
            x.Floats[i] = MathF.Sin(i);
        }

        double expected = KernelTables.Table(form, threads: 1).Optimizer.SumOfSquares([x]);
        Assert.Equal(expected, KernelTables.Table(form, threads: 2).Optimizer.SumOfSquares([x]));
        Assert.Equal(expected, KernelTables.Table(form, threads: 5).Optimizer.SumOfSquares([x]));
        Assert.Equal(KernelTables.Definition.Optimizer.SumOfSquares([x]), expected, 1e-8);
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void SumOfSquares_SeveralTensors_AddsTheirSumsInOrder(string form)
    {
        using GuardedMemory memory = new();
        Operands operands = new(5, memory);
        Tensor[] tensors = [operands.Normal(1, 3, 7), operands.Normal(100, 20_001), operands.Zeros(0), operands.Normal(1, 5)];
        IOptimizer optimizer = KernelTables.Table(form).Optimizer;
        Assert.Equal(tensors.Sum(x => optimizer.SumOfSquares([x])), optimizer.SumOfSquares(tensors));
        Assert.Equal(0, optimizer.SumOfSquares([]));
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void SumOfSquares_LargeAndNonFiniteValues_OnlyTheLatterOverflow(string form)
    {
        Tensor x = Tensor.Zeros(37);
        x.Floats.Fill(1e30f);
        IOptimizer optimizer = KernelTables.Table(form).Optimizer;
        Assert.Equal(37.0 * 1e30f * 1e30f, optimizer.SumOfSquares([x]), 1e48);
        foreach (int at in (int[])[0, 35, 36])
        {
            x.Floats[at] = float.NegativeInfinity;
            Assert.Equal(double.PositiveInfinity, optimizer.SumOfSquares([x]));
            x.Floats[at] = float.NaN;
            Assert.Equal(double.NaN, optimizer.SumOfSquares([x]));
            x.Floats[at] = 1;
        }
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void AdamW_TwoStepsByHand_Agree(string form)
    {
        // g = 2 then 1, scaled by ½ to 1 and ½; β1 = ½, β2 = ¾, η = 0.1, λ = 0.1, ε = 0.
        //   t = 1: m = ½, v = ¼; corrected 1 and 1: w = 1 − 0.1·(1 + 0.1·1) = 0.89
        //   t = 2: m = ½, v = ¼; corrected ⅔ and 4/7: w = 0.89 − 0.1·(⅔/√(4/7) + 0.089)
        Tensor weight = Tensor.From([1], 1);
        Tensor m = Tensor.Zeros(1);
        Tensor v = Tensor.Zeros(1);
        IOptimizer optimizer = KernelTables.Table(form).Optimizer;
        optimizer.AdamW(weight, Tensor.From([2], 1), m, v, new AdamWStep(0.1f, 0.5f, 0.75f, 0, 0.1f, 1, 0.5f));
        Assert.Equal(0.89, weight.Floats[0], 1e-6);
        optimizer.AdamW(weight, Tensor.From([1], 1), m, v, new AdamWStep(0.1f, 0.5f, 0.75f, 0, 0.1f, 2, 0.5f));
        Assert.Equal(0.89 - (0.1 * ((2.0 / 3 / Math.Sqrt(4.0 / 7)) + 0.089)), weight.Floats[0], 1e-6);
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void Ema_ByHand_KeepsTheDecaysShareOfTheAverage(string form)
    {
        // ¾·1 + ¼·3; the decay's share of the weight instead would be 2.5.
        Tensor average = Tensor.From([1], 1);
        KernelTables.Table(form).Optimizer.Ema(average, Tensor.From([3], 1), 0.75f);
        Assert.Equal(1.5f, average.Floats[0], 1e-6f);
    }

    private static Tensor[] AdamW(KernelTable table, Operands operands, int rows, int columns)
    {
        Tensor weight = operands.Normal(1, rows, columns);
        Tensor m = operands.Zeros(rows, columns);
        Tensor v = operands.Zeros(rows, columns);
        for (int step = 1; step <= 3; step++)
        {
            Tensor gradient = operands.Normal(1, rows, columns);
            table.Optimizer.AdamW(weight, gradient, m, v, new AdamWStep(1e-2f, 0.9f, 0.95f, 1e-8f, 0.1f, step, 0.7f));
        }

        return [weight, m, v];
    }

    private static Tensor[] Ema(KernelTable table, Operands operands, int rows, int columns)
    {
        Tensor average = operands.Normal(1, rows, columns);
        table.Optimizer.Ema(average, operands.Normal(1, rows, columns), 0.99f);
        return [average];
    }

    private static Tensor[] SumOfSquares(KernelTable table, Operands operands, int rows, int columns) =>
        [Tensor.From([(float)table.Optimizer.SumOfSquares([operands.Normal(1, rows, columns)])], 1)];
}
