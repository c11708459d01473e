// Root-mean-square normalisation (Zhang & Sennrich 2019, eq. 4):
//   r = 1 / sqrt(mean_c(x²) + ε),  y = x · r · w        x, y: [T, C], w: [C], r: [T]
// Backward, with g = dY ∘ w:
//   dx = r·g − x · r³/C · Σ_c(g·x)        dw += Σ_t dY · x · r
namespace Cinnabar.Numerics.Kernels;

/// <summary>RMS normalisation over the last dimension.</summary>
public interface IRmsNorm
{
    /// <summary>y = x · r · weight; r is kept for the backward pass.</summary>
    /// <param name="x">[T, C].</param>
    /// <param name="weight">[C], F32.</param>
    /// <param name="epsilon">ε inside the root.</param>
    /// <param name="y">[T, C].</param>
    /// <param name="inverseRms">r: [T].</param>
    void Forward(Tensor x, Tensor weight, float epsilon, Tensor y, Tensor inverseRms);

    /// <summary>dX += …, dWeight += … (both accumulate).</summary>
    void Backward(Tensor dY, Tensor x, Tensor weight, Tensor inverseRms, Tensor dX, Tensor dWeight);
}
