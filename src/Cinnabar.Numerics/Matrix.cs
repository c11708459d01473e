namespace Cinnabar.Numerics;

/// <summary>
/// A strided two-dimensional window into a <see cref="Tensor"/>: element (r, c) is at Offset + r·RowStride + c·ColumnStride.
/// One of the two strides is 1; <see cref="Transposed"/> swaps the roles without moving data.
/// </summary>
public readonly record struct Matrix(Tensor Storage, int Offset, int Rows, int Columns, int RowStride, int ColumnStride)
{
    /// <summary>The same elements with rows and columns exchanged.</summary>
    public Matrix Transposed => new(Storage, Offset, Columns, Rows, ColumnStride, RowStride);

    /// <summary>A sub-matrix.</summary>
    public Matrix Slice(int row, int rows, int column, int columns) =>
        new(Storage, Offset + (row * RowStride) + (column * ColumnStride), rows, columns, RowStride, ColumnStride);

    /// <inheritdoc/>
    public override string ToString() => $"[{Rows}, {Columns}] at {Offset} with strides ({RowStride}, {ColumnStride}) of {Storage}";

    internal unsafe float* Floats => Storage.FloatPointer + Offset;
}
