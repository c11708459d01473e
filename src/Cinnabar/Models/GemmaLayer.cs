// One layer of DiffusionGemma; norm_x is the weight of that name, and a norm without weight has ones:
//
//   a = attention(RMSNorm(h; input));  h += RMSNorm(a; post_attention)
//   d = RMSNorm(FFN(RMSNorm(h; pre_feedforward)); post_feedforward_1)          dense
//   m = RMSNorm(experts(h); post_feedforward_2)                                GemmaExperts
//   h = (h + RMSNorm(d + m; post_feedforward)) · layer_scalar                  one for known text, one for the canvas
//
//   q, k, v = Wq·x, Wk·x, Wv·x; in full layers v = Wk·x.  q, k normalised head by head, then rotated; v normalised without weight
//   scores q·k without the factor 1/√D, which the norm's weight of q makes up for
//
// Source: huggingface/transformers, models/diffusion_gemma (modular).
using Cinnabar.Checkpoints;
using Cinnabar.Numerics;
using Cinnabar.Numerics.Autograd;
using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Models;

/// <summary>Attention, a dense feed-forward layer and experts beside it, each between two norms.</summary>
internal sealed class GemmaLayer
{
    private readonly float _epsilon;
    private readonly Parameter _inputNorm;
    private readonly Parameter[] _projections; // q, k and, in sliding layers, v
    private readonly Parameter _queryNorm; // · √D
    private readonly Parameter _keyNorm;
    private readonly Parameter _valueNorm;
    private readonly Parameter _attentionOut;
    private readonly Parameter _postAttentionNorm;
    private readonly Parameter _feedForwardNorm;
    private readonly GemmaFeedForward _feedForward;
    private readonly Parameter _postDenseNorm;
    private readonly GemmaExperts _experts;
    private readonly Parameter _postExpertsNorm;
    private readonly Parameter _postFeedForwardNorm;
    private readonly float _textScalar;
    private readonly float _canvasScalar;

    /// <summary>Takes the weights of layer <paramref name="layer"/> from all weights by name.</summary>
    public GemmaLayer(ModelConfig config, Dictionary<string, Parameter> parameters, int layer)
    {
        Parameter Of(string rest) => parameters[GemmaWeightNames.OfLayer(layer, rest)];
        int headSize = config.Gemma!.HeadSizeOf(layer, config);
        IsSliding = config.Gemma.SlidingLayers[layer];
        _epsilon = (float)config.RmsNormEps;
        _inputNorm = Of("input_layernorm.weight");
        string[] projections = IsSliding ? ["q_proj", "k_proj", "v_proj"] : ["q_proj", "k_proj"];
        _projections = Array.ConvertAll(projections, name => Of($"self_attn.{name}.weight"));
        _queryNorm = Of("self_attn.q_norm.weight");
        _keyNorm = Of("self_attn.k_norm.weight");
        _valueNorm = Ones(headSize);
        _attentionOut = Of("self_attn.o_proj.weight");
        _postAttentionNorm = Of("post_attention_layernorm.weight");
        _feedForwardNorm = Of("pre_feedforward_layernorm.weight");
        _feedForward = new GemmaFeedForward(Of("mlp.gate_proj.weight"), Of("mlp.up_proj.weight"), Of("mlp.down_proj.weight"));
        _postDenseNorm = Of("post_feedforward_layernorm_1.weight");
        _experts = new GemmaExperts(config, parameters, layer);
        _postExpertsNorm = Of("post_feedforward_layernorm_2.weight");
        _postFeedForwardNorm = Of("post_feedforward_layernorm.weight");
        _canvasScalar = Of("layer_scalar").Value.Floats[0];
        _textScalar = parameters[GemmaWeightNames.EncoderScalarOf(layer)].Value.Floats[0];
    }

    /// <summary>Whether its attention is limited to the window.</summary>
    public bool IsSliding { get; }

    /// <summary>The weight of a norm without one.</summary>
    public static Parameter Ones(int size)
    {
        Tensor ones = Tensor.Zeros(size);
        ones.Floats.Fill(1);
        return new Parameter("ones", ones);
    }

    /// <summary>The layer on some rows.</summary>
    /// <param name="tape">Where it runs; not recording.</param>
    /// <param name="h">[T, C], changed in place.</param>
    /// <param name="positions">[T], where the rows stand in the text.</param>
    /// <param name="angles">Of the layer's kind.</param>
    /// <param name="memory">Of the layer; receives the rows' keys and values behind those of the known text.</param>
    /// <param name="shape">Of the attention to all that <paramref name="memory"/> then holds.</param>
    /// <param name="isText">Whether the rows are known text, or else the canvas.</param>
    public Variable Forward(
        Tape tape,
        Variable h,
        ReadOnlySpan<int> positions,
        RotaryAngles angles,
        GemmaMemory memory,
        AttentionShape shape,
        bool isText)
    {
        int mark = tape.Mark();
        Variable attended = tape.Linear(Attend(tape, h, positions, angles, memory, shape), _attentionOut);
        h = tape.Add(h, tape.RmsNorm(attended, _postAttentionNorm, _epsilon));
        tape.ReleaseSince(mark);

        Variable dense = tape.RmsNorm(_feedForward.Forward(tape, h, _feedForwardNorm, _epsilon), _postDenseNorm, _epsilon);
        Variable routed = tape.RmsNorm(_experts.Forward(tape, h), _postExpertsNorm, _epsilon);
        h = tape.Add(h, tape.RmsNorm(tape.Add(dense, routed), _postFeedForwardNorm, _epsilon));
        tape.ReleaseSince(mark);
        return tape.Scale(h, isText ? _textScalar : _canvasScalar);
    }

    private Variable Attend(
        Tape tape, Variable h, ReadOnlySpan<int> positions, RotaryAngles angles, GemmaMemory memory, AttentionShape shape)
    {
        ReadOnlySpan<Variable> projected = tape.RmsNormLinear(h, _inputNorm, _epsilon, _projections);
        (Variable rawQuery, Variable rawKey, Variable rawValue) = (projected[0], projected[1], projected[^1]);
        Variable q = tape.RmsNorm(rawQuery, _queryNorm, _epsilon);
        Variable k = tape.RmsNorm(rawKey, _keyNorm, _epsilon);
        Variable v = tape.RmsNorm(rawValue, _valueNorm, _epsilon);
        q = tape.Rotary(q, angles, angles.Positions, positions);
        k = tape.Rotary(k, angles, angles.Positions, positions);
        (k, v) = memory.Put(k.Value, v.Value);
        return tape.Attention(q, k, v, shape);
    }
}
