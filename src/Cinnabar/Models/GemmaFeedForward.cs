using Cinnabar.Numerics.Autograd;

namespace Cinnabar.Models;

/// <summary>
/// The gated feed-forward layer of DiffusionGemma: (gelu(x·Wgateᵀ) ∘ x·Wupᵀ)·Wdownᵀ, GELU in its tanh form; at inference only.
/// </summary>
/// <param name="gate">[F, C].</param>
/// <param name="up">[F, C].</param>
/// <param name="down">[C, F].</param>
internal sealed class GemmaFeedForward(Parameter gate, Parameter up, Parameter down)
{
    private readonly Parameter[] _gateUp = [gate, up];

    /// <summary>The layer on x [T, C].</summary>
    public Variable Forward(Tape tape, Variable x) => Down(tape, tape.Linear(x, _gateUp));

    /// <summary>The layer on RMSNorm(h) [T, C].</summary>
    public Variable Forward(Tape tape, Variable h, Parameter norm, float epsilon) =>
        Down(tape, tape.RmsNormLinear(h, norm, epsilon, _gateUp));

    private Variable Down(Tape tape, ReadOnlySpan<Variable> gateUp) => tape.Linear(tape.GeGlu(gateUp[0], gateUp[1]), down);
}
