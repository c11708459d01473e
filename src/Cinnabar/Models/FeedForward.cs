using Cinnabar.Numerics.Autograd;

namespace Cinnabar.Models;

/// <summary>A gated feed-forward layer: (silu(x·Wgateᵀ) ∘ x·Wupᵀ)·Wdownᵀ.</summary>
/// <param name="gate">[F, C].</param>
/// <param name="up">[F, C].</param>
/// <param name="down">[C, F].</param>
internal sealed class FeedForward(Parameter gate, Parameter up, Parameter down)
{
    private readonly Parameter[] _gateUp = [gate, up];

    /// <summary>The layer on x [T, C].</summary>
    public Variable Forward(Tape tape, Variable x)
    {
        ReadOnlySpan<Variable> gateUp = tape.Linear(x, _gateUp);
        return tape.SwiGluLinear(gateUp[0], gateUp[1], down);
    }

    /// <summary>h plus the layer on x, without recording in place in <paramref name="h"/>.</summary>
    public Variable AddTo(Tape tape, Variable h, Variable x) => AddDown(tape, h, tape.Linear(x, _gateUp));

    /// <summary>h plus the layer on RMSNorm(h), likewise.</summary>
    public Variable AddTo(Tape tape, Variable h, Parameter norm, float epsilon) =>
        AddDown(tape, h, tape.RmsNormLinear(h, norm, epsilon, _gateUp));

    private Variable AddDown(Tape tape, Variable h, ReadOnlySpan<Variable> gateUp) =>
        tape.AddSwiGluLinear(h, gateUp[0], gateUp[1], down);
}
