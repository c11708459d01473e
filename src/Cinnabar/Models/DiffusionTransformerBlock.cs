// One block of the diffusion transformer:
//
//   a = LN(h)∘(1 + scale1) + shift1;  q, k, v = a·Wqᵀ, a·Wkᵀ, a·Wvᵀ, q and k rotated           each [T, C]
//   h += gate1 ∘ (attention(q, k, v)·Woᵀ)
//   m = LN(h)∘(1 + scale2) + shift2;  h += gate2 ∘ (gelu(m·Wupᵀ + bup)·Wdownᵀ + bdown)
using Cinnabar.Checkpoints;
using Cinnabar.Numerics.Autograd;
using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Models;

/// <summary>Attention and feed-forward layer, each after an adaptive norm and beside the residual stream; at inference only.</summary>
internal sealed class DiffusionTransformerBlock
{
    private static readonly string[] s_projections = ["q_proj", "k_proj", "v_proj"];

    private readonly int _index;
    private readonly float _epsilon;
    private readonly AdaptiveNorm _attentionNorm;
    private readonly Parameter[] _queryKeyValue;
    private readonly Parameter _attentionOut;
    private readonly AdaptiveNorm _feedForwardNorm;
    private readonly Parameter _up;
    private readonly Parameter _upBias;
    private readonly Parameter _down;
    private readonly Parameter _downBias;

    /// <summary>Takes the weights of block <paramref name="index"/> from all weights by name.</summary>
    /// <param name="config">Sizes.</param>
    /// <param name="parameters">All weights.</param>
    /// <param name="index">Number of the block.</param>
    /// <param name="noise">Receives the norms of the block; null: they are not adaptive.</param>
    public DiffusionTransformerBlock(ModelConfig config, Dictionary<string, Parameter> parameters, int index, NoiseModulation? noise)
    {
        Parameter Of(string part) => parameters[LladaWeightNames.OfBlock(index, part)];
        Parameter BiasOf(string part) => parameters[LladaWeightNames.BiasOf(index, part)];
        _index = index;
        _epsilon = (float)config.RmsNormEps;
        _attentionNorm = new AdaptiveNorm(Of("attn_norm"), hasGate: true);
        _queryKeyValue = Array.ConvertAll(s_projections, Of);
        _attentionOut = Of("attn_out");
        _feedForwardNorm = new AdaptiveNorm(Of("ff_norm"), hasGate: true);
        (_up, _upBias) = (Of("up_proj"), BiasOf("up_proj"));
        (_down, _downBias) = (Of("ff_out"), BiasOf("ff_out"));
        noise?.Add(Of("modulation"), BiasOf("modulation"), _attentionNorm, _feedForwardNorm);
    }

    /// <summary>The block on the rows of a pass.</summary>
    /// <param name="tape">Where it runs.</param>
    /// <param name="h">[T, C].</param>
    /// <param name="angles">Of all positions.</param>
    /// <param name="pass">What the rows are.</param>
    /// <returns>[T, C].</returns>
    public Variable Forward(Tape tape, Variable h, RotaryAngles angles, PassRows pass)
    {
        ReadOnlySpan<Variable> projected =
            tape.LayerNormLinear(h, _attentionNorm.Weight, _attentionNorm.Shift, _epsilon, _queryKeyValue);
        (Variable q, Variable k, Variable v) = (projected[0], projected[1], projected[2]);
        Variable attended = tape.Linear(pass.Attend(tape, _index, q, k, v, angles), _attentionOut);
        h = tape.GatedAdd(h, attended, bias: null, _attentionNorm.Gate);
        Variable up = tape.LayerNormLinear(h, _feedForwardNorm.Weight, _feedForwardNorm.Shift, _epsilon, _up)[0];
        return tape.GatedAdd(h, tape.GeluLinear(up, _upBias, _down), _downBias, _feedForwardNorm.Gate);
    }
}
