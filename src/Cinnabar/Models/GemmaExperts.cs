// The experts of a DiffusionGemma layer. Unlike ExpertLayer the router sees the residual stream under a norm of its own, and each expert's
// output has a factor:
//
//   p = softmax(Wrouter·RMSNorm(h; scale/√C))  over all E;  the k largest, divided by their sum, times per_expert_scale
//   y = Σ over the chosen e of w_e · FFN_e(RMSNorm(h; pre_feedforward_layernorm_2))
using Cinnabar.Checkpoints;
using Cinnabar.Numerics.Autograd;

namespace Cinnabar.Models;

/// <summary>Feed-forward layers of which each row takes a few.</summary>
internal sealed class GemmaExperts
{
    private readonly float _epsilon;
    private readonly Parameter _routerNorm; // scale/√C
    private readonly Parameter _router;
    private readonly Parameter _norm;
    private readonly float[] _scales;
    private readonly GemmaFeedForward[] _experts;
    private readonly ExpertRouter _routes;

    /// <summary>Takes the weights of layer <paramref name="layer"/> from all weights by name.</summary>
    public GemmaExperts(ModelConfig config, Dictionary<string, Parameter> parameters, int layer)
    {
        Parameter Of(string rest) => parameters[GemmaWeightNames.OfLayer(layer, rest)];
        Parameter OfExpert(int expert, string part) => parameters[GemmaWeightNames.OfExpert(layer, expert, part)];
        _epsilon = (float)config.RmsNormEps;
        _routerNorm = Of("router.scale");
        _router = Of("router.proj.weight");
        _norm = Of("pre_feedforward_layernorm_2.weight");
        _scales = Of("router.per_expert_scale").Value.Floats.ToArray();
        _routes = new ExpertRouter(config.Experts!);
        _experts =
        [
            .. Enumerable.Range(0, config.Experts!.Count).Select(
                e => new GemmaFeedForward(OfExpert(e, "gate_proj"), OfExpert(e, "up_proj"), OfExpert(e, "down_proj"))),
        ];
    }

    /// <summary>What the experts make of h [T, C].</summary>
    public Variable Forward(Tape tape, Variable h)
    {
        Variable y = tape.Zeros(h.Value.Rows, h.Value.Columns);
        int mark = tape.Mark();
        _routes.Choose(tape.RmsNormLinear(h, _routerNorm, _epsilon, _router)[0].Value, selectionBias: null);
        Variable x = tape.RmsNorm(h, _norm, _epsilon);
        for (int e = 0; e < _experts.Length; e++)
        {
            ReadOnlySpan<int> rows = _routes.RowsOf(e);
            if (rows.Length > 0)
            {
                int inner = tape.Mark();
                Variable output = _experts[e].Forward(tape, tape.SelectRows(x, rows));
                tape.AddScaledRows(tape.Scale(output, _scales[e]), rows, _routes.WeightsOf(e), y);
                tape.ReleaseSince(inner);
            }
        }

        tape.ReleaseSince(mark);
        return y;
    }
}
