// Gated linear unit with SiLU (Shazeer 2020, "GLU variants improve transformer"):
//   σ = 1/(1 + e^−g),  y = g·σ·u          g (gate), u (up), y: [T, F]
// Backward:  du += dY·g·σ,   dg += dY·u·σ·(1 + g·(1 − σ))
namespace Cinnabar.Numerics.Kernels;

/// <summary>y = silu(gate) ∘ up.</summary>
public interface ISwiGlu
{
    /// <summary>y = silu(gate) ∘ up, elementwise.</summary>
    void Forward(Tensor gate, Tensor up, Tensor y);

    /// <summary>dGate += …, dUp += ….</summary>
    void Backward(Tensor dY, Tensor gate, Tensor up, Tensor dGate, Tensor dUp);
}
