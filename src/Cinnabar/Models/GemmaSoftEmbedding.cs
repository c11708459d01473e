// The mean embedding under a distribution over tokens, soft = P·E, as one product for all positions: P [N, V], E [V, C]. E is packed for it
// piece by piece along V, so that no piece needs more memory at once than a tensor can have, whatever the type of the table.
using Cinnabar.Numerics;
using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Models;

/// <summary>Products of probabilities and the embedding table.</summary>
internal sealed class GemmaSoftEmbedding
{
    private const int PieceElements = 1 << 25;

    private readonly IMatMul _matMul;
    private readonly int _rowsOfPiece;
    private readonly PackedMatrix[] _pieces;

    /// <summary>Packs a table.</summary>
    /// <param name="table">E [V, C], of any type; not kept.</param>
    /// <param name="kernels">Where it runs.</param>
    /// <param name="precision">Rounding of both operands.</param>
    public GemmaSoftEmbedding(Tensor table, KernelTable kernels, MatMulPrecision precision)
    {
        _matMul = kernels.MatMul;
        _rowsOfPiece = Math.Max(1, PieceElements / table.Columns);
        _pieces = new PackedMatrix[(table.Rows + _rowsOfPiece - 1) / _rowsOfPiece];
        for (int piece = 0; piece < _pieces.Length; piece++)
        {
            int first = piece * _rowsOfPiece;
            int[] ids = [.. Enumerable.Range(first, Math.Min(_rowsOfPiece, table.Rows - first))];

            // Each its own: another device may keep it as the packed matrix.
            Tensor rows = Tensor.Zeros(ids.Length, table.Columns);
            kernels.Embedding.Forward(table, ids, rows);
            PackedMatrix? packed = null;
            _matMul.Pack(rows.AsMatrix(), precision, ref packed);
            _pieces[piece] = packed!;
        }
    }

    /// <summary>soft = P·E.</summary>
    /// <param name="probabilities">P [N, V].</param>
    /// <param name="soft">[N, C].</param>
    public void Mean(Tensor probabilities, Tensor soft)
    {
        Matrix p = probabilities.AsMatrix();
        for (int piece = 0; piece < _pieces.Length; piece++)
        {
            Matrix part = p.Slice(0, p.Rows, piece * _rowsOfPiece, _pieces[piece].Rows);
            _matMul.Multiply(part, _pieces[piece], soft.AsMatrix(), accumulate: piece > 0);
        }
    }
}
