// Products of few rows, which take as long as reading the weights does. The kernel is Kernels/product.cu: tiles of the rows of a weight are
// cut into units of 64 columns, and each block gets an equal run of units. It is compiled for each size of tile.
namespace Cinnabar.Numerics.Cuda;

/// <summary>Multiplies few rows by up to four weights in one launch.</summary>
internal sealed class FewRowsProduct
{
    /// <summary>Weights of a launch.</summary>
    public const int MostWeights = 4;

    // With more rows tensor cores, not memory, are the limit, and cuBLASLt makes more of them: a pass of 128 rows through 8 B weights took
    // an H200 10.5 ms with this kernel and 8.5 ms with that.
    private const int MostRows = 64;

    // Below 2 MB of weights starting a kernel takes longer than reading them.
    private const long LeastElements = 1 << 20;

    // Shorter runs would be over before their first unit arrives, and leave more parts of sums to add.
    private const int LeastUnits = 4;

    private const int UnitColumns = 64;
    private const int Threads = 256;
    private const int BytesOfElement = 2;
    private const int ElementsOfCopy = 16 / BytesOfElement;

    private static readonly int[] s_tileRows = [128, 256];

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

    /// <summary>Whether products of BF16 operands are for the kernel: few rows, weights as in a checkpoint, and enough of them.</summary>
    /// <param name="a">[M, K].</param>
    /// <param name="b">Each [K, N_i].</param>
    public bool Takes(in Matrix a, ReadOnlySpan<Matrix> b)
    {
        if (a.Rows is 0 or > MostRows || a.Columns % UnitColumns != 0 || b.Length > MostWeights
            || a.ColumnStride != 1 || a.RowStride % ElementsOfCopy != 0 || a.Offset % ElementsOfCopy != 0)
        {
            return false;
        }

        long elements = 0;
        foreach (Matrix weight in b)
        {
            if (weight.RowStride != 1 || weight.ColumnStride != a.Columns || weight.Offset % ElementsOfCopy != 0)
            {
                return false;
            }

            elements += (long)weight.Rows * weight.Columns;
        }

        return elements >= LeastElements && Variant.For(a.Rows, s_tileRows[0], _device.SharedBytesPerBlock).IsPossible;
    }

    /// <summary>C_i (+)= A·B_i.</summary>
    /// <param name="a">[M, K].</param>
    /// <param name="b">Each [K, N_i].</param>
    /// <param name="c">Each [M, N_i].</param>
    /// <param name="results">Addresses of the first element of each C.</param>
    /// <param name="accumulate">Adds to what they hold.</param>
    public void Multiply(in Matrix a, ReadOnlySpan<Matrix> b, ReadOnlySpan<Matrix> c, ReadOnlySpan<nint> results, bool accumulate)
    {
        Span<nint> weights = stackalloc nint[b.Length];
        for (int i = 0; i < b.Length; i++)
        {
            weights[i] = AddressOf(b[i]);
        }

        nint rows = AddressOf(a);
        (Variant variant, int blocks) = Choose(a, b);
        KernelArguments arguments = default;
        arguments.Add(rows);
        arguments.Add((long)a.RowStride);
        arguments.Add(a.Rows);
        arguments.Add(a.Columns);
        arguments.Add(accumulate ? 1 : 0);
        arguments.Add(_device.Scratch(2L * blocks * variant.PartBytes));
        arguments.Add(_arrivals);
        for (int i = 0; i < MostWeights; i++)
        {
            bool exists = i < b.Length;
            arguments.Add(exists ? weights[i] : nint.Zero);
            arguments.Add(exists ? results[i] : nint.Zero);
            arguments.Add(exists ? b[i].Columns : 0);
            arguments.Add(exists ? c[i].RowStride : 0);
        }

        _device.Launch(FunctionOf(variant), blocks, 1, 1, Threads, arguments);
    }

    private nint AddressOf(in Matrix operand) => _device.ReadRounded(operand.Storage) + (BytesOfElement * (nint)operand.Offset);

    // The tile with the least for a multiprocessor to wait for: its units, with the rows of A that they meet, and at the end the parts of a
    // sum from all blocks that share its tile, which come from the second-level cache about twice as fast as units from memory.
    private (Variant Variant, int Blocks) Choose(in Matrix a, ReadOnlySpan<Matrix> b)
    {
        (Variant Variant, int Blocks) best = default;
        double least = double.PositiveInfinity;
        foreach (int tileRows in s_tileRows)
        {
            Variant variant = Variant.For(a.Rows, tileRows, _device.SharedBytesPerBlock);
            long tiles = 0;
            foreach (Matrix weight in b)
            {
                tiles += (weight.Columns + tileRows - 1) / tileRows;
            }

            long units = tiles * (a.Columns / UnitColumns);
            int blocks = (int)Math.Clamp(units / LeastUnits, 1, _device.Multiprocessors);
            long longestRun = (units + blocks - 1) / blocks;
            double sharers = 1 + ((double)blocks / tiles);
            double cost = (longestRun * variant.StageBytes) + (sharers * variant.PartBytes / 2);
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
    private readonly record struct Variant(int RowTiles, int TileRows, int Stages)
    {
        private const int RowsOfRowTile = 8;
        private const int LeastRowTiles = 2;
        private const int LeastStages = 3;
        private const int ReservedBytes = 1024; // what the kernel declares itself, and the alignment behind it
        private const int MostStages = 8; // 128 KB of weights under way: more than memory's latency asks for

        public string Source => $"product.cu TILES={RowTiles} ROWS={TileRows} STAGES={Stages}";

        public bool IsPossible => Stages >= LeastStages;

        public int StageBytes => (TileRows + (RowsOfRowTile * RowTiles)) * UnitColumns * BytesOfElement;

        public int PartBytes => TileRows * RowsOfRowTile * RowTiles * sizeof(float);

        public static Variant For(int rows, int tileRows, int sharedBytes)
        {
            int rowTiles = LeastRowTiles;
            while (rowTiles * RowsOfRowTile < rows)
            {
                rowTiles *= 2;
            }

            Variant variant = new(rowTiles, tileRows, 0);
            return variant with { Stages = Math.Min(MostStages, (sharedBytes - ReservedBytes) / variant.StageBytes) };
        }
    }
}
