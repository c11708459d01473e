// A layer of experts: h += Σ over the chosen experts e of w_e · FFN_e(m)  (+ FFN_shared(m)).
//
// The products are grouped by expert: each expert is given the rows that chose it, as one matrix, so the cost grows with the experts that
// are active and not with all of them. Experts are taken in order of their number, so a row sums its experts in one order.
using Cinnabar.Checkpoints;
using Cinnabar.Numerics.Autograd;

namespace Cinnabar.Models;

/// <summary>Feed-forward layers of which each row takes a few; at inference only.</summary>
internal sealed class ExpertLayer
{
    private readonly Parameter _router;
    private readonly Parameter? _selectionBias;
    private readonly FeedForward[] _experts;
    private readonly FeedForward? _shared;
    private readonly ExpertRouter _routes;

    /// <summary>Takes the weights of block <paramref name="block"/> from all weights by name.</summary>
    public ExpertLayer(ExpertConfig config, Dictionary<string, Parameter> parameters, int block)
    {
        _router = parameters[LladaWeightNames.OfBlock(block, "router")];
        _selectionBias = config.HasSelectionBias ? parameters[LladaWeightNames.OfBlock(block, "router_bias")] : null;
        _experts = [.. Enumerable.Range(0, config.Count).Select(e => Of(part => LladaWeightNames.OfExpert(block, e, part)))];
        _shared = config.SharedIntermediateSize is null ? null : Of(part => LladaWeightNames.OfShared(block, part));
        _routes = new ExpertRouter(config);

        FeedForward Of(Func<string, string> nameOf) =>
            new(parameters[nameOf("ff_proj")], parameters[nameOf("up_proj")], parameters[nameOf("ff_out")]);
    }

    /// <summary>Adds what the experts make of <paramref name="m"/> to <paramref name="h"/>.</summary>
    /// <param name="tape">Where it runs; not recording.</param>
    /// <param name="h">[T, C], changed in place.</param>
    /// <param name="m">[T, C], the normalised stream.</param>
    /// <returns>h.</returns>
    public Variable AddTo(Tape tape, Variable h, Variable m)
    {
        _routes.Choose(tape.Linear(m, _router).Value, _selectionBias?.Value);
        for (int e = 0; e < _experts.Length; e++)
        {
            ReadOnlySpan<int> rows = _routes.RowsOf(e);
            if (rows.Length > 0)
            {
                int mark = tape.Mark();
                Variable taken = tape.SelectRows(m, rows);
                tape.AddScaledRows(_experts[e].Forward(tape, taken), rows, _routes.WeightsOf(e), h);
                tape.ReleaseSince(mark);
            }
        }

        return _shared is null ? h : _shared.AddTo(tape, h, m);
    }
}
