using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Numerics.Tests.Kernels;

public sealed class AttentionTests
{
    // Lengths around one and two query blocks of 128; heads per key/value head 1, 2 and 3; head sizes around the vector widths.
    private static readonly AttentionShape[] s_shapes =
    [
        new(0, 5, 1, 1, 4, AttentionKind.Full),
        new(2, 0, 1, 1, 4, AttentionKind.Full),
        new(1, 1, 1, 1, 1, AttentionKind.Full),
        new(2, 7, 2, 2, 5, AttentionKind.Full),
        new(2, 33, 2, 1, 16, AttentionKind.Full, 1, [33, 17]),
        new(1, 65, 3, 1, 17, AttentionKind.Causal),
        new(2, 67, 3, 3, 8, AttentionKind.Causal, 1, [0, 66]),
        new(1, 131, 2, 1, 12, AttentionKind.BlockCausal, 32),
        new(2, 70, 2, 2, 9, AttentionKind.BlockCausal, 7, [70, 20]),
        new(1, 130, 1, 1, 31, AttentionKind.Full, 1, [129]),
        new(1, 257, 4, 2, 8, AttentionKind.BlockCausal, 40),
        new(1, 300, 2, 2, 8, AttentionKind.Full, 1, [256]),
        new(1, 65, 3, 1, 17, AttentionKind.Causal, Window: 1),
        new(2, 140, 2, 1, 8, AttentionKind.Causal, Window: 7),
        new(1, 300, 2, 2, 8, AttentionKind.Causal, Window: 150),
        new(2, 30, 2, 1, 8, AttentionKind.BlockCausal, 4, [15, 9], HasNoisyHalf: true),
        new(2, 30, 2, 1, 8, AttentionKind.BlockCausal, 4, [0, 15], HasNoisyHalf: true),
        new(1, 290, 1, 1, 16, AttentionKind.BlockCausal, 32, HasNoisyHalf: true),
    ];

    public static TheoryData<string> Forms => KernelTables.All;

    public static TheoryData<string> VectorForms => KernelTables.Vector;

    [Theory]
    [MemberData(nameof(VectorForms))]
    public void Attention_AllShapes_EqualsReference(string form) =>
        EqualsReference(KernelTables.Table(form), KernelTables.Table(form, threads: 1), form);

    [Theory]
    [InlineData(KernelForm.Vector)]
    [InlineData(KernelForm.Jit)]
    public void Attention_WithShippedMatMul_EqualsReferenceForAnyThreads(KernelForm form) =>
        EqualsReference(KernelTables.Shipped(form, 2), KernelTables.Shipped(form, 5), form.ToString());

    [Fact]
    public void VisibleAndHiddenKeys_NoisyHalf_AreEarlierCleanBlocksAndTheOwnNoisyOne()
    {
        // Three blocks of 2 and one of 1, twice: rows 0 … 6 are clean, 7 … 13 noisy.
        AttentionShape shape = new(1, 14, 1, 1, 4, AttentionKind.BlockCausal, 2, HasNoisyHalf: true);
        int[] Seen(int query)
        {
            (int start, int end) = shape.HiddenKeys(0, query);
            return [.. Enumerable.Range(0, shape.VisibleKeys(0, query)).Where(key => key < start || key >= end)];
        }

        Assert.Equal([0, 1, 2, 3], Seen(2));
        Assert.Equal([0, 1, 2, 3, 4, 5, 6], Seen(6));
        Assert.Equal([7, 8], Seen(7));
        Assert.Equal([0, 1, 9, 10], Seen(10));
        Assert.Equal([0, 1, 2, 3, 4, 5, 13], Seen(13));

        // The padding of either half is seen by no row, not even by padding.
        shape = shape with { ValidLengths = [3] };
        Assert.Equal([0, 1, 2], Seen(4));
        Assert.Equal([0, 1, 9], Seen(9));
        Assert.Equal([0, 1, 9], Seen(10));
        Assert.Equal([0, 1, 2], Seen(11));
        Assert.Equal([0, 1, 2], Seen(13));
    }

    [Theory]
    [InlineData(MatMulPrecision.BF16, 0.02)]
    [InlineData(MatMulPrecision.Int16, 0.006)]
    public void Attention_RoundedProducts_StaysNearTheDefinition(MatMulPrecision precision, double bound)
    {
        AttentionShape shape = new(2, 140, 4, 2, 20, AttentionKind.Full, 1, [140, 90]);
        using GuardedMemory memory = new();
        Tensor[] expected = Run(KernelTables.Definition, new Operands(3, memory), shape);
        Tensor[] actual = Run(KernelTables.Shipped(KernelForm.Jit, 2), new Operands(3, memory), shape, precision);
        for (int i = 0; i < expected.Length; i++)
        {
            double size = Math.Sqrt(expected[i].Floats.ToArray().Average(value => (double)value * value));
            double error = Math.Sqrt(expected[i].Floats.ToArray().Zip(actual[i].Floats.ToArray(), (x, y) => Math.Pow(x - y, 2)).Average());
            Assert.InRange(error / size, 1e-7, bound);
        }
    }

    // Activations are finer than weights, and attention is a small part of a pass here.
    [Theory]
    [MemberData(nameof(Forms))]
    public void PrecisionAtInference_RoundedProducts_IsF32(string form) =>
        Assert.Equal(MatMulPrecision.F32, KernelTables.Table(form).Attention.PrecisionAtInference(MatMulPrecision.BF16));

    [Theory]
    [MemberData(nameof(VectorForms))]
    public void Attention_AnyThreads_SameBits(string form)
    {
        AttentionShape shape = new(2, 140, 4, 2, 20, AttentionKind.Full, 1, [140, 90]);
        KernelSweep.SameBitsForAnyThreads(form, (table, operands, _, _) => Run(table, operands, shape));
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void Parts_OfDifferentLengthsAndKinds_AreEachAsAlone(string form)
    {
        KernelTable table = KernelTables.Table(form);
        using GuardedMemory memory = new();
        Operands operands = new(9, memory);
        AttentionShape[] shapes =
        [
            new(1, 3, 4, 2, 8, AttentionKind.Full),
            new(1, 140, 4, 2, 8, AttentionKind.Causal),
            new(1, 20, 4, 2, 8, AttentionKind.Full, Positions: new int[] { 0, 7, 19 }), // keys and values of its own
            new(1, 9, 4, 2, 8, AttentionKind.BlockCausal, 4),
            new(1, 6, 4, 2, 8, AttentionKind.Full, Shadowed: new int[] { 1, 3 }),
        ];
        int rows = shapes.Sum(shape => shape.Queries);
        Tensor q = operands.Normal(1, rows, 32);
        Tensor k = operands.Normal(1, rows, 16);
        Tensor v = operands.Normal(1, rows, 16);
        (Tensor Keys, Tensor Values) cached = (operands.Normal(1, 20, 16), operands.Normal(1, 20, 16));
        Tensor expected = Tensor.Zeros(rows, 32);
        AttentionPart[] parts = new AttentionPart[shapes.Length];
        int first = 0;
        for (int i = 0; i < shapes.Length; i++)
        {
            int count = shapes[i].Queries;
            bool isCached = shapes[i].Positions is not null;
            (Tensor keys, Tensor values) = isCached ? cached : (RowsOf(k, first, count), RowsOf(v, first, count));
            Tensor alone = Tensor.Zeros(count, 32);
            Tensor query = RowsOf(q, first, count);
            table.Attention.Forward(query, keys, values, shapes[i], MatMulPrecision.F32, alone, Tensor.Zeros(count, 4));
            alone.Floats.CopyTo(expected.Floats[(first * 32)..]);
            AttentionShape placed = shapes[i] with { FirstRow = first, FirstKeyRow = isCached ? 0 : first };
            parts[i] = isCached ? new AttentionPart(cached.Keys, cached.Values, placed) : new AttentionPart(k, v, placed);
            first += count;
        }

        Tensor together = Tensor.Zeros(rows, 32);
        table.Attention.Forward(q, parts, MatMulPrecision.F32, together, Tensor.Zeros(rows, 4));
        Assert.Equal(expected.Floats.ToArray(), together.Floats.ToArray());

        AttentionPart outside = parts[3] with { Shape = parts[3].Shape with { FirstKeyRow = rows - 8 } };
        Assert.Throws<ArgumentException>(
            () => table.Attention.Forward(q, new[] { outside }, MatMulPrecision.F32, together, Tensor.Zeros(rows, 4)));
    }

    private static Tensor RowsOf(Tensor tensor, int first, int count) =>
        tensor.SelectRows([.. Enumerable.Range(first, count)]);

    [Theory]
    [MemberData(nameof(Forms))]
    public void Backward_AllKinds_EqualsCentralDifferences(string form)
    {
        foreach (AttentionKind kind in Enum.GetValues<AttentionKind>())
        {
            AttentionShape shape = new(2, 5, 2, 1, 3, kind, 2, [5, 3]);
            using GuardedMemory memory = new();
            Operands operands = new(2, memory);
            Tensor[] x = Inputs(operands, shape);
            Tensor dO = operands.Normal(1, 10, 6);
            Tensor[] actual = Gradients(KernelTables.Table(form), operands, shape, x, dO);

            double[][] values = Array.ConvertAll(x, CentralDifference.Doubles);
            double[] weight = CentralDifference.Doubles(dO);
            for (int i = 0; i < 3; i++)
            {
                double[] expected = CentralDifference.Gradient(
                    values[i], () => CentralDifference.Weighted(weight, ForwardInDouble(values[0], values[1], values[2], shape)));
                KernelSweep.Close(expected, actual[i], Tolerance.Gradient, $"form {form}, {kind}, seed 2, gradient of input {i}");
            }
        }
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void Forward_NoValidKeys_YieldsZerosAndNoGradient(string form)
    {
        AttentionShape shape = new(1, 4, 1, 1, 3, AttentionKind.Full, 1, [0]);
        using GuardedMemory memory = new();
        Tensor[] outputs = Run(KernelTables.Table(form), new Operands(3, memory), shape);
        Assert.All(outputs[0].Floats.ToArray(), value => Assert.Equal(0f, value));
        Assert.All(outputs[1].Floats.ToArray(), value => Assert.Equal(float.NegativeInfinity, value));
        Assert.All(outputs[2..], gradient => Assert.All(gradient.Floats.ToArray(), value => Assert.Equal(0.5f, value)));
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void Forward_PaddingContentChanged_ValidRowsKeepTheirBits(string form)
    {
        AttentionShape shape = new(1, 70, 2, 1, 6, AttentionKind.Full, 1, [50]);
        using GuardedMemory memory = new();
        Operands operands = new(4, memory);
        Tensor[] x = Inputs(operands, shape);
        Tensor before = operands.Zeros(70, 12);
        Tensor after = operands.Zeros(70, 12);
        Tensor lse = operands.Zeros(70, 2);
        KernelTable table = KernelTables.Table(form);
        table.Attention.Forward(x[0], x[1], x[2], shape, MatMulPrecision.F32, before, lse);
        for (int row = 50; row < 70; row++)
        {
            x[0].Row(row).Fill(3);
            x[1].Row(row).Fill(float.NaN);
            x[2].Row(row).Fill(float.NaN);
        }

        table.Attention.Forward(x[0], x[1], x[2], shape, MatMulPrecision.F32, after, lse);
        KernelSweep.Close(before.View(50, 12), after.View(50, 12), Tolerance.Exact, $"form {form}, seed 4");
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void Forward_ScoresOfThousands_StaysFinite(string form)
    {
        AttentionShape shape = new(1, 20, 1, 1, 4, AttentionKind.Causal);
        using GuardedMemory memory = new();
        Operands operands = new(5, memory);
        Tensor q = operands.Normal(60, 20, 4);
        Tensor o = operands.Zeros(20, 4);
        KernelTables.Table(form).Attention.Forward(q, q, q, shape, MatMulPrecision.F32, o, operands.Zeros(20, 1));
        Assert.All(o.Floats.ToArray(), value => Assert.True(float.IsFinite(value)));
        Assert.Equal(q.Row(0).ToArray(), o.Row(0).ToArray()); // the first row sees itself alone
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void Forward_ChosenPositions_EqualsTheirRowsOfTheWhole(string form)
    {
        foreach (AttentionKind kind in Enum.GetValues<AttentionKind>())
        {
            // More than one query block, with a gap; then one row; then none.
            foreach (int[] positions in (int[][])[[.. Enumerable.Range(3, 150), 200, 299], [150], []])
            {
                AttentionShape whole = new(1, 300, 4, 2, 12, kind, 32);
                AttentionShape some = whole with { Positions = positions };
                using GuardedMemory memory = new();
                Operands operands = new(6, memory);
                Tensor[] x = Inputs(operands, whole);
                Tensor expected = operands.Zeros(300, 48);
                Tensor expectedLse = operands.Zeros(300, 4);
                KernelTables.Definition.Attention.Forward(x[0], x[1], x[2], whole, MatMulPrecision.F32, expected, expectedLse);

                Tensor q = operands.Zeros(positions.Length, 48);
                Tensor o = operands.Zeros(positions.Length, 48);
                Tensor lse = operands.Zeros(positions.Length, 4);
                for (int i = 0; i < positions.Length; i++)
                {
                    x[0].Row(positions[i]).CopyTo(q.Row(i));
                }

                KernelTables.Table(form).Attention.Forward(q, x[1], x[2], some, MatMulPrecision.F32, o, lse);
                for (int i = 0; i < positions.Length; i++)
                {
                    string at = $"form {form}, {kind}, position {positions[i]}, seed 6";
                    KernelSweep.Close(
                        Tensor.From(expected.Row(positions[i]), 48), Tensor.From(o.Row(i), 48), Tolerance.Attention, at);
                    KernelSweep.Close(
                        Tensor.From(expectedLse.Row(positions[i]), 4), Tensor.From(lse.Row(i), 4), Tolerance.Attention, at);
                }
            }
        }
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void Forward_Window_SeesTheLastKeysAlone(string form)
    {
        const int Window = 9;
        int[] positions = [0, 5, .. Enumerable.Range(20, 120)];
        AttentionShape shape = new(1, 140, 4, 2, 12, AttentionKind.Causal, Positions: positions, Window: Window);
        using GuardedMemory memory = new();
        Operands operands = new(8, memory);
        Tensor[] x = Inputs(operands, shape);
        Tensor q = x[0].View(positions.Length, 48);
        Tensor o = operands.Zeros(positions.Length, 48);
        KernelTables.Table(form).Attention.Forward(q, x[1], x[2], shape, MatMulPrecision.F32, o, operands.Zeros(positions.Length, 4));
        for (int i = 0; i < positions.Length; i++)
        {
            int first = Math.Max(0, positions[i] - Window + 1);
            int keys = positions[i] + 1 - first;
            AttentionShape all = new(1, keys, 4, 2, 12, AttentionKind.Full, Positions: new[] { 0 });
            Tensor alone = operands.Zeros(1, 48);
            KernelTables.Definition.Attention.Forward(
                Tensor.From(q.Row(i), 1, 48), RowsOf(x[1]), RowsOf(x[2]), all, MatMulPrecision.F32, alone, operands.Zeros(1, 4));
            string where = $"form {form}, position {positions[i]}, seed 8";
            KernelSweep.Close(alone.View(48), Tensor.From(o.Row(i), 48), Tolerance.Attention, where);

            Tensor RowsOf(Tensor tensor) => Tensor.From(tensor.Floats.Slice(first * 24, keys * 24), keys, 24);
        }
    }

    [Theory]
    [InlineData(AttentionKind.Full, 2)]
    [InlineData(AttentionKind.Causal, 0)]
    public void Forward_WindowThatIsNone_Throws(AttentionKind kind, int window)
    {
        AttentionShape shape = new(1, 4, 1, 1, 2, kind, Window: window);
        Tensor x = Tensor.Zeros(4, 2);
        Assert.Throws<ArgumentException>(
            () => KernelTables.Table("256").Attention.Forward(x, x, x, shape, MatMulPrecision.F32, Tensor.Zeros(4, 2), Tensor.Zeros(4, 1)));
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void Forward_Shadows_SeeEverythingButTheirOwnPosition(string form)
    {
        // 140 positions and shadows of three of them; a shadow equals the query over the other keys alone.
        int[] shadowed = [3, 130, 77];
        AttentionShape plain = new(1, 143, 4, 2, 12, AttentionKind.Full);
        using GuardedMemory memory = new();
        Operands operands = new(8, memory);
        Tensor[] x = Inputs(operands, plain);
        Tensor o = operands.Zeros(143, 48);
        Tensor lse = operands.Zeros(143, 4);
        KernelTables.Table(form).Attention.Forward(x[0], x[1], x[2], plain with { Shadowed = shadowed }, MatMulPrecision.F32, o, lse);

        Tensor main = operands.Zeros(140, 48);
        (Tensor q, Tensor k, Tensor v) = (x[0].View(140, 48), x[1].View(140, 24), x[2].View(140, 24));
        KernelTables.Definition.Attention.Forward(
            q, k, v, plain with { Length = 140 }, MatMulPrecision.F32, main, operands.Zeros(140, 4));
        KernelSweep.Close(main, o.View(140, 48), Tolerance.Attention, $"form {form}, seed 8");
        for (int i = 0; i < shadowed.Length; i++)
        {
            int[] seen = [.. Enumerable.Range(0, 143).Where(key => key != shadowed[i])];
            Tensor keys = operands.Zeros(142, 24), values = operands.Zeros(142, 24), alone = operands.Zeros(1, 48);
            for (int j = 0; j < seen.Length; j++)
            {
                x[1].Row(seen[j]).CopyTo(keys.Row(j));
                x[2].Row(seen[j]).CopyTo(values.Row(j));
            }

            KernelTables.Definition.Attention.Forward(
                Tensor.From(x[0].Row(140 + i), 1, 48),
                keys,
                values,
                plain with { Length = 142, Positions = new int[] { 0 } },
                MatMulPrecision.F32,
                alone,
                operands.Zeros(1, 4));
            KernelSweep.Close(alone.View(48), Tensor.From(o.Row(140 + i), 48), Tolerance.Attention, $"form {form}, shadow {i}, seed 8");
        }
    }

    [Fact]
    public void Forward_PositionBehindTheSequence_Throws()
    {
        AttentionShape shape = new(1, 4, 1, 1, 2, AttentionKind.Full, Positions: new[] { 4 });
        Tensor x = Tensor.Zeros(4, 2);
        Assert.Throws<ArgumentOutOfRangeException>(() => KernelTables.Table("256").Attention.Forward(
            Tensor.Zeros(1, 2), x, x, shape, MatMulPrecision.F32, Tensor.Zeros(1, 2), Tensor.Zeros(1, 1)));
    }

    [Fact]
    public void Forward_TooManyValidRows_Throws()
    {
        AttentionShape shape = new(1, 4, 1, 1, 2, AttentionKind.Full, 1, [5]);
        Tensor x = Tensor.Zeros(4, 2);
        Assert.Throws<ArgumentOutOfRangeException>(
            () => KernelTables.Table("256").Attention.Forward(x, x, x, shape, MatMulPrecision.F32, Tensor.Zeros(4, 2), Tensor.Zeros(4, 1)));
    }

    private static void EqualsReference(KernelTable table, KernelTable otherThreads, string form)
    {
        foreach (AttentionShape shape in s_shapes)
        {
            using GuardedMemory memory = new();
            Tensor[] expected = Run(KernelTables.Definition, new Operands(1, memory), shape);
            Tensor[] actual = Run(table, new Operands(1, memory), shape);
            Tensor[] again = Run(otherThreads, new Operands(1, memory), shape);
            for (int i = 0; i < expected.Length; i++)
            {
                KernelSweep.Close(expected[i], actual[i], Tolerance.Attention, $"form {form}, {shape}, seed 1, output {i}");
                KernelSweep.Close(actual[i], again[i], Tolerance.Exact, $"form {form}, {shape}, seed 1, output {i}, other threads");
            }
        }
    }

    private static Tensor[] Inputs(Operands operands, AttentionShape shape)
    {
        int rows = shape.Batch * shape.Length;
        return
        [
            operands.Normal(1, rows, shape.Heads * shape.HeadSize),
            operands.Normal(1, rows, shape.KeyValueHeads * shape.HeadSize),
            operands.Normal(1, rows, shape.KeyValueHeads * shape.HeadSize),
        ];
    }

    // Forward, then backward into gradients that already hold 0.5: they accumulate.
    private static Tensor[] Run(
        KernelTable table, Operands operands, AttentionShape shape, MatMulPrecision precision = MatMulPrecision.F32)
    {
        Tensor[] x = Inputs(operands, shape);
        int rows = shape.Batch * shape.Length;
        Tensor o = operands.Normal(1, rows, shape.Heads * shape.HeadSize);
        Tensor lse = operands.Normal(1, rows, shape.Heads);
        Tensor dO = operands.Normal(1, rows, shape.Heads * shape.HeadSize);
        table.Attention.Forward(x[0], x[1], x[2], shape, precision, o, lse);
        Tensor[] gradients = Array.ConvertAll(x, input => operands.Zeros(input.Shape.ToArray()));
        Array.ForEach(gradients, gradient => gradient.Floats.Fill(0.5f));
        table.Attention.Backward(dO, x[0], x[1], x[2], o, lse, shape, precision, gradients[0], gradients[1], gradients[2]);
        return [o, lse, .. gradients];
    }

    private static Tensor[] Gradients(KernelTable table, Operands operands, AttentionShape shape, Tensor[] x, Tensor dO)
    {
        Tensor o = operands.Zeros(dO.Shape.ToArray());
        Tensor lse = operands.Zeros(shape.Batch * shape.Length, shape.Heads);
        table.Attention.Forward(x[0], x[1], x[2], shape, MatMulPrecision.F32, o, lse);
        Tensor[] gradients = Array.ConvertAll(x, input => operands.Zeros(input.Shape.ToArray()));
        table.Attention.Backward(dO, x[0], x[1], x[2], o, lse, shape, MatMulPrecision.F32, gradients[0], gradients[1], gradients[2]);
        return gradients;
    }

    private static double[] ForwardInDouble(double[] q, double[] k, double[] v, AttentionShape shape)
    {
        double[] o = new double[q.Length];
        int size = shape.HeadSize;
        for (int b = 0; b < shape.Batch; b++)
        {
            for (int i = 0; i < shape.Length; i++)
            {
                for (int h = 0; h < shape.Heads; h++)
                {
                    int query = ((((b * shape.Length) + i) * shape.Heads) + h) * size;
                    int Key(int j) => ((((b * shape.Length) + j) * shape.KeyValueHeads) + (h * shape.KeyValueHeads / shape.Heads)) * size;
                    double[] p = [.. Enumerable.Range(0, shape.VisibleKeys(b, i)).Select(j =>
                        Math.Exp(Enumerable.Range(0, size).Sum(d => q[query + d] * k[Key(j) + d]) / Math.Sqrt(size)))];
                    for (int d = 0; d < size; d++)
                    {
                        o[query + d] = Enumerable.Range(0, p.Length).Sum(j => p[j] * v[Key(j) + d]) / p.Sum();
                    }
                }
            }
        }

        return o;
    }
}
