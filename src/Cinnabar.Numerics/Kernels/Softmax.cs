// Row-wise softmax in place: p[r, v] = exp(z[r, v] − max) / Σ exp(…). What a sampler reads confidences from; it has no
// backward form because training goes through CrossEntropy.
namespace Cinnabar.Numerics.Kernels;

/// <summary>Row-wise softmax.</summary>
public interface ISoftmax
{
    /// <summary>Replaces each row of <paramref name="x"/> [R, V] by its softmax; −∞ entries become 0.</summary>
    void Forward(Tensor x);
}
