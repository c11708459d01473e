// Sums of rows of logits, the inner loops of a collage: several ids at once, the last few one by one.
using System.Numerics;

namespace Cinnabar.Models;

internal static class LogitSums
{
    /// <summary>Adds a row to a sum.</summary>
    /// <param name="sum">[V].</param>
    /// <param name="row">[V].</param>
    public static void Add(Span<float> sum, ReadOnlySpan<float> row)
    {
        int v = 0;
        for (; v <= row.Length - Vector<float>.Count; v += Vector<float>.Count)
        {
            Span<float> part = sum.Slice(v, Vector<float>.Count);
            (new Vector<float>(part) + new Vector<float>(row[v..])).CopyTo(part);
        }

        for (; v < row.Length; v++)
        {
            sum[v] += row[v];
        }
    }

    /// <summary>Takes a row off a sum, but for what is −∞ in the row: what cannot be stays so, and −∞ less −∞ is nothing.</summary>
    /// <param name="sum">[V].</param>
    /// <param name="row">[V].</param>
    public static void Subtract(Span<float> sum, ReadOnlySpan<float> row)
    {
        Vector<float> impossible = new(float.NegativeInfinity);
        int v = 0;
        for (; v <= row.Length - Vector<float>.Count; v += Vector<float>.Count)
        {
            Span<float> part = sum.Slice(v, Vector<float>.Count);
            Vector<float> taken = new(row[v..]);
            taken = Vector.ConditionalSelect(Vector.Equals(taken, impossible), Vector<float>.Zero, taken);
            (new Vector<float>(part) - taken).CopyTo(part);
        }

        for (; v < row.Length; v++)
        {
            sum[v] -= float.IsNegativeInfinity(row[v]) ? 0 : row[v];
        }
    }
}
