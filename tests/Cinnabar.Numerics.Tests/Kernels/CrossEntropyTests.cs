namespace Cinnabar.Numerics.Tests.Kernels;

public sealed class CrossEntropyTests
{
    public static TheoryData<string> Forms => KernelTables.All;

    public static TheoryData<string> VectorForms => KernelTables.Vector;

    [Theory]
    [MemberData(nameof(VectorForms))]
    public void BothPasses_AllShapes_EqualReference(string form) =>
        KernelSweep.AgainstReference(form, Tolerance.RowReduction, BothPasses);

    [Theory]
    [MemberData(nameof(VectorForms))]
    public void BothPasses_AnyThreads_SameBits(string form) => KernelSweep.SameBitsForAnyThreads(form, BothPasses);

    [Theory]
    [MemberData(nameof(Forms))]
    public void ForwardBackward_FocalLoss_EqualsCentralDifferences(string form)
    {
        using GuardedMemory memory = new();
        Operands operands = new(11, memory);
        foreach (float gamma in (float[])[0.5f, 1, 2])
        {
            Tensor logits = operands.Normal(2, 3, 19);
            double[] z = CentralDifference.Doubles(logits);
            int[] targets = [18, 0, 7];
            float[] scales = [0.5f, 1, -2];
            double[] Losses() => [.. z.Chunk(19).Select((row, r) =>
            {
                double p = Math.Exp(row[targets[r]]) / row.Sum(Math.Exp);
                return Math.Pow(1 - p, gamma) * -Math.Log(p);
            })];
            double[] expected = CentralDifference.Gradient(z, () => Losses().Select((loss, r) => scales[r] * loss).Sum());
            Tensor losses = operands.Zeros(3);
            KernelTables.Table(form).CrossEntropy.ForwardBackward(logits, targets, scales, losses, gamma);
            KernelSweep.Close(expected, logits, Tolerance.Gradient, $"form {form}, seed 11, γ {gamma}");
            KernelSweep.Close(Losses(), losses, Tolerance.RowReduction, $"form {form}, seed 11, γ {gamma}");
        }
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void ForwardBackward_FocalLossOfACertainRow_StaysFinite(string form)
    {
        Tensor logits = Tensor.Zeros(1, 5);
        logits.Row(0)[2] = 90;
        Tensor losses = Tensor.Zeros(1);
        KernelTables.Table(form).CrossEntropy.ForwardBackward(logits, [2], [1], losses, 0.5f);
        Assert.True(float.IsFinite(losses.Floats[0]) && logits.Floats.ToArray().All(float.IsFinite));
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void ForwardBackward_EqualsCentralDifferences(string form)
    {
        using GuardedMemory memory = new();
        Operands operands = new(10, memory);
        Tensor logits = operands.Normal(2, 3, 19);
        double[] z = CentralDifference.Doubles(logits);
        int[] targets = [18, 0, 7];
        float[] scales = [0.5f, 0, -2];
        double Loss() => z.Chunk(19).Select((row, r) => scales[r] * (Math.Log(row.Sum(Math.Exp)) - row[targets[r]])).Sum();
        double[] expected = CentralDifference.Gradient(z, Loss);
        KernelTables.Table(form).CrossEntropy.ForwardBackward(logits, targets, scales, operands.Zeros(3));
        KernelSweep.Close(expected, logits, Tolerance.Gradient, $"form {form}, seed 10");
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void Forward_LogitsOfThousands_StaysFinite(string form)
    {
        Tensor logits = Tensor.Zeros(2, 40);
        logits.Row(0).Fill(5000);
        logits.Row(1).Fill(-5000);
        Tensor losses = Tensor.Zeros(2);
        KernelTables.Table(form).CrossEntropy.Forward(logits, [39, 0], losses);
        Assert.Equal(Math.Log(40), losses.Floats[0], 1e-3);
        Assert.Equal(Math.Log(40), losses.Floats[1], 1e-3);
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(5)]
    public void Forward_TargetOutsideVocabulary_Throws(int target)
    {
        foreach (string form in (string[])["reference", "256"])
        {
            Assert.Throws<ArgumentOutOfRangeException>(
                () => KernelTables.Table(form).CrossEntropy.Forward(Tensor.Zeros(1, 5), [target], Tensor.Zeros(1)));
        }
    }

    private static Tensor[] BothPasses(KernelTable table, Operands operands, int rows, int columns)
    {
        columns = Math.Max(columns, 1); // a row without columns has no target
        Tensor logits = operands.Normal(3, rows, columns);
        int[] targets = operands.Indices(rows, columns);
        float[] scales = [.. operands.Indices(rows, 5).Select(i => i * 0.25f)];
        Tensor first = operands.Zeros(rows);
        Tensor second = operands.Zeros(rows);
        table.CrossEntropy.Forward(logits, targets, first);
        table.CrossEntropy.ForwardBackward(logits, targets, scales, second);
        return [first, second, logits];
    }
}
