// One tile of C held in registers: C[rows, columns] (+)= Σ_k Apanel[k, rows] · Bpanel[k, columns].
//
// Panels are what PanelPacker makes in a PanelFormat: for each step of k one row, as wide as the panel. A has panels of RowPanelWidth
// elements of which the first Rows are used, B panels of Columns elements.
namespace Cinnabar.Numerics.Kernels;

/// <summary>What a tile kernel is told; the layout is known to the assembled code.</summary>
internal unsafe struct TileArguments
{
    /// <summary>Steps × RowPanelWidth elements of 32 bits.</summary>
    public void* A;

    /// <summary>Steps × Columns elements of 32 bits.</summary>
    public void* B;

    /// <summary>First element of the tile.</summary>
    public float* C;

    /// <summary>Bytes from one row of C to the next.</summary>
    public nint RowBytes;

    /// <summary>Steps of k.</summary>
    public nint Steps;

    /// <summary>Nonzero: add to C.</summary>
    public nint Accumulate;

    /// <summary>Memory that other tiles need soon: every fourth step fetches a line and goes on by <see cref="FetchStep"/>.</summary>
    public void* Fetch;

    /// <summary>Bytes from one fetched line to the next.</summary>
    public nint FetchStep;

    /// <summary>Behind the last row of the tile (assembled code).</summary>
    public void* EndOfC;

    /// <summary>Low bits: which lanes of the last register of a row exist (assembled AVX-512 code).</summary>
    public nint LaneBits;

    /// <summary>The same as 8 masks of 32 bits (assembled AVX2 code).</summary>
    public fixed int LaneMasks[8];

    /// <summary>Room for the registers xmm6 … xmm15, which Windows wants back unchanged.</summary>
    public fixed byte Saved[160];
}

/// <summary>A register tile.</summary>
internal abstract unsafe class TileKernel
{
    /// <summary>Rows of a full tile.</summary>
    public abstract int Rows { get; }

    /// <summary>Columns of a full tile, and elements per step of a B panel.</summary>
    public abstract int Columns { get; }

    /// <summary>Elements per step of an A panel.</summary>
    public abstract int RowPanelWidth { get; }

    /// <summary>Computes the first <paramref name="rows"/> × <paramref name="columns"/> elements of a tile.</summary>
    /// <param name="arguments">Pointers and sizes; lane fields are filled in here.</param>
    /// <param name="rows">1 … <see cref="Rows"/>.</param>
    /// <param name="columns">1 … <see cref="Columns"/>.</param>
    public abstract void Run(TileArguments* arguments, int rows, int columns);
}
