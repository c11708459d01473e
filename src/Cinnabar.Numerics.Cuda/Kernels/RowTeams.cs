namespace Cinnabar.Numerics.Cuda;

/// <summary>How the kernels of norms.cu share out rows: a warp takes a short one, a whole block a long one.</summary>
/// <param name="Columns">C.</param>
internal readonly record struct RowTeams(int Columns)
{
    private const int Warp = 32;
    private const int LongestOfWarp = 256;

    /// <summary>Threads that share a row.</summary>
    public int Size => Columns <= LongestOfWarp ? Warp : Threads;

    /// <summary>Threads of a block: enough for a long row, four columns each, but not more than are usual.</summary>
    public int Threads => Columns <= LongestOfWarp ? Launches.Threads : Math.Min(Launches.Threads, ((Columns / 4) + Warp - 1) / Warp * Warp);

    /// <summary>Teams of a block.</summary>
    public int PerBlock => Threads / Size;

    /// <summary>Blocks for so many teams.</summary>
    public int Blocks(int teams) => (teams + PerBlock - 1) / PerBlock;
}
