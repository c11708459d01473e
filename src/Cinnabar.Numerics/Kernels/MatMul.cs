// Matrix product: C[M, N] (+)= A[M, K] · B[K, N], C[m, n] = Σ_k A[m, k] · B[k, n].
//
// A linear layer with weight W [N, K] ("[out, in]", as in every checkpoint) uses it three times:
//   forward          Y[M, N]  = X[M, K] · Wᵀ            Multiply(X, W.Transposed, Y)
//   input gradient   dX[M, K] = dY[M, N] · W            Multiply(dY, W, dX)
//   weight gradient  dW[N, K] += dYᵀ[N, M] · X[M, K]    Multiply(dY.Transposed, X, dW, accumulate)
namespace Cinnabar.Numerics.Kernels;

/// <summary>How operands enter a matrix product; the sum is always kept in F32.</summary>
public enum MatMulPrecision
{
    /// <summary>Operands as they are.</summary>
    F32,

    /// <summary>Each operand is rounded to BF16 first (the product of two BF16 numbers is exact in F32).</summary>
    BF16,

    /// <summary>
    /// Each row of A and column of B becomes integer multiples of its largest magnitude / 2047, per block of at most 512 values of K:
    /// about 2.6 times as exact as BF16 on normally distributed operands, less exact where a block has few outliers (PanelScales).
    /// </summary>
    Int16,

    /// <summary>
    /// The same with 127 and blocks of at most 2048: for inference. Weights that are Int8 or Int4 already keep their own scales; where
    /// these change along K, their groups are the blocks. Weights in the blocks of a file become Int8 with one scale a row.
    /// </summary>
    Int8,
}

/// <summary>The right-hand side of a product, rearranged once for repeated use by the <see cref="IMatMul"/> that made it.</summary>
public abstract class PackedMatrix
{
    /// <summary>Rows of the matrix as it was given: K.</summary>
    public int Rows { get; internal set; }

    /// <summary>Columns of the matrix as it was given: N.</summary>
    public int Columns { get; internal set; }

    /// <summary>Bytes of the rearranged elements and their scales.</summary>
    public abstract long Bytes { get; }
}

/// <summary>Matrix product.</summary>
public interface IMatMul
{
    /// <summary>
    /// The rounding at which products are fastest here: BF16, or Int16 on processors that multiply pairs of integers but not of BF16.
    /// </summary>
    MatMulPrecision Fastest { get; }

    /// <summary>
    /// C = A·B, or C += A·B with <paramref name="accumulate"/>. The sum over K has one order whatever the number of threads.
    /// </summary>
    /// <param name="a">[M, K], F32 or BF16, any of the two orders.</param>
    /// <param name="b">[K, N], F32 or BF16, any of the two orders.</param>
    /// <param name="c">[M, N], F32, ColumnStride 1, overlapping neither operand.</param>
    /// <param name="accumulate">Adds to what <paramref name="c"/> holds.</param>
    /// <param name="precision">How operands are rounded.</param>
    void Multiply(in Matrix a, in Matrix b, in Matrix c, bool accumulate, MatMulPrecision precision);

    /// <summary>
    /// Rearranges <paramref name="b"/> [K, N] for <see cref="Multiply(in Matrix, PackedMatrix, in Matrix, bool)"/>; a copy, so later
    /// changes of b are not seen. Of weights in blocks nothing is copied: they stay what and where they are.
    /// </summary>
    /// <param name="b">[K, N] of any type; F32 and BF16 in any of the two orders, others as Wᵀ.</param>
    /// <param name="precision">How it is rounded.</param>
    /// <param name="packed">Null, or a matrix packed before whose memory is used again.</param>
    void Pack(in Matrix b, MatMulPrecision precision, ref PackedMatrix? packed);

    /// <summary>C (+)= A·B with a right-hand side packed before, at the precision it was packed with.</summary>
    void Multiply(in Matrix a, PackedMatrix b, in Matrix c, bool accumulate);

    /// <summary>C_i = A·B_i: the same as one after the other, but A is rearranged once where that pays.</summary>
    /// <param name="a">[M, K].</param>
    /// <param name="b">Right-hand sides packed before, each [K, N_i].</param>
    /// <param name="c">One [M, N_i] for each.</param>
    void Multiply(in Matrix a, ReadOnlySpan<PackedMatrix> b, ReadOnlySpan<Matrix> c)
    {
        for (int i = 0; i < b.Length; i++)
        {
            Multiply(a, b[i], c[i], accumulate: false);
        }
    }

    /// <summary>C_i (+)= A·B_i with an A that is computed while it is packed; the same bits as with its rows in memory.</summary>
    /// <param name="a">[M, K].</param>
    /// <param name="b">Right-hand sides packed before, each [K, N_i].</param>
    /// <param name="c">One [M, N_i] for each, overlapping nothing that the rows are computed from.</param>
    /// <param name="accumulate">Adds to what they hold.</param>
    unsafe void Multiply(RowSource a, ReadOnlySpan<PackedMatrix> b, ReadOnlySpan<Matrix> c, bool accumulate)
    {
        Tensor rows = Tensor.Zeros(a.Rows, a.Columns);
        for (int row = 0; row < a.Rows; row++)
        {
            a.Write(row, 0, a.Columns, rows.FloatPointer + ((nint)row * a.Columns));
        }

        for (int i = 0; i < b.Length; i++)
        {
            Multiply(rows.AsMatrix(), b[i], c[i], accumulate);
        }
    }
}
