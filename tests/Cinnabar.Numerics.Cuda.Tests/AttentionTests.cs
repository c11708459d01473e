using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Numerics.Cuda.Tests;

public sealed class AttentionTests
{
    // Operands are split into two BF16 numbers: about 16 bits.
    private const double SplitInTwo = 1e-4;

    // Of operands that are BF16 on both sides nothing differs but the weights of the values, rounded by at most 2⁻⁸ of themselves, in the
    // mean by less than half of that. One element in a wrong place among a thousand would be an error of 4e-2.
    private const double RoundedWeights = 1.0 / 512;

    // The gradients go through four products of rounded numbers.
    private const double Rounded = 2e-2;

    // Lengths around one and more tiles of 64; heads per key/value head 1, 2, 3 and 8; all head sizes of models, and odd ones.
    private static readonly AttentionShape[] s_shapes =
    [
        new(0, 5, 1, 1, 32, AttentionKind.Full),
        new(2, 0, 1, 1, 32, AttentionKind.Full),
        new(1, 1, 1, 1, 1, AttentionKind.Full),
        new(2, 7, 2, 2, 5, AttentionKind.Full),
        new(2, 33, 2, 1, 32, AttentionKind.Full, 1, [33, 17]),
        new(1, 64, 2, 2, 64, AttentionKind.Full),
        new(2, 100, 4, 2, 64, AttentionKind.Full),
        new(1, 130, 3, 1, 96, AttentionKind.Full, 1, [129]),
        new(1, 70, 2, 2, 80, AttentionKind.Full),
        new(1, 70, 1, 1, 256, AttentionKind.Causal),
        new(1, 90, 8, 1, 128, AttentionKind.Full),
        new(1, 65, 3, 1, 17, AttentionKind.Causal),
        new(2, 67, 3, 3, 64, AttentionKind.Causal, 1, [0, 66]),
        new(1, 200, 2, 1, 128, AttentionKind.Causal),
        new(1, 131, 2, 1, 64, AttentionKind.BlockCausal, 32),
        new(2, 70, 2, 2, 32, AttentionKind.BlockCausal, 7, [70, 20]),
        new(1, 257, 4, 2, 64, AttentionKind.BlockCausal, 40),
        new(1, 65, 3, 1, 32, AttentionKind.Causal, Window: 1),
        new(2, 140, 2, 1, 64, AttentionKind.Causal, Window: 7),
        new(1, 300, 2, 2, 64, AttentionKind.Causal, Window: 150),
        new(2, 30, 2, 1, 32, AttentionKind.BlockCausal, 4, [15, 9], HasNoisyHalf: true),
        new(2, 30, 2, 1, 32, AttentionKind.BlockCausal, 4, [0, 15], HasNoisyHalf: true),
        new(1, 290, 2, 1, 64, AttentionKind.BlockCausal, 32, HasNoisyHalf: true),
        new(1, 4, 1, 1, 64, AttentionKind.Full, 1, [0]),
    ];

    private static readonly int[] s_fewPositions = [150];

    // With a cache: some positions of a sequence, with gaps.
    private static readonly int[] s_positions = [.. Enumerable.Range(3, 70), 100, 150, 199];

    [CudaFact]
    public void ForwardAndBackward_F32() => Comparison.On(
        "Attention in F32", SplitInTwo, s_shapes, (table, samples, shape) => Run(table, samples, shape, MatMulPrecision.F32));

    [CudaFact]
    public void ForwardAndBackward_BF16() => Comparison.On(
        "Attention in BF16", Rounded, s_shapes, (table, samples, shape) => Run(table, samples, shape, MatMulPrecision.BF16));

    [CudaFact]
    public void ForwardAndBackward_OfAnOperand() => Comparison.On(
        "Attention to BF16", Rounded, s_shapes, (table, samples, shape) =>
            Run(table, samples, shape, MatMulPrecision.BF16, isOperand: true));

    [CudaFact]
    public void Forward_OfRoundedOperands() => Comparison.On(
        "Attention of operands in BF16", RoundedWeights, s_shapes, (table, samples, shape) =>
            Forward(table, samples, shape, MatMulPrecision.BF16));

    [CudaTheory]
    [InlineData(MatMulPrecision.F32, MatMulPrecision.F32)]
    [InlineData(MatMulPrecision.BF16, MatMulPrecision.BF16)]
    [InlineData(MatMulPrecision.Int16, MatMulPrecision.BF16)]
    public void PrecisionAtInference_IsThatOfProductsOnTheDevice(MatMulPrecision products, MatMulPrecision expected) =>
        Assert.Equal(expected, Comparison.Device.Attention.PrecisionAtInference(products));

    [CudaTheory]
    [InlineData(MatMulPrecision.F32)]
    [InlineData(MatMulPrecision.BF16)]
    public void Forward_OfSomePositions(MatMulPrecision precision)
    {
        AttentionShape[] shapes =
        [
            .. from kind in Enum.GetValues<AttentionKind>()
               from positions in (int[][])[s_positions, s_fewPositions, []]
               select new AttentionShape(1, 200, 4, 2, 64, kind, 32, Positions: positions),
            new(1, 200, 4, 2, 128, AttentionKind.Causal, Positions: s_positions, Window: 9),
        ];
        Comparison.On("Attention of some positions", BoundOf(precision), shapes, (table, samples, shape) =>
            Forward(table, samples, shape, precision));
    }

    [CudaTheory]
    [InlineData(MatMulPrecision.F32)]
    [InlineData(MatMulPrecision.BF16)]
    public void Forward_OfShadows(MatMulPrecision precision) => Comparison.On(
        "Attention of shadows",
        BoundOf(precision),
        [
            new AttentionShape(1, 143, 4, 2, 64, AttentionKind.Full, Shadowed: new[] { 3, 130, 77 }),
            new AttentionShape(1, 64 + 64, 2, 2, 32, AttentionKind.Full, Shadowed: Enumerable.Range(0, 64).ToArray()),
        ],
        (table, samples, shape) => Forward(table, samples, shape, precision));

    [CudaFact]
    public void Forward_ScoresOfThousands_StaysFinite() => Comparison.On(
        "Attention of large scores", SplitInTwo, [4, 64], (table, samples, size) =>
        {
            AttentionShape shape = new(1, 20, 1, 1, size, AttentionKind.Causal);
            Tensor q = samples.Normal(60, 20, size);
            (Tensor o, Tensor lse) = (Tensor.Zeros(20, size), Tensor.Zeros(20, 1));
            table.Attention.Forward(q, q, q, shape, MatMulPrecision.F32, o, lse);
            return [new("o", o), new("lse", lse)];
        });

    // Sequences of several lengths and masks in one call, one of them with keys and values of its own.
    [CudaTheory]
    [InlineData(MatMulPrecision.F32)]
    [InlineData(MatMulPrecision.BF16)]
    public void Forward_OfParts(MatMulPrecision precision) => Comparison.On(
        "Attention of parts", BoundOf(precision), [64, 128], (table, samples, size) =>
        {
            AttentionShape[] shapes =
            [
                new(1, 3, 4, 2, size, AttentionKind.Full),
                new(1, 140, 4, 2, size, AttentionKind.Causal),
                new(1, 200, 4, 2, size, AttentionKind.Full, Positions: s_positions),
                new(1, 9, 4, 2, size, AttentionKind.BlockCausal, 4),
                new(1, 76, 4, 2, size, AttentionKind.Full, Shadowed: new[] { 1, 3 }),
            ];
            int rows = shapes.Sum(shape => shape.Queries);
            Tensor q = Operand(samples, precision, rows, 4 * size);
            (Tensor k, Tensor v) = (Operand(samples, precision, rows, 2 * size), Operand(samples, precision, rows, 2 * size));
            (Tensor keys, Tensor values) = (Operand(samples, precision, 200, 2 * size), Operand(samples, precision, 200, 2 * size));
            AttentionPart[] parts = new AttentionPart[shapes.Length];
            int first = 0;
            for (int i = 0; i < shapes.Length; i++)
            {
                bool isCached = shapes[i].Positions is not null;
                AttentionShape placed = shapes[i] with { FirstRow = first, FirstKeyRow = isCached ? 0 : first };
                parts[i] = isCached ? new AttentionPart(keys, values, placed) : new AttentionPart(k, v, placed);
                first += shapes[i].Queries;
            }

            (Tensor o, Tensor lse) = (Tensor.Zeros(rows, 4 * size), Tensor.Zeros(rows, 4));
            table.Attention.Forward(q, parts, precision, o, lse);
            return [new("o", o), new("lse", lse)];
        });

    // Denoising passes beside a cache: few rows, whose keys are split over blocks, of one sequence and of several in one call. The keys of
    // the sequences overlap, so that few have to be made. Few heads, so that the emulator's multiprocessors have room for splits, too.
    [CudaTheory]
    [InlineData(MatMulPrecision.F32)]
    [InlineData(MatMulPrecision.BF16)]
    public void Forward_OfFewRowsBesideACache(MatMulPrecision precision)
    {
        const int Length = 576;
        const int Heads = 4;
        (int Rows, int KeyHeads, int Sequences)[] cases =
        [
            .. from rows in (int[])[1, 32, 64]
               from keyHeads in (int[])[Heads, 1]
               from sequences in (int[])[1, 3]
               select (rows, keyHeads, sequences),
        ];
        Comparison.On("Attention of few rows (rows, key heads, sequences)", BoundOf(precision), cases, (table, samples, size) =>
        {
            int[] positions = [.. Enumerable.Range(Length - size.Rows, size.Rows)];
            AttentionShape shape = new(1, Length, Heads, size.KeyHeads, 128, AttentionKind.Full, Positions: positions);
            int keyRows = Length + size.Sequences - 1;
            Tensor k = Operand(samples, precision, keyRows, size.KeyHeads * 128);
            Tensor v = Operand(samples, precision, keyRows, size.KeyHeads * 128);
            Tensor q = Operand(samples, precision, size.Rows * size.Sequences, Heads * 128);
            (Tensor o, Tensor lse) = (Tensor.Zeros(q.Rows, q.Columns), Tensor.Zeros(q.Rows, Heads));
            AttentionPart[] parts =
            [
                .. from i in Enumerable.Range(0, size.Sequences)
                   select new AttentionPart(k, v, shape with { FirstRow = i * size.Rows, FirstKeyRow = i }),
            ];
            table.Attention.Forward(q, parts, precision, o, lse);
            return [new("o", o), new("lse", lse)];
        });
    }

    // Shared memory that cards give a block, in KiB: of compute capability 8.6 and 8.9, 8.0, and 9.0.
    [Theory]
    [InlineData(99)]
    [InlineData(163)]
    [InlineData(227)]
    public void MostRows_OfEachKernel_FitTheCard(int kibibytes)
    {
        int bytes = kibibytes << 10;
        Assert.All(
            from pass in Enum.GetValues<CudaAttentionPass>()
            from width in (int[])[32, 64, 96, 128, 256]
            from operands in Enum.GetValues<CudaAttentionOperands>()
            let kernel = new CudaAttentionKernel(pass, width, operands)
            where kernel.IsForward || operands != CudaAttentionOperands.BF16
            select kernel,
            kernel => Assert.InRange(kernel.SharedBytes(kernel.MostRows(bytes)), 1, bytes));
    }

    private static double BoundOf(MatMulPrecision precision) => precision == MatMulPrecision.F32 ? SplitInTwo : RoundedWeights;

    // Of BF16: numbers of BF16, which a device may hold as such.
    private static Tensor Operand(Samples samples, MatMulPrecision precision, int rows, int columns)
    {
        Tensor values = samples.Normal(1, rows, columns);
        if (precision != MatMulPrecision.F32)
        {
            values = values.To(DType.BF16).To(DType.F32);
            values.IsOperand = true;
        }

        return values;
    }

    private static Output[] Forward(KernelTable table, Samples samples, AttentionShape shape, MatMulPrecision precision)
    {
        (int rows, int width) = (shape.Batch * shape.Length, shape.KeyValueHeads * shape.HeadSize);
        Tensor q = Operand(samples, precision, shape.Batch * shape.Queries, shape.Heads * shape.HeadSize);
        (Tensor k, Tensor v) = (Operand(samples, precision, rows, width), Operand(samples, precision, rows, width));
        (Tensor o, Tensor lse) = (Tensor.Zeros(q.Rows, q.Columns), Tensor.Zeros(q.Rows, shape.Heads));
        table.Attention.Forward(q, k, v, shape, precision, o, lse);
        return [new("o", o), new("lse", lse)];
    }

    // The gradients hold something before, to which is added; and again zeros, which need not be read. What they hold is small, so that
    // errors of what is added show, but where every query sees one key alone: its scores have no gradient, what is added is nothing but
    // rounding, and it is not compared alone.
    private static Output[] Run(
        KernelTable table, Samples samples, AttentionShape shape, MatMulPrecision precision, bool isOperand = false)
    {
        int rows = shape.Batch * shape.Length;
        double before = shape.Length == 1 || shape.Window == 1 ? 10 : 0.1;
        (int width, int keyWidth) = (shape.Heads * shape.HeadSize, shape.KeyValueHeads * shape.HeadSize);
        Tensor q = samples.Normal(1, rows, width);
        (Tensor k, Tensor v) = (samples.Normal(1, rows, keyWidth), samples.Normal(1, rows, keyWidth));
        (Tensor o, Tensor lse, Tensor dO) = (Tensor.Zeros(rows, width), Tensor.Zeros(rows, shape.Heads), samples.Normal(1, rows, width));
        o.IsOperand = isOperand;
        table.Attention.Forward(q, k, v, shape, precision, o, lse);
        (Tensor dQ, Tensor dK, Tensor dV) =
            (samples.Normal(before, rows, width), samples.Normal(before, rows, keyWidth), samples.Normal(before, rows, keyWidth));
        table.Attention.Backward(dO, q, k, v, o, lse, shape, precision, dQ, dK, dV);
        List<Output> outputs = [new("o", o), new("lse", lse), new("dQ", dQ), new("dK", dK), new("dV", dV)];
        if (before < 1)
        {
            Tensor queryOfZeros = samples.Cleared(table, rows, width);
            (Tensor keyOfZeros, Tensor valueOfZeros) = (samples.Cleared(table, rows, keyWidth), samples.Cleared(table, rows, keyWidth));
            table.Attention.Backward(dO, q, k, v, o, lse, shape, precision, queryOfZeros, keyOfZeros, valueOfZeros);
            outputs.AddRange([new("dQ of zeros", queryOfZeros), new("dK of zeros", keyOfZeros), new("dV of zeros", valueOfZeros)]);
        }

        return [.. outputs];
    }
}
