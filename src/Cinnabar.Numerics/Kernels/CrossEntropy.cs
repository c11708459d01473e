// Softmax cross-entropy over chosen rows:
//   loss[r] = ln Σ_v exp z[r, v] − z[r, target_r]         z (logits): [R, V]
// Backward, scaled per row:  dz[r, v] = scale_r · (softmax(z[r])_v − [v = target_r])
// The maximum of a row is subtracted first, so logits of any finite size are safe. Sums are kept in double.
namespace Cinnabar.Numerics.Kernels;

/// <summary>Softmax cross-entropy of each row against one target.</summary>
public interface ICrossEntropy
{
    /// <summary>Writes the loss of each row in nats.</summary>
    /// <param name="logits">z: [R, V].</param>
    /// <param name="targets">R token ids.</param>
    /// <param name="losses">[R].</param>
    void Forward(Tensor logits, int[] targets, Tensor losses);

    /// <summary>Forward, and replaces <paramref name="logits"/> by their gradient scaled by <paramref name="scales"/>: the logits are read once and no second [R, V] buffer exists.</summary>
    /// <param name="logits">z: [R, V]; on return dz.</param>
    /// <param name="targets">R token ids.</param>
    /// <param name="scales">R factors ∂(total loss)/∂(loss of the row).</param>
    /// <param name="losses">[R], unscaled.</param>
    void ForwardBackward(Tensor logits, int[] targets, float[] scales, Tensor losses);
}
