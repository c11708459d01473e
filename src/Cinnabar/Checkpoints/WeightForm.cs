// In which form the matrices of a checkpoint are held for inference:
//
//              F32     F16     BF16    own Int8 and Int4   GGUF blocks
//   AsStored   BF16    F32 *   BF16    as it is            as they are                  * BF16 where F32 fits into no tensor
//   BF16       BF16    BF16    BF16    BF16                BF16
//   Int8       Int8, one scale a row, everywhere
//   Int4       Int4, groups of 32      as it is            Q4_0 and Q8_0 as they are, others Int4 in groups of 32    (tables: Int8)
//   Exact      F32 of every value, and products of F32 operands
//
// Blocks enter products as Int8 with one scale a row: the engine's fastest form, 2.5 times as fast as one with scales for groups of 32,
// which have to be multiplied in at every group. Q8_0 becomes that when it is packed, which takes no more memory; the others stay in the
// memory of the file and become Int8 in cache (Cinnabar.Numerics: BlockType, PanelOfBlocks).
//
// The F32 that F16 becomes is packed for products of 12-bit integers, which keep more of it than BF16 would in the same space.
//
// Norms, biases, the router and what makes norms of the noise level are never rounded. Int8 and Int4 need rows of a multiple of 4 or
// 32; others become BF16.
using Cinnabar.Numerics;

namespace Cinnabar.Checkpoints;

/// <summary>The form of matrices in memory.</summary>
public enum WeightForm
{
    /// <summary>The engine's form that is nearest to the file's.</summary>
    AsStored,

    /// <summary>Two bytes a weight.</summary>
    BF16,

    /// <summary>One byte a weight, a scale for each row.</summary>
    Int8,

    /// <summary>Half a byte a weight, a scale for 32 columns.</summary>
    Int4,

    /// <summary>The exact values, computed with in F32: slow, for comparing with other programs.</summary>
    Exact,
}

/// <summary>What a file holds, where the engine has no element type for it.</summary>
internal enum StoredForm
{
    /// <summary>A type that the engine has.</summary>
    Own,

    /// <summary>Floating-point numbers of 16 bits with 11 bits of precision.</summary>
    F16,
}

/// <summary>Brings tensors into a form.</summary>
internal static class WeightForms
{
    private const int Group = 32;
    private const int Quad = 4; // products take so many values of k at once

    /// <summary>The tensor in the form asked for; itself where it is already.</summary>
    /// <param name="tensor">As the file holds it, or its exact values in F32.</param>
    /// <param name="weight">What it is.</param>
    /// <param name="form">The form.</param>
    /// <param name="stored">What the file holds.</param>
    public static Tensor Apply(Tensor tensor, NetworkWeight weight, WeightForm form, StoredForm stored)
    {
        if (!weight.MayRound)
        {
            return tensor;
        }

        if (form == WeightForm.Exact)
        {
            RequireRoom(tensor, weight);
            return tensor.Type == DType.F32 ? tensor : tensor.To(DType.F32);
        }

        bool isTable = weight.Part is "wte" or "head";
        return form switch
        {
            WeightForm.AsStored when tensor.Type.IsInteger() || tensor.Type.IsBlocks() || stored == StoredForm.F16 => tensor,
            WeightForm.Int8 when tensor.Columns % Quad == 0 => InRows(tensor),
            WeightForm.Int4 when tensor.Type.IsInteger() || tensor.Type is DType.Q4_0 or DType.Q8_0 => tensor,
            WeightForm.Int4 when !isTable && tensor.Columns % Group == 0 => tensor.Quantize(DType.Int4, Group),
            WeightForm.Int4 when tensor.Columns % Quad == 0 => InRows(tensor),
            _ => Rounded(tensor),
        };
    }

    /// <summary>The tensor as BF16. Integers and blocks go piece by piece: the F32 of a large table would fit into no tensor.</summary>
    /// <param name="tensor">Of any type.</param>
    /// <param name="pieceValues">Values of a piece, whole rows at least.</param>
    internal static Tensor Rounded(Tensor tensor, int pieceValues = 1 << 22)
    {
        if (tensor.Type is DType.BF16 or DType.F32)
        {
            return tensor.Type == DType.BF16 ? tensor : tensor.To(DType.BF16);
        }

        Tensor result = Tensor.Zeros(DType.BF16, tensor.Shape);
        int most = Math.Max(1, pieceValues / tensor.Columns);
        for (int first = 0; first < tensor.Rows; first += most)
        {
            int[] rows = [.. Enumerable.Range(first, Math.Min(most, tensor.Rows - first))];
            Tensor piece = tensor.SelectRows(rows).To(DType.BF16);
            piece.BFloat16Bits.CopyTo(result.BFloat16Bits[(first * tensor.Columns)..]);
            GC.KeepAlive(piece); // a span does not
        }

        return result;
    }

    private static void RequireRoom(Tensor tensor, NetworkWeight weight)
    {
        if (!TensorRoom.Holds(DType.F32, [tensor.Count]))
        {
            throw new CinnabarException(
                $"{ErrorText.Quote(weight.Name)}: expected at most {TensorRoom.MostBytes} bytes of F32 in one tensor in memory, "
                + $"found {tensor}.",
                "Its exact values do not fit, in two bytes a weight it does: load the model with --weights bf16.");
        }
    }

    // One scale a row: products with groups have to scale their sums at every group, which takes longer than the sums.
    private static Tensor InRows(Tensor tensor) =>
        tensor.Type == DType.Int8 && tensor.GroupSize == tensor.Columns ? tensor : tensor.Quantize(DType.Int8, tensor.Columns);
}
