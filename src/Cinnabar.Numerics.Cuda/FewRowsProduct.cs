// Products of few rows, which take as long as reading the weights does. The kernel is Kernels/product.cu: tiles of the rows of a weight are
// cut into units of 64 words of 16 bits, and each block gets an equal run of units. It is compiled for each size of tile.
using System.Runtime.InteropServices;

namespace Cinnabar.Numerics.Cuda;

/// <summary>What the elements of a weight are.</summary>
/// <param name="Bits">Of an element: 16 (BF16), 8 or 4.</param>
/// <param name="Run">Of 4 bits: columns with a common scale, 32, 64 or 128; else 0.</param>
internal readonly record struct WeightFormat(int Bits, int Run = 0)
{
    /// <summary>Of a row, in a unit of product.cu.</summary>
    public const int UnitBytes = 128;

    /// <summary>BF16.</summary>
    public static WeightFormat BF16 { get; } = new(16);

    /// <summary>Columns that K is a multiple of.</summary>
    public int ColumnsOfUnit => UnitBytes * 8 / Bits;
}

/// <summary>The left-hand side: M rows of words of 16 bits.</summary>
/// <param name="Words">Address of the first.</param>
/// <param name="Scales">Address of the scales of rows of integers.</param>
/// <param name="RowStride">Words from one row to the next.</param>
/// <param name="Count">M.</param>
internal readonly record struct FewRows(nint Words, nint Scales, long RowStride, int Count);

/// <summary>A weight [N, K] and where its product goes; as in product.cu.</summary>
/// <param name="Words">Address of its elements, row after row.</param>
/// <param name="Scales">Address of the scales of integers.</param>
/// <param name="Result">Address of y [M, N].</param>
/// <param name="Rows">N.</param>
/// <param name="ResultStride">Elements from one row of y to the next.</param>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct FewRowsWeight(nint Words, nint Scales, nint Result, int Rows, int ResultStride);

/// <summary>Multiplies few rows by up to four weights in one launch.</summary>
internal sealed class FewRowsProduct
{
    /// <summary>Weights of a launch.</summary>
    public const int MostWeights = 4;

    // With more rows the tensor cores' instructions for a warp, not memory, are the limit, and cuBLASLt, which has Hopper's for four warps,
    // makes more of them. Passes through 8 B weights beside 512 cached tokens on an H200, in ms, this kernel and that one:
    //   rows     1            16           32           64
    //   BF16     5.33, 5.69   5.50, 5.77   6.10, 5.98   7.18, 5.88
    //   Int8     4.07, 5.07   4.17, 4.61   4.70, 4.78   6.12, 5.14
    // Of four bits it has no product. On older GPUs the limits may be others: this was measured on an H200 alone.
    private const int FasterRowsOfBF16 = 16;
    private const int FasterRowsOfInt8 = 32;
    private const int MostRows = 64;

    // Shorter runs would be over before their first unit arrives, and leave more parts of sums to add.
    private const int LeastUnits = 4;

    private const int BytesOfWord = 2;
    private const int UnitWords = WeightFormat.UnitBytes / BytesOfWord;
    private const int Threads = 256;

    private static readonly int[] s_tileRows = [128, 256];

    // Of BF16 the smaller ones are faster, whatever Choose counts: 5.22 ms for 1 row of that network, 5.36 ms with both.
    private static readonly int[] s_tileRowsOfBF16 = [128];

    private readonly CudaDevice _device;
    private readonly nint _arrivals;
    private readonly Dictionary<Variant, CudaFunction> _functions = [];

    /// <summary>Prepares products on a device.</summary>
    public FewRowsProduct(CudaDevice device)
    {
        _device = device;
        long bytes = (long)device.Multiprocessors * sizeof(int);
        _arrivals = device.Allocate(bytes);
        device.Clear(_arrivals, bytes); // every launch leaves zeros again
    }

    /// <summary>The most rows that are multiplied faster here than by cuBLASLt, if it has such a product.</summary>
    /// <param name="format">Of the weights.</param>
    public int FasterRows(WeightFormat format) => Math.Min(
        RowsAtOnce(format),
        format.Bits switch
        {
            16 => FasterRowsOfBF16,
            8 => FasterRowsOfInt8,
            _ => MostRows,
        });

    /// <summary>The most rows of a launch, 0 where a block has too little memory for any.</summary>
    /// <param name="format">Of the weights.</param>
    public int RowsAtOnce(WeightFormat format)
    {
        int rows = MostRows;
        while (rows > 0 && !Variant.For(format, rows, s_tileRows[0], _device.SharedBytesPerBlock).IsPossible)
        {
            rows /= 2;
        }

        return rows;
    }

    /// <summary>y_i (+)= x·W_iᵀ.</summary>
    /// <param name="format">Of all weights.</param>
    /// <param name="x">At most <see cref="RowsAtOnce"/> rows: BF16 as the weights, else Int8.</param>
    /// <param name="weights">Up to <see cref="MostWeights"/>.</param>
    /// <param name="columns">K.</param>
    /// <param name="accumulate">Adds to what the results hold.</param>
    public void Multiply(WeightFormat format, in FewRows x, ReadOnlySpan<FewRowsWeight> weights, int columns, bool accumulate)
    {
        int units = columns / format.ColumnsOfUnit;
        (Variant variant, int blocks) = Choose(format, x.Count, weights, units);
        KernelArguments arguments = default;
        arguments.Add(x.Words);
        arguments.Add(x.Scales);
        arguments.Add(x.RowStride);
        arguments.Add(x.Count);
        arguments.Add(units * UnitWords);
        arguments.Add(accumulate ? 1 : 0);
        arguments.Add(_device.Scratch(2L * blocks * variant.SumBytes));
        arguments.Add(_arrivals);
        for (int i = 0; i < MostWeights; i++)
        {
            arguments.Add(i < weights.Length ? weights[i] : default);
        }

        _device.Launch(FunctionOf(variant), blocks, 1, 1, Threads, arguments);
    }

    // The tile with the least for a multiprocessor to wait for: its units, with the rows of x that they meet, and at the end the parts of a
    // sum from all blocks that share its tile, which come from the second-level cache about twice as fast as units from memory.
    private (Variant Variant, int Blocks) Choose(
        WeightFormat format, int rows, ReadOnlySpan<FewRowsWeight> weights, int unitsOfRow)
    {
        (Variant Variant, int Blocks) best = default;
        double least = double.PositiveInfinity;
        foreach (int tileRows in format == WeightFormat.BF16 ? s_tileRowsOfBF16 : s_tileRows)
        {
            Variant variant = Variant.For(format, rows, tileRows, _device.SharedBytesPerBlock);
            long tiles = 0;
            foreach (FewRowsWeight weight in weights)
            {
                tiles += (weight.Rows + tileRows - 1) / tileRows;
            }

            long units = tiles * unitsOfRow;
            int blocks = (int)Math.Clamp(units / LeastUnits, 1, _device.Multiprocessors);
            long longestRun = (units + blocks - 1) / blocks;
            double sharers = 1 + ((double)blocks / tiles);
            double cost = (longestRun * variant.StageBytes) + (sharers * variant.SumBytes / 2);
            if (variant.IsPossible && cost < least)
            {
                (best, least) = ((variant, blocks), cost);
            }
        }

        return best;
    }

    private CudaFunction FunctionOf(Variant variant)
    {
        if (!_functions.TryGetValue(variant, out CudaFunction function))
        {
            function = _device.Function(variant.Source, "product_few_rows", variant.Stages * variant.StageBytes, overlaps: true);
            _functions.Add(variant, function);
        }

        return function;
    }

    // A kernel: its macros.
    private readonly record struct Variant(WeightFormat Format, int RowTiles, int TileRows, int Stages)
    {
        private const int RowsOfRowTile = 8;
        private const int LeastRowTiles = 2;
        private const int LeastStages = 3;
        private const int ReservedBytes = 1024; // what the kernel declares itself, and the alignment behind it
        private const int MostStages = 8; // 128 KB of weights under way: more than memory's latency asks for

        public string Source =>
            $"product.cu BITS={Format.Bits}{(HasRuns ? $" RUN={Format.Run}" : "")} TILES={RowTiles} ROWS={TileRows} STAGES={Stages}";

        public bool IsPossible => Stages >= LeastStages;

        public int StageBytes => HasRuns
            ? (TileRows * (WeightFormat.UnitBytes + ScaleBytes)) + (2 * RowsOfRowTile * RowTiles * WeightFormat.UnitBytes)
            : (TileRows + (RowsOfRowTile * RowTiles)) * WeightFormat.UnitBytes;

        public int SumBytes => TileRows * RowsOfRowTile * RowTiles * sizeof(float);

        private bool HasRuns => Format.Run > 0;

        private int ScaleBytes => Format.ColumnsOfUnit / Format.Run * sizeof(float);

        public static Variant For(WeightFormat format, int rows, int tileRows, int sharedBytes)
        {
            int rowTiles = LeastRowTiles;
            while (rowTiles * RowsOfRowTile < rows)
            {
                rowTiles *= 2;
            }

            Variant variant = new(format, rowTiles, tileRows, 0);
            return variant with { Stages = Math.Min(MostStages, (sharedBytes - ReservedBytes) / variant.StageBytes) };
        }
    }
}
