// Rows put in the place of others, as a cache takes in what was computed last: y[rows[i], :] = x[first + i, :].  x: [≥ first + M, C], y: [T, C].
// The rows of one call differ from each other, so they may be copied at once.
namespace Cinnabar.Numerics.Kernels;

/// <summary>Copies rows to chosen rows.</summary>
public interface ICopyRows
{
    /// <summary>y[rows[i], :] = x[first + i, :].</summary>
    /// <param name="x">[first + M or more, C].</param>
    /// <param name="first">The first row that is copied.</param>
    /// <param name="rows">[M], each in 0 … T − 1, none twice.</param>
    /// <param name="y">[T, C], not overlapping <paramref name="x"/>; its other rows stay.</param>
    void Forward(Tensor x, int first, ReadOnlySpan<int> rows, Tensor y);
}

/// <summary>The definition.</summary>
internal sealed class ReferenceCopyRows : ICopyRows
{
    public void Forward(Tensor x, int first, ReadOnlySpan<int> rows, Tensor y)
    {
        Check(x, first, rows, y);
        for (int i = 0; i < rows.Length; i++)
        {
            x.Row(first + i).CopyTo(y.Row(rows[i]));
        }
    }

    internal static void Check(Tensor x, int first, ReadOnlySpan<int> rows, Tensor y)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(first);
        if (x.Columns != y.Columns)
        {
            throw new ArgumentException($"Expected rows of {y.Columns} columns, found {x}.", nameof(x));
        }

        Expect.FloatsOrMore(x, checked((first + rows.Length) * y.Columns));
        Expect.Floats(y, y.Count);
        Expect.Indices(rows, y.Rows, nameof(rows));
    }
}

/// <summary>Bound by memory: one pass, split by row.</summary>
internal sealed unsafe class VectorCopyRows(WorkerPool workers) : ICopyRows
{
    private const int Grain = 32;

    public void Forward(Tensor x, int first, ReadOnlySpan<int> rows, Tensor y)
    {
        ReferenceCopyRows.Check(x, first, rows, y);
        fixed (int* to = rows)
        {
            workers.For(rows.Length, Grain, new ForwardBody(x, first, to, y));
        }
    }

    private readonly struct ForwardBody(Tensor x, int first, int* rows, Tensor y) : ILoopBody
    {
        public void Run(int from, int to)
        {
            for (int i = from; i < to; i++)
            {
                x.Row(first + i).CopyTo(y.Row(rows[i]));
            }
        }
    }
}
