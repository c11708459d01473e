// A transformer of LLaDA's and Qwen's kind in float64, from the formulas of the specification, A.1 to A.6 and A.9:
//   h = E[ids]                                                                  [L, C]
//   each block:  a = RMS(h);  q, k, v = Wa (+ b);  q, k = rope(RMS per head(q, k));  h += Wo attention(q, k, v)
//                m = RMS(h);  h += down(silu(gate m) ⊙ up m), or the weighted sum of such experts plus the shared one
//   logits = head RMS(h)                                                        [L, V]
// Position p sees q iff floor(q / block) ≤ floor(p / block), counted from the first token; without blocks it sees all.
// A family that shifts predicts the token at i with row i − 1, and that at 0 with row 0.
using static Cinnabar.Tests.Models.Plain.PlainFormulas;

namespace Cinnabar.Tests.Models.Plain;

internal sealed class PlainTransformer(PlainTransformerShape shape, PlainWeights weights)
{
    private readonly double[] _frequencies = Frequencies(shape.Theta, shape.RotaryDim, shape.RotaryDim / 2);

    /// <summary>Row i predicts the token at i.</summary>
    public double[][] Logits(int[] ids)
    {
        double[][] rows = OwnRows(ids);
        return shape.Shifts ? [rows[0], .. rows[..^1]] : rows;
    }

    /// <summary>Row i is the output of position i.</summary>
    public double[][] OwnRows(int[] ids)
    {
        double[] table = weights[shape.Layout.Embedding];
        double[][] h = [.. ids.Select(id => table[(id * shape.Hidden)..((id + 1) * shape.Hidden)])];
        for (int layer = 0; layer < shape.Layers; layer++)
        {
            double[][] a = Attention(layer, [.. h.Select(row => Norm(row, shape.Name(layer, shape.Layout.AttentionNorm)))]);
            h = [.. h.Select((row, i) => Add(row, a[i]))];
            h = [.. h.Select(row => Add(row, FeedForward(layer, Norm(row, shape.Name(layer, shape.Layout.FeedForwardNorm)))))];
        }

        double[] head = weights[shape.IsTied ? shape.Layout.Embedding : shape.Layout.Head];
        return [.. h.Select(row => Linear(head, Norm(row, shape.Layout.FinalNorm)))];
    }

    private double[] Norm(double[] x, string name) => RmsNorm(x, weights[name], shape.Epsilon);

    private double[][] Attention(int layer, double[][] x)
    {
        int queries = shape.Heads * shape.HeadDim, keys = shape.KeyHeads * shape.HeadDim;
        double[][] q = [.. x.Select(row => Project(layer, "q_proj", 0, queries, row))];
        double[][] k = [.. x.Select(row => Project(layer, "k_proj", queries, keys, row))];
        double[][] v = [.. x.Select(row => Project(layer, "v_proj", queries + keys, keys, row))];
        q = [.. q.Select((row, i) => Turn(layer, row, shape.Heads, shape.Layout.QueryNorm, i))];
        k = [.. k.Select((row, i) => Turn(layer, row, shape.KeyHeads, shape.Layout.KeyNorm, i))];
        double[] output = weights[shape.Name(layer, shape.Layout.Output)];
        return
        [
            .. q.Select((row, i) =>
            {
                int end = shape.BlockSize is int size ? Math.Min(x.Length, ((i / size) + 1) * size) : x.Length;
                return Linear(output, Attend(row, k[..end], v[..end], shape.Heads, shape.KeyHeads, 1 / Math.Sqrt(shape.HeadDim)));
            }),
        ];
    }

    // Rows of the fused matrix from firstRow, or a matrix of its own.
    private double[] Project(int layer, string name, int firstRow, int rows, double[] x)
    {
        if (shape.Layout.FusedQkv is string fused)
        {
            return Linear(weights[shape.Name(layer, fused)], firstRow, rows, x);
        }

        string own = shape.Name(layer, shape.Layout.Attention + name);
        return Linear(weights[own + ".weight"], x, shape.HasQkvBias ? weights[own + ".bias"] : null);
    }

    private double[] Turn(int layer, double[] x, int heads, string norm, int position)
    {
        double[] normed = shape.NormsHeads ? RmsNormHeads(x, heads, weights[shape.Name(layer, norm)], shape.Epsilon) : x;
        return Rotate(normed, heads, shape.RotaryDim / 2, _frequencies, position);
    }

    private double[] FeedForward(int layer, double[] x)
    {
        PlainLayout layout = shape.Layout;
        if (!shape.HasExperts(layer))
        {
            return Gated(x, shape.Name(layer, layout.Gate), shape.Name(layer, layout.Up), shape.Name(layer, layout.Down));
        }

        double[]? bias = shape.Router!.HasBias ? weights[shape.Name(layer, layout.RouterBias)] : null;
        double[] sum = shape.SharedWidth > 0 ? Gated(x, shape.Name(layer, layout.Shared)) : new double[x.Length];
        foreach ((int expert, double weight) in shape.Router.Choose(Linear(weights[shape.Name(layer, layout.Router)], x), bias))
        {
            sum = Add(sum, [.. Gated(x, shape.Expert(layer, expert)).Select(value => weight * value)]);
        }

        return sum;
    }

    private double[] Gated(double[] x, string prefix) =>
        Gated(x, prefix + "gate_proj.weight", prefix + "up_proj.weight", prefix + "down_proj.weight");

    private double[] Gated(double[] x, string gate, string up, string down) =>
        Linear(weights[down], Multiply([.. Linear(weights[gate], x).Select(Silu)], Linear(weights[up], x)));
}
