namespace Cinnabar.Numerics.Kernels;

/// <summary>The conditions under which a product is defined and stays inside its tensors.</summary>
internal static class MatMulShapes
{
    /// <summary>Throws unless [M, K] · [K, N] fits C and all elements lie inside their tensors.</summary>
    internal static void Check(in Matrix a, int rows, int columns, in Matrix c)
    {
        Check(a.Rows, a.Columns, rows, columns, c);
        CheckInside(a);
    }

    /// <summary>Throws unless [m, k] · [rows, columns] fits C and all elements of that lie inside their tensor.</summary>
    internal static void Check(int m, int k, int rows, int columns, in Matrix c)
    {
        if (k != rows || c.Rows != m || c.Columns != columns)
        {
            throw new ArgumentException(
                $"A product [M, K]·[K, N] = [M, N] was given [{m}, {k}]·[{rows}, {columns}] = [{c.Rows}, {c.Columns}].");
        }

        if (c.Storage.Type != DType.F32 || (c.ColumnStride != 1 && c.Columns > 1))
        {
            throw new ArgumentException($"The result of a product is F32 with ColumnStride 1, found {c.Storage.Type}, {c.ColumnStride}.");
        }

        CheckInside(c);
    }

    /// <summary>Throws unless one stride is 1 and all elements lie inside the tensor.</summary>
    internal static void CheckInside(in Matrix matrix)
    {
        if (matrix.Rows == 0 || matrix.Columns == 0)
        {
            return;
        }

        long last = matrix.Offset + ((matrix.Rows - 1L) * matrix.RowStride) + ((matrix.Columns - 1L) * matrix.ColumnStride);
        bool ordered = matrix.RowStride >= 0 && matrix.ColumnStride >= 0 && (matrix.RowStride == 1 || matrix.ColumnStride == 1);
        if (matrix.Offset < 0 || !ordered || last >= matrix.Storage.Count)
        {
            throw new ArgumentException($"The matrix {matrix} does not lie inside its tensor or has no stride of 1.");
        }
    }
}
