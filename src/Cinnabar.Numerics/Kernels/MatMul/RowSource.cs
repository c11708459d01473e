namespace Cinnabar.Numerics.Kernels;

/// <summary>
/// The left-hand side of products whose rows are computed at the moment they are packed: a block of them at a time stands in the cache of
/// the thread that packs it, and never in memory as a whole. Made by the kernel that computes the rows.
/// </summary>
public abstract unsafe class RowSource
{
    private protected RowSource()
    {
    }

    /// <summary>M.</summary>
    public int Rows { get; private protected set; }

    /// <summary>K.</summary>
    public int Columns { get; private protected set; }

    /// <summary>Computes a part of a row; called by several threads at once.</summary>
    /// <param name="row">Number of the row.</param>
    /// <param name="k">First column.</param>
    /// <param name="count">Columns.</param>
    /// <param name="to">Receives them.</param>
    internal abstract void Write(int row, int k, int count, float* to);
}

/// <summary>Rows that were computed before, for kernels that cannot compute them one by one.</summary>
internal sealed unsafe class FinishedRows : RowSource
{
    private readonly Tensor _values;

    internal FinishedRows(Tensor values)
    {
        _values = values;
        Rows = values.Rows;
        Columns = values.Columns;
    }

    internal override void Write(int row, int k, int count, float* to) =>
        _values.Row(row).Slice(k, count).CopyTo(new Span<float>(to, count));
}
