// Row lookup: Y[i, :] = E[ids[i], :]. Backward: dE[ids[i], :] += dY[i, :].
// Serves the token embedding (E = table) and the choice of rows before the language-model head (E = hidden states).
namespace Cinnabar.Numerics.Kernels;

/// <summary>Row lookup and its gradient.</summary>
public interface IEmbedding
{
    /// <summary>Y[i, :] = E[ids[i], :].</summary>
    /// <param name="table">E: [V, C], F32 or BF16.</param>
    /// <param name="ids">Row numbers, each in 0 … V − 1.</param>
    /// <param name="y">[ids.Length, C].</param>
    void Forward(Tensor table, int[] ids, Tensor y);

    /// <summary>dE[ids[i], :] += dY[i, :]; repeated ids add up in order of i.</summary>
    void Backward(Tensor dY, int[] ids, Tensor dTable);
}
