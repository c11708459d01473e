// Attention in the manner of FlashAttention: the kernels are in Kernels/attention_*.cu. All sequences of a call share one launch; each has
// a descriptor with its addresses and its mask. A block of threads owns as many rows as fit its shared memory. Where that leaves
// multiprocessors without work, a forward pass splits the keys over several blocks, and a second launch joins what they found; a backward
// pass takes fewer rows a block.
using System.Numerics;
using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Numerics.Cuda;

/// <inheritdoc cref="IAttention"/>
internal sealed class CudaAttention(CudaDevice device) : IAttention
{
    private const int Threads = 256;
    private const int WarpSize = 32;
    private const int WarpsOfBlock = Threads / WarpSize;

    // Gradients of fewer rows would load more than they compute.
    private const int FewestRowsOfGradient = 32;

    // A lane of the kernel that joins them each.
    private const int MostSplits = WarpSize;

    // Smaller splits would leave more to be joined than they read: an F32 row each of o, against one of keys and one of values.
    private const int FewestKeysPerRow = 2;

    // Splits begin at multiples of what a warp takes at once.
    private const int KeyAlignment = 16;

    // Twice as many as the lengths that are told apart from one power of two to the next.
    private const int StepsOfKeys = 8;

    private readonly CudaAttentionSequences _sequences = new();
    private readonly Dictionary<CudaAttentionKernel, CudaFunction> _functions = [];

    /// <summary>As of all products, BF16: reading F32 and multiplying three times takes most of the time of a pass of few rows.</summary>
    public MatMulPrecision PrecisionAtInference(MatMulPrecision products) =>
        products == MatMulPrecision.F32 ? MatMulPrecision.F32 : MatMulPrecision.BF16;

    /// <inheritdoc/>
    public void Forward(Tensor q, Tensor k, Tensor v, AttentionShape shape, MatMulPrecision precision, Tensor o, Tensor logSumExp)
    {
        shape.Check(q, k, v, o, logSumExp);
        CudaAttentionOperands operands = OperandsOf(q, precision);
        _sequences.Clear();
        _sequences.Add(device, k, v, shape, operands);
        Forward(q, shape, operands, o, logSumExp);
    }

    /// <inheritdoc/>
    public void Forward(Tensor q, ReadOnlyMemory<AttentionPart> parts, MatMulPrecision precision, Tensor o, Tensor logSumExp)
    {
        if (parts.IsEmpty)
        {
            return;
        }

        AttentionShape first = parts.Span[0].Shape;
        CudaAttentionOperands operands = OperandsOf(q, precision);
        _sequences.Clear();
        foreach (AttentionPart part in parts.Span)
        {
            part.Shape.CheckPart(q, part.Keys, part.Values, o, logSumExp);
            Expect.Length(part.Shape.Batch, 1, nameof(parts));
            Expect.Length(part.Shape.Heads, first.Heads, nameof(parts));
            Expect.Length(part.Shape.KeyValueHeads, first.KeyValueHeads, nameof(parts));
            Expect.Length(part.Shape.HeadSize, first.HeadSize, nameof(parts));
            _sequences.Add(device, part.Keys, part.Values, part.Shape, operands);
        }

        Forward(q, first, operands, o, logSumExp);
    }

    /// <inheritdoc/>
    public void Backward(
        Tensor dO,
        Tensor q,
        Tensor k,
        Tensor v,
        Tensor o,
        Tensor logSumExp,
        AttentionShape shape,
        MatMulPrecision precision,
        Tensor dQ,
        Tensor dK,
        Tensor dV)
    {
        shape.Check(q, k, v, o, logSumExp);
        shape.Check(dQ, dK, dV, dO, logSumExp);
        if (shape.Positions is not null || shape.Shadowed is not null)
        {
            throw new ArgumentException($"A backward pass needs every position as a query, and no shadows: {shape}.");
        }

        CudaAttentionOperands kind = precision == MatMulPrecision.F32 ? CudaAttentionOperands.Split : CudaAttentionOperands.Rounded;
        _sequences.Clear();
        _sequences.Add(device, k, v, shape, kind);
        if (_sequences.Rows == 0)
        {
            return;
        }

        bool isRounded = o.IsOperand;
        int items = _sequences.Rows * shape.Heads;
        nint delta = device.Scratch((long)items * sizeof(float));
        KernelArguments sums = default;
        sums.Add(device.Read(dO));
        sums.Add(isRounded ? device.ReadRounded(o) : device.Read(o));
        sums.Add(isRounded ? 1 : 0);
        sums.Add(delta);
        sums.Add(items);
        sums.Add(shape.HeadSize);
        CudaAttentionKernel queryGradient = KernelOf(CudaAttentionPass.QueryGradient, shape, kind);
        device.Launch(
            device.Function(queryGradient.Source, "attention_delta"), (items + WarpsOfBlock - 1) / WarpsOfBlock, 1, 1, Threads, sums);

        KernelArguments operands = default;
        operands.Add(device.Read(q));
        operands.Add(device.Read(dO));
        operands.Add(device.Read(logSumExp));
        operands.Add(delta);
        (nint dQuery, int addsToQuery) = device.Accumulate(dQ);
        (nint dKey, int addsToKey) = device.Accumulate(dK);
        (nint dValue, int addsToValue) = device.Accumulate(dV);
        operands.Add(_sequences.UploadAll(device).Sequences);
        KernelArguments forQueries = operands;
        forQueries.Add(dQuery);
        forQueries.Add(addsToQuery);
        forQueries.Add(nint.Zero);
        forQueries.Add(0);
        LaunchGradient(queryGradient, forQueries, shape, shape.Heads);
        KernelArguments forKeys = operands;
        forKeys.Add(dKey);
        forKeys.Add(addsToKey);
        forKeys.Add(dValue);
        forKeys.Add(addsToValue);
        LaunchGradient(KernelOf(CudaAttentionPass.KeyGradients, shape, kind), forKeys, shape, shape.KeyValueHeads);
    }

    // Up to a quarter more than there are, or 15, so that texts of about one length have their launches in common; blocks of threads
    // without keys end at once.
    private int MostKeys
    {
        get
        {
            int step = Math.Max(KeyAlignment, (int)BitOperations.RoundUpToPowerOf2((uint)_sequences.MostKeys) / StepsOfKeys);
            return (_sequences.MostKeys + step - 1) / step * step;
        }
    }

    // All sequences of a call have the heads of `shape`.
    private void Forward(Tensor q, in AttentionShape shape, CudaAttentionOperands operands, Tensor o, Tensor logSumExp)
    {
        if (_sequences.Rows == 0)
        {
            return;
        }

        bool isWhole = _sequences.Rows * shape.Heads * shape.HeadSize == o.Count;
        bool isRounded = isWhole && o.IsOperand;
        bool hasAllSums = _sequences.Rows * shape.Heads == logSumExp.Count;
        nint query = operands == CudaAttentionOperands.BF16 ? device.ReadRounded(q) : device.Read(q);
        nint result = isRounded ? device.WriteRounded(o) : isWhole ? device.Write(o) : device.Update(o);
        nint sums = hasAllSums ? device.Write(logSumExp) : device.Update(logSumExp);
        (nint sequences, nint indices) = _sequences.Upload(device);

        // No row's result depends on the content of others: sizes alone choose rows and splits.
        CudaAttentionKernel kernel = KernelOf(CudaAttentionPass.Forward, shape, operands);
        int mostRows = kernel.MostRows(device.SharedBytesPerBlock);
        int rows = CudaAttentionKernel.RowsOfWarp;
        while (rows < mostRows && rows < _sequences.MostRows)
        {
            rows *= 2;
        }

        if (rows < CudaAttentionKernel.RowsOfAllWarps)
        {
            kernel = kernel with { Pass = CudaAttentionPass.SharedForward };
        }

        int keysOfSplit = KeysOfSplit(rows, _sequences.TilesOf(rows) * shape.Heads);
        int splits = (MostKeys + keysOfSplit - 1) / keysOfSplit;
        long items = q.Count / shape.HeadSize;
        nint partials = splits > 1 ? device.Scratch(splits * items * (shape.HeadSize + 2) * sizeof(float)) : nint.Zero;
        KernelArguments arguments = default;
        arguments.Add(query);
        arguments.Add(sequences);
        arguments.Add(indices);
        arguments.Add(result);
        arguments.Add(isRounded ? 1 : 0);
        arguments.Add(sums);
        arguments.Add(partials);
        arguments.Add(items);
        arguments.Add(splits);
        arguments.Add(keysOfSplit);
        AddSizes(ref arguments, shape, rows);
        _sequences.AddOnly(ref arguments);
        int tiles = (_sequences.MostRows + rows - 1) / rows;
        device.Launch(FunctionOf(kernel, rows), tiles * splits, shape.Heads, _sequences.Count, Threads, arguments);
        if (splits == 1)
        {
            return;
        }

        KernelArguments parts = default;
        parts.Add(sequences);
        parts.Add(indices);
        parts.Add(result);
        parts.Add(isRounded ? 1 : 0);
        parts.Add(sums);
        parts.Add(partials);
        parts.Add(items);
        parts.Add(splits);
        parts.Add(keysOfSplit);
        parts.Add(shape.Heads);
        parts.Add(shape.HeadSize);
        parts.Add(ScaleOf(shape));
        _sequences.AddOnly(ref parts);
        int blocks = ((_sequences.MostRows * shape.Heads) + WarpsOfBlock - 1) / WarpsOfBlock;
        CudaFunction combine = device.Function(kernel.Source, "attention_combine", overlaps: true);
        device.Launch(combine, blocks, _sequences.Count, 1, Threads, parts);
    }

    // As many splits as the device can run blocks of at once, two a multiprocessor.
    private int KeysOfSplit(int rows, int blocks)
    {
        int splits = Math.Clamp(2 * device.Multiprocessors / blocks, 1, MostSplits);
        int keys = Math.Max((MostKeys + splits - 1) / splits, FewestKeysPerRow * rows);
        return (keys + KeyAlignment - 1) / KeyAlignment * KeyAlignment;
    }

    private void LaunchGradient(CudaAttentionKernel kernel, KernelArguments arguments, in AttentionShape shape, int heads)
    {
        int rows = kernel.MostRows(device.SharedBytesPerBlock);
        while (rows > FewestRowsOfGradient && _sequences.TilesOf(rows) * heads < 2 * device.Multiprocessors)
        {
            rows /= 2;
        }

        AddSizes(ref arguments, shape, rows);
        int tiles = (_sequences.MostRows + rows - 1) / rows;
        device.Launch(FunctionOf(kernel, rows), tiles * kernel.Slabs, heads, _sequences.Count, Threads, arguments);
    }

    private CudaFunction FunctionOf(CudaAttentionKernel kernel, int rows)
    {
        if (!_functions.TryGetValue(kernel, out CudaFunction function))
        {
            // The most that a block ever takes, as launches may still wait when the next one needs less.
            int most = kernel.SharedBytes(kernel.MostRows(device.SharedBytesPerBlock));
            function = device.Function(kernel.Source, kernel.Name, most, kernel.IsForward);
            _functions.Add(kernel, function);
        }

        return function with { SharedBytes = kernel.SharedBytes(rows) };
    }

    // Queries that are operands are BF16 where they can be, as are then keys and values; they are rounded first where they are not yet.
    private static CudaAttentionOperands OperandsOf(Tensor q, MatMulPrecision precision) =>
        precision == MatMulPrecision.F32 ? CudaAttentionOperands.Split
        : q.IsOperand ? CudaAttentionOperands.BF16
        : CudaAttentionOperands.Rounded;

    private static CudaAttentionKernel KernelOf(CudaAttentionPass pass, in AttentionShape shape, CudaAttentionOperands operands) =>
        new(pass, CudaAttentionKernel.WidthFor(shape.HeadSize), operands);

    // They end the parameters.
    private static void AddSizes(ref KernelArguments arguments, in AttentionShape shape, int rows)
    {
        arguments.Add(shape.Heads);
        arguments.Add(shape.Heads / shape.KeyValueHeads);
        arguments.Add(shape.HeadSize);
        arguments.Add(rows);
        arguments.Add(ScaleOf(shape));
    }

    private static float ScaleOf(in AttentionShape shape) => 1 / MathF.Sqrt(shape.HeadSize);
}
