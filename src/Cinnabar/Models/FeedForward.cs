using Cinnabar.Numerics.Autograd;

namespace Cinnabar.Models;

/// <summary>The function of the gate of a feed-forward layer.</summary>
internal enum GateActivation
{
    /// <summary>SwiGLU.</summary>
    Silu,

    /// <summary>GEGLU, in its tanh form; at inference only.</summary>
    Gelu,
}

/// <summary>A gated feed-forward layer: (σ(x·Wgateᵀ) ∘ x·Wupᵀ)·Wdownᵀ.</summary>
/// <param name="gate">[F, C].</param>
/// <param name="up">[F, C].</param>
/// <param name="down">[C, F].</param>
/// <param name="activation">σ.</param>
internal sealed class FeedForward(Parameter gate, Parameter up, Parameter down, GateActivation activation = GateActivation.Silu)
{
    private readonly Parameter[] _gateUp = [gate, up];

    /// <summary>The layer on x [T, C].</summary>
    public Variable Forward(Tape tape, Variable x) => Down(tape, tape.Linear(x, _gateUp));

    /// <summary>The layer on RMSNorm(h) [T, C].</summary>
    public Variable Forward(Tape tape, Variable h, Parameter norm, float epsilon) =>
        Down(tape, tape.RmsNormLinear(h, norm, epsilon, _gateUp));

    /// <summary>h plus the layer on x, without recording in place in <paramref name="h"/>.</summary>
    public Variable AddTo(Tape tape, Variable h, Variable x) => AddDown(tape, h, tape.Linear(x, _gateUp));

    /// <summary>h plus the layer on RMSNorm(h), likewise.</summary>
    public Variable AddTo(Tape tape, Variable h, Parameter norm, float epsilon) =>
        AddDown(tape, h, tape.RmsNormLinear(h, norm, epsilon, _gateUp));

    private Variable Down(Tape tape, ReadOnlySpan<Variable> gateUp) => activation == GateActivation.Silu
        ? tape.SwiGluLinear(gateUp[0], gateUp[1], down)
        : tape.Linear(tape.GeGlu(gateUp[0], gateUp[1]), down);

    private Variable AddDown(Tape tape, Variable h, ReadOnlySpan<Variable> gateUp) => activation == GateActivation.Silu
        ? tape.AddSwiGluLinear(h, gateUp[0], gateUp[1], down)
        : tape.AddLinear(h, tape.GeGlu(gateUp[0], gateUp[1]), down);
}
