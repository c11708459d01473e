// One block of the transformer:
//
//   a = RMSNorm(h);  q, k, v = a·Wqᵀ, a·Wkᵀ, a·Wvᵀ  (+ biases: Dream)      q: [T, H·D];  k, v: [T, G·D]
//   q, k normalised head by head (Qwen3, LLaDA-MoE, LLaDA2), then rotated
//   h += attention(q, k, v)·Woᵀ
//   m = RMSNorm(h);  h += (silu(m·Wgateᵀ) ∘ m·Wupᵀ)·Wdownᵀ, or the experts of ExpertLayer
using Cinnabar.Checkpoints;
using Cinnabar.Numerics.Autograd;
using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Models;

/// <summary>Attention and feed-forward layer, each after a norm and beside the residual stream.</summary>
internal sealed class TransformerBlock
{
    private static readonly string[] s_projections = ["q_proj", "k_proj", "v_proj"];

    private readonly int _index;
    private readonly float _epsilon;
    private readonly Parameter _attentionNorm;
    private readonly Parameter[] _queryKeyValue;
    private readonly Parameter[] _biases;
    private readonly Parameter? _queryNorm;
    private readonly Parameter? _keyNorm;
    private readonly Parameter _attentionOut;
    private readonly Parameter _feedForwardNorm;
    private readonly FeedForward? _feedForward;
    private readonly ExpertLayer? _experts;

    /// <summary>Takes the weights of block <paramref name="index"/> from all weights by name.</summary>
    public TransformerBlock(ModelConfig config, Dictionary<string, Parameter> parameters, int index)
    {
        Parameter Of(string part) => parameters[LladaWeightNames.OfBlock(index, part)];
        _index = index;
        _epsilon = (float)config.RmsNormEps;
        _attentionNorm = Of("attn_norm");
        _queryKeyValue = Array.ConvertAll(s_projections, Of);
        _biases = config.QueryKeyValueBias
            ? Array.ConvertAll(s_projections, part => parameters[LladaWeightNames.BiasOf(index, part)])
            : [];
        _queryNorm = config.QueryKeyNorm ? Of("q_norm") : null;
        _keyNorm = config.QueryKeyNorm ? Of("k_norm") : null;
        _attentionOut = Of("attn_out");
        _feedForwardNorm = Of("ff_norm");
        if (config.HasExperts(index))
        {
            _experts = new ExpertLayer(config.Experts!, parameters, index);
        }
        else
        {
            _feedForward = new FeedForward(Of("ff_proj"), Of("up_proj"), Of("ff_out"));
        }
    }

    /// <summary>The block on the rows of a pass.</summary>
    /// <param name="tape">Where it runs.</param>
    /// <param name="h">[T, C].</param>
    /// <param name="shape">Of the attention of whole sequences; unused with <paramref name="pass"/>.</param>
    /// <param name="angles">Of all positions; null: nothing is rotated.</param>
    /// <param name="length">Positions of one sequence, or of the longest.</param>
    /// <param name="pass">At inference: what the rows are; null: whole sequences.</param>
    /// <returns>[T, C].</returns>
    public Variable Forward(Tape tape, Variable h, AttentionShape shape, RotaryAngles? angles, int length, PassRows? pass)
    {
        (Variable q, Variable k, Variable v) = Projected(tape, h);
        q = _queryNorm is null ? q : tape.RmsNorm(q, _queryNorm, _epsilon);
        k = _keyNorm is null ? k : tape.RmsNorm(k, _keyNorm, _epsilon);
        if (pass is null && angles is not null)
        {
            q = tape.Rotary(q, angles, length, positions: default);
            k = tape.Rotary(k, angles, length, positions: default);
        }

        Variable attended = pass is null ? tape.Attention(q, k, v, shape) : pass.Attend(tape, _index, q, k, v, angles);
        h = tape.AddLinear(h, attended, _attentionOut);
        return _experts is null
            ? _feedForward!.AddTo(tape, h, _feedForwardNorm, _epsilon)
            : _experts.AddTo(tape, h, tape.RmsNorm(h, _feedForwardNorm, _epsilon));
    }

    private (Variable Query, Variable Key, Variable Value) Projected(Tape tape, Variable h)
    {
        ReadOnlySpan<Variable> projected = tape.RmsNormLinear(h, _attentionNorm, _epsilon, _queryKeyValue);
        (Variable q, Variable k, Variable v) = (projected[0], projected[1], projected[2]);
        return _biases.Length == 0
            ? (q, k, v)
            : (tape.AddBias(q, _biases[0]), tape.AddBias(k, _biases[1]), tape.AddBias(v, _biases[2]));
    }
}
