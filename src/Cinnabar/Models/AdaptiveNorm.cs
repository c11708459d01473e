// A layer norm without a bias whose result is scaled and shifted by what the noise level makes of it (Peebles & Xie 2023):
//   LN(x)∘w∘(1 + scale) + shift  =  normalised x ∘ (w∘(1 + scale)) + shift
// so an adaptive norm is an ordinary one whose weight and bias are made again for every noise level. The gate is applied to what the
// branch behind the norm adds to the stream. All of them are one row for all rows of a pass.
using Cinnabar.Numerics;
using Cinnabar.Numerics.Autograd;

namespace Cinnabar.Models;

/// <summary>Weight, shift and gate of one norm.</summary>
internal sealed class AdaptiveNorm
{
    private readonly Tensor _own;
    private readonly bool _hasGate;

    /// <summary>A norm that is not modulated yet: its own weight, no shift, a gate of ones.</summary>
    /// <param name="weight">w: [C].</param>
    /// <param name="hasGate">Whether a gate is among what modulates it.</param>
    public AdaptiveNorm(Parameter weight, bool hasGate)
    {
        (_own, _hasGate) = (weight.Value, hasGate);
        int size = _own.Count;
        (Weight, Shift, Gate) = (Tensor.Zeros(size), Tensor.Zeros(size), Tensor.Zeros(size));
        _own.Floats.CopyTo(Weight.Floats);
        Gate.Floats.Fill(1);
    }

    /// <summary>w∘(1 + scale): [C].</summary>
    public Tensor Weight { get; }

    /// <summary>[C].</summary>
    public Tensor Shift { get; }

    /// <summary>[C].</summary>
    public Tensor Gate { get; }

    /// <summary>Numbers that <see cref="Modulate"/> takes: 3·C with a gate, else 2·C.</summary>
    public int Modulations => (_hasGate ? 3 : 2) * _own.Count;

    /// <summary>Sets the noise level.</summary>
    /// <param name="values">Shift, scale and, if it has one, gate.</param>
    public void Modulate(ReadOnlySpan<float> values)
    {
        int size = _own.Count;
        ReadOnlySpan<float> scale = values.Slice(size, size);
        values[..size].CopyTo(Shift.Floats);
        for (int c = 0; c < size; c++)
        {
            Weight.Floats[c] = _own.Floats[c] * (1 + scale[c]);
        }

        if (_hasGate)
        {
            values.Slice(2 * size, size).CopyTo(Gate.Floats);
        }
    }
}
