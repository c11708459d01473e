using Cinnabar.Numerics.Autograd;

namespace Cinnabar.Models;

/// <summary>A gated feed-forward layer (SwiGLU): (silu(x·Wgateᵀ) ∘ x·Wupᵀ)·Wdownᵀ.</summary>
/// <param name="gate">[F, C].</param>
/// <param name="up">[F, C].</param>
/// <param name="down">[C, F].</param>
internal sealed class FeedForward(Parameter gate, Parameter up, Parameter down)
{
    private readonly Parameter[] _gateUp = [gate, up];

    /// <summary>[T, C] → [T, C].</summary>
    public Variable Forward(Tape tape, Variable x)
    {
        ReadOnlySpan<Variable> gateUp = tape.Linear(x, _gateUp);
        return tape.Linear(tape.SwiGlu(gateUp[0], gateUp[1]), down);
    }
}
