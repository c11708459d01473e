namespace Cinnabar.Numerics.Cuda;

/// <summary>What an attention kernel computes.</summary>
internal enum CudaAttentionPass
{
    /// <summary>o and lse; each warp has rows of its own.</summary>
    Forward,

    /// <summary>The same of fewer rows: warps share the keys of a tile.</summary>
    SharedForward,

    /// <summary>dQ.</summary>
    QueryGradient,

    /// <summary>dK and dV.</summary>
    KeyGradients,
}

/// <summary>What an attention kernel makes of queries, keys and values.</summary>
internal enum CudaAttentionOperands
{
    /// <summary>F32, split into two BF16 numbers each.</summary>
    Split,

    /// <summary>F32, rounded to BF16.</summary>
    Rounded,

    /// <summary>BF16 already; in forward passes only.</summary>
    BF16,
}

/// <summary>An attention kernel: its source, name and sizes.</summary>
/// <param name="Pass">What it computes.</param>
/// <param name="Width">Columns of a tile in shared memory; heads may be narrower.</param>
/// <param name="Operands">What it makes of them.</param>
internal readonly record struct CudaAttentionKernel(CudaAttentionPass Pass, int Width, CudaAttentionOperands Operands)
{
    /// <summary>Rows of a warp, and so the fewest of a block.</summary>
    public const int RowsOfWarp = 16;

    /// <summary>The rows that give each warp of a block its own.</summary>
    public const int RowsOfAllWarps = 128;

    private const int BytesOfMask = 4 * sizeof(int);
    private const int BytesOfSums = 2 * sizeof(float); // lse and delta of a query
    private const int Padding = 8;
    private const int MostSums = 128;
    private const int SystemBytes = 1 << 10; // that the system takes of each block's shared memory

    /// <summary>Name in the source.</summary>
    public string Name => Pass switch
    {
        CudaAttentionPass.Forward => "attention_forward",
        CudaAttentionPass.SharedForward => "attention_shared",
        CudaAttentionPass.QueryGradient => "attention_dq",
        _ => "attention_dkdv",
    } + $"_d{Width}" + Operands switch
    {
        CudaAttentionOperands.Split => "_exact",
        CudaAttentionOperands.BF16 => "_bf16",
        _ => "",
    };

    /// <summary>Name of the source, and the width it is compiled for.</summary>
    public string Source => (IsForward ? "attention_forward.cu" : "attention_backward.cu") + $" WIDTH={Width}";

    /// <summary>Blocks that share the columns of the same rows, as their sums do not fit the registers of one.</summary>
    public int Slabs => IsForward ? 1 : Math.Max(1, Width / MostSums);

    // Whether the sums leave room for a second block among a multiprocessor's registers: the launch bounds of the source.
    private bool HasTwoBlocks => Width <= (Pass == CudaAttentionPass.KeyGradients ? 64 : 128);

    /// <summary>Whether it is of a forward pass; those overlap.</summary>
    public bool IsForward => Pass is CudaAttentionPass.Forward or CudaAttentionPass.SharedForward;

    // Of keys, or of queries for the gradients of keys.
    private int Tile => Operands == CudaAttentionOperands.BF16
        ? Width <= 128 ? 64 : 32
        : Width <= 64 && IsForward ? 64 : Width <= 128 ? 32 : 16;

    /// <summary>Columns of a tile in shared memory for heads of so many columns: there are kernels for these.</summary>
    /// <exception cref="ArgumentException">More than 256.</exception>
    public static int WidthFor(int headSize) => headSize switch
    {
        <= 32 => 32,
        <= 64 => 64,
        <= 96 => 96,
        <= 128 => 128,
        <= 256 => 256,
        _ => throw new ArgumentException($"Expected heads of at most 256 columns on a GPU, found {headSize}."),
    };

    /// <summary>The most rows with which two blocks fit a multiprocessor, or one where two never do.</summary>
    /// <param name="mostSharedBytes">That the device gives a block.</param>
    public int MostRows(int mostSharedBytes)
    {
        int half = ((mostSharedBytes + SystemBytes) / 2) - SystemBytes;
        int bytes = HasTwoBlocks && SharedBytes(RowsOfWarp) <= half ? half : mostSharedBytes;
        int rows = RowsOfAllWarps;
        while (rows > RowsOfWarp && SharedBytes(rows) > bytes)
        {
            rows /= 2;
        }

        return rows;
    }

    /// <summary>
    /// Shared memory of a block of so many rows: their one or two operands, two tiles of the other side, for a forward pass the next two
    /// tiles as they are, and what is known of each query.
    /// </summary>
    public int SharedBytes(int rows) => Pass switch
    {
        CudaAttentionPass.QueryGradient => TileBytes(2 * (rows + Tile)) + (rows * (BytesOfMask + BytesOfSums)),
        CudaAttentionPass.KeyGradients => TileBytes(2 * (rows + Tile)) + (Tile * (BytesOfMask + BytesOfSums)),
        _ when Operands == CudaAttentionOperands.BF16 => TileBytes(rows + (4 * Tile)) + (rows * BytesOfMask),
        _ => TileBytes(rows + (2 * Tile)) + (2 * Tile * Width * sizeof(float)) + (rows * BytesOfMask),
    };

    private int TileBytes(int rows) => rows * (Width + Padding) * sizeof(ushort) * (Operands == CudaAttentionOperands.Split ? 2 : 1);
}
