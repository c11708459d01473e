// Attention in the manner of FlashAttention: the kernels are in Kernels/attention.cu. All sequences of a call share one launch; each has a
// descriptor with its addresses and its mask. A block of threads owns as many rows as still leave blocks for all multiprocessors.
using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Numerics.Cuda;

/// <inheritdoc cref="IAttention"/>
internal sealed class CudaAttention(CudaDevice device) : IAttention
{
    private const string Source = "attention.cu";
    private const int Threads = 256;
    private const int WarpSize = 32;

    // Blocks of fewer rows would load more than they compute.
    private const int FewestUsefulRows = 32;

    private readonly CudaAttentionSequences _sequences = new();
    private readonly Dictionary<Variant, CudaFunction> _functions = [];

    /// <inheritdoc/>
    public void Forward(Tensor q, Tensor k, Tensor v, AttentionShape shape, MatMulPrecision precision, Tensor o, Tensor logSumExp)
    {
        shape.Check(q, k, v, o, logSumExp);
        _sequences.Clear();
        _sequences.Add(device, k, v, shape);
        Forward(q, shape, precision, o, logSumExp);
    }

    /// <inheritdoc/>
    public void Forward(Tensor q, ReadOnlyMemory<AttentionPart> parts, MatMulPrecision precision, Tensor o, Tensor logSumExp)
    {
        if (parts.IsEmpty)
        {
            return;
        }

        AttentionShape first = parts.Span[0].Shape;
        _sequences.Clear();
        foreach (AttentionPart part in parts.Span)
        {
            part.Shape.CheckPart(q, part.Keys, part.Values, o, logSumExp);
            Expect.Length(part.Shape.Batch, 1, nameof(parts));
            Expect.Length(part.Shape.Heads, first.Heads, nameof(parts));
            Expect.Length(part.Shape.KeyValueHeads, first.KeyValueHeads, nameof(parts));
            Expect.Length(part.Shape.HeadSize, first.HeadSize, nameof(parts));
            _sequences.Add(device, part.Keys, part.Values, part.Shape);
        }

        Forward(q, first, precision, o, logSumExp);
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

        _sequences.Clear();
        _sequences.Add(device, k, v, shape);
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
        int itemsPerBlock = Threads / WarpSize;
        device.Launch(device.Function(SourceOf(WidthOf(shape)), "attention_delta"), (items + itemsPerBlock - 1) / itemsPerBlock, 1, 1, Threads, sums);

        KernelArguments operands = default;
        operands.Add(device.Read(q));
        operands.Add(device.Read(dO));
        operands.Add(device.Read(logSumExp));
        operands.Add(delta);
        (nint dQuery, nint dKey, nint dValue) = (device.Update(dQ), device.Update(dK), device.Update(dV));
        operands.Add(_sequences.Upload(device).Sequences);
        KernelArguments forQueries = operands;
        forQueries.Add(dQuery);
        forQueries.Add(nint.Zero);
        Launch(Kernel.QueryGradient, forQueries, shape, precision);
        KernelArguments forKeys = operands;
        forKeys.Add(dKey);
        forKeys.Add(dValue);
        Launch(Kernel.KeyGradients, forKeys, shape, precision);
    }

    // All sequences of a call have the heads of `shape`.
    private void Forward(Tensor q, in AttentionShape shape, MatMulPrecision precision, Tensor o, Tensor logSumExp)
    {
        if (_sequences.Rows == 0)
        {
            return;
        }

        bool isWhole = _sequences.Rows * shape.Heads * shape.HeadSize == o.Count;
        bool isRounded = isWhole && o.IsOperand;
        bool hasAllSums = _sequences.Rows * shape.Heads == logSumExp.Count;
        nint query = device.Read(q);
        nint result = isRounded ? device.WriteRounded(o) : isWhole ? device.Write(o) : device.Update(o);
        nint sums = hasAllSums ? device.Write(logSumExp) : device.Update(logSumExp);
        (nint sequences, nint indices) = _sequences.Upload(device);
        KernelArguments arguments = default;
        arguments.Add(query);
        arguments.Add(sequences);
        arguments.Add(indices);
        arguments.Add(result);
        arguments.Add(isRounded ? 1 : 0);
        arguments.Add(sums);
        Launch(Kernel.Forward, arguments, shape, precision);
    }

    // Adds the sizes, which end the parameters of all kernels.
    private void Launch(Kernel kernel, KernelArguments arguments, in AttentionShape shape, MatMulPrecision precision)
    {
        Variant variant = new(kernel, WidthOf(shape), precision == MatMulPrecision.F32);
        int heads = kernel == Kernel.KeyGradients ? shape.KeyValueHeads : shape.Heads;
        int rows = variant.MostRows;
        while (rows > FewestUsefulRows && _sequences.TilesOf(rows) * heads < 2 * device.Multiprocessors)
        {
            rows /= 2;
        }

        arguments.Add(shape.Heads);
        arguments.Add(shape.Heads / shape.KeyValueHeads);
        arguments.Add(shape.HeadSize);
        arguments.Add(rows);
        arguments.Add(1 / MathF.Sqrt(shape.HeadSize));
        if (!_functions.TryGetValue(variant, out CudaFunction function))
        {
            // The most that a block ever takes, as launches may still wait when the next one needs less.
            function = device.Function(SourceOf(variant.Width), variant.Name, variant.SharedBytes(variant.MostRows));
            _functions.Add(variant, function);
        }

        function = function with { SharedBytes = variant.SharedBytes(rows) };
        int tiles = (_sequences.MostRows + rows - 1) / rows;
        device.Launch(function, tiles * variant.Slabs, heads, _sequences.Count, Threads, arguments);
    }

    private static string SourceOf(int width) => $"{Source} WIDTH={width}";

    // Columns of a tile in shared memory: there are kernels for these.
    private static int WidthOf(in AttentionShape shape) => shape.HeadSize switch
    {
        <= 32 => 32,
        <= 64 => 64,
        <= 96 => 96,
        <= 128 => 128,
        <= 256 => 256,
        _ => throw new ArgumentException($"Expected heads of at most 256 columns on a GPU, found {shape.HeadSize}."),
    };

    private enum Kernel
    {
        Forward,
        QueryGradient,
        KeyGradients,
    }

    // A kernel for heads of up to Width columns; its names and sizes are those of the source.
    private readonly record struct Variant(Kernel Kernel, int Width, bool IsExact)
    {
        // Two blocks fit the shared memory of a multiprocessor of compute capability 9.0: 228 KB, of which the system takes 1 KB a block.
        private const int MostSharedBytes = 113 << 10;

        // 16 a warp.
        private const int MostRowsOfBlock = 128;
        private const int LeastRowsOfBlock = 16;

        private const int GradientTile = 32;
        private const int BytesOfMask = 4 * sizeof(int);
        private const int Padding = 8;
        private const int MostSums = 128;

        public string Name => Kernel switch
        {
            Kernel.Forward => "attention_forward",
            Kernel.QueryGradient => "attention_dq",
            _ => "attention_dkdv",
        } + $"_d{Width}" + (IsExact ? "_exact" : "");

        // Blocks that share the columns of the same rows, as their sums do not fit the registers of one.
        public int Slabs => Kernel == Kernel.Forward ? 1 : Math.Max(1, Width / MostSums);

        public int MostRows
        {
            get
            {
                int rows = MostRowsOfBlock;
                while (rows > LeastRowsOfBlock && SharedBytes(rows) > MostSharedBytes)
                {
                    rows /= 2;
                }

                return rows;
            }
        }

        // Two tiles of the other side; own rows of Q, or of two operands; and a mask for each query row, with lse and delta for gradients.
        public int SharedBytes(int rows) => Kernel switch
        {
            Kernel.Forward => TileBytes(rows + (2 * (Width <= 64 ? 64 : 32))) + (rows * BytesOfMask),
            Kernel.QueryGradient => TileBytes(2 * (rows + GradientTile)) + (rows * (BytesOfMask + (2 * sizeof(float)))),
            _ => TileBytes(2 * (rows + GradientTile)) + (GradientTile * (BytesOfMask + (2 * sizeof(float)))),
        };

        private int TileBytes(int rows) => rows * (Width + Padding) * sizeof(ushort) * (IsExact ? 2 : 1);
    }
}
