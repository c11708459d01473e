// The operations of a transformer whose norms depend on the noise level. They are for inference: nothing here has a gradient. The tensors
// that modulate are the caller's, one row for all rows of x, and are read while the operation runs.
using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Numerics.Autograd;

public sealed partial class Tape
{
    private RowSource? _layerNormedRows;
    private RowSource? _activatedRows;

    /// <summary>y_i = LayerNorm(x)·W_iᵀ; the normalised rows become operands of the products at once. At inference only.</summary>
    /// <param name="x">[T, in].</param>
    /// <param name="weight">Of the norm [in].</param>
    /// <param name="bias">Of the norm [in].</param>
    /// <param name="epsilon">ε inside the root.</param>
    /// <param name="weights">Of the products, each [out_i, in].</param>
    /// <returns>One [T, out_i] for each; valid until the next group of products.</returns>
    /// <exception cref="NotSupportedException">The tape records.</exception>
    public ReadOnlySpan<Variable> LayerNormLinear(
        Variable x, Tensor weight, Tensor bias, float epsilon, params ReadOnlySpan<Parameter> weights)
    {
        RefuseRecording();
        return Linear(Kernels.LayerNorm.AsRows(x.Value, weight, bias, epsilon, ref _layerNormedRows), weights);
    }

    /// <summary>y = gelu_tanh(x + bias)·Wᵀ, likewise.</summary>
    /// <exception cref="NotSupportedException">The tape records.</exception>
    public Variable GeluLinear(Variable x, Parameter bias, Parameter weight)
    {
        RefuseRecording();
        return Linear(Kernels.Gelu.AsRows(x.Value, bias.Value, ref _activatedRows), new ReadOnlySpan<Parameter>(in weight))[0];
    }

    /// <summary>stream + gate ∘ (branch + bias), in place in <paramref name="stream"/>; at inference only.</summary>
    /// <param name="stream">[T, C].</param>
    /// <param name="branch">[T, C].</param>
    /// <param name="bias">[C]; null: zeros.</param>
    /// <param name="gate">[C].</param>
    /// <returns>The stream.</returns>
    /// <exception cref="NotSupportedException">The tape records.</exception>
    public Variable GatedAdd(Variable stream, Variable branch, Parameter? bias, Tensor gate)
    {
        RefuseRecording();
        Kernels.GatedAdd.Forward(branch.Value, bias?.Value, gate, stream.Value);
        return stream;
    }

    private void RefuseRecording()
    {
        if (Recording)
        {
            throw new NotSupportedException("Adaptive norms have no gradient yet: diffusion transformers that have them can only be run.");
        }
    }
}
