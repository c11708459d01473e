// DiffusionGemma written down once more, position by position in double, from the specification and from nothing of the library: it reads
// the tensors of the file under their published names. Every key and value is kept; masks are conditions on positions.
using Cinnabar.Numerics;

namespace Cinnabar.Tests.Models.Gemma;

/// <summary>The oracle of the network.</summary>
internal sealed class PlainGemma(Dictionary<string, Tensor> tensors)
{
    private readonly Dictionary<string, double[]> _weights = tensors.ToDictionary(
        pair => pair.Key, pair => Array.ConvertAll(pair.Value.To(DType.F32).Floats.ToArray(), value => (double)value));

    // For each layer and position of known text.
    private readonly List<(double[] Key, double[] Value)>[] _past = [.. TinyGemma.Sliding.Select(_ => new List<(double[], double[])>())];

    private static readonly double s_scale = Math.Sqrt(TinyGemma.Hidden);

    public int Length => _past[0].Count;

    /// <summary>Reads known text, token by token.</summary>
    public void Append(params int[] ids)
    {
        foreach (int id in ids)
        {
            double[][] h = [Embedding(id)];
            int position = Length;
            for (int layer = 0; layer < _past.Length; layer++)
            {
                (double[][] q, List<(double[] Key, double[] Value)> now) = Project(layer, h, position);
                _past[layer].AddRange(now);
                int first = TinyGemma.Sliding[layer] ? Math.Max(0, position - (TinyGemma.Window - 1)) : 0;
                Finish(layer, h, q, _past[layer][first..], "model.encoder.language_model.layers.{0}.layer_scalar");
            }
        }
    }

    /// <summary>Logits of a canvas behind the known text.</summary>
    /// <param name="canvas">Its tokens.</param>
    /// <param name="prediction">P of the pass before, for each slot; null: none.</param>
    public double[][] Logits(int[] canvas, double[][]? prediction)
    {
        double[][] h = [.. canvas.Select((id, slot) => Rms(Sum(Embedding(id), Condition(prediction?[slot])), null))];
        for (int layer = 0; layer < _past.Length; layer++)
        {
            (double[][] q, List<(double[] Key, double[] Value)> now) = Project(layer, h, Length);
            List<(double[] Key, double[] Value)> past = _past[layer];
            int first = TinyGemma.Sliding[layer] ? Math.Max(0, past.Count - (TinyGemma.Window - 1)) : 0;
            Finish(layer, h, q, [.. past[first..], .. now], "model.decoder.layers.{0}.layer_scalar");
        }

        return
        [
            .. h.Select(row => Times("model.decoder.embed_tokens.weight", Rms(row, "model.decoder.norm.weight"), TinyGemma.Vocabulary)
                .Select(logit => TinyGemma.Cap * Math.Tanh(logit / TinyGemma.Cap)).ToArray()),
        ];
    }

    public static double[] Softmax(double[] logits)
    {
        double most = logits.Max();
        double[] e = [.. logits.Select(logit => Math.Exp(logit - most))];
        double sum = e.Sum();
        return [.. e.Select(value => value / sum)];
    }

    private double[] Embedding(int id) =>
        [.. _weights["model.decoder.embed_tokens.weight"].Skip(id * TinyGemma.Hidden).Take(TinyGemma.Hidden).Select(e => e * s_scale)];

    private double[] Condition(double[]? p)
    {
        double[] soft = new double[TinyGemma.Hidden];
        if (p is null)
        {
            return soft;
        }

        for (int id = 0; id < p.Length; id++)
        {
            double[] e = Embedding(id);
            for (int c = 0; c < soft.Length; c++)
            {
                soft[c] += p[id] * e[c];
            }
        }

        const string Name = "model.decoder.self_conditioning.";
        return FeedForward(Rms(soft, Name + "pre_norm.weight"), Name);
    }

    private double[] FeedForward(double[] x, string name)
    {
        double[] gate = Times(name + "gate_proj.weight", x, TinyGemma.Width);
        double[] up = Times(name + "up_proj.weight", x, TinyGemma.Width);
        return Times(name + "down_proj.weight", [.. gate.Zip(up, (g, u) => Gelu(g) * u)], TinyGemma.Hidden);
    }

    private (double[][] Queries, List<(double[] Key, double[] Value)> Now) Project(int layer, double[][] h, int start)
    {
        string name = $"model.decoder.layers.{layer}.";
        int size = TinyGemma.HeadSize(layer);
        List<(double[], double[])> now = [];
        double[][] queries = new double[h.Length][];
        for (int i = 0; i < h.Length; i++)
        {
            double[] x = Rms(h[i], name + "input_layernorm.weight");
            double[] k = Times(name + "self_attn.k_proj.weight", x, TinyGemma.KeyValueHeads(layer) * size);
            double[] v = TinyGemma.Sliding[layer]
                ? Times(name + "self_attn.v_proj.weight", x, TinyGemma.KeyValueHeads(layer) * size)
                : k;
            double[] q = Times(name + "self_attn.q_proj.weight", x, TinyGemma.Heads * size);
            queries[i] = ByHead(q, head => Rotate(Rms(head, name + "self_attn.q_norm.weight"), layer, start + i));
            double[] key = ByHead(k, head => Rotate(Rms(head, name + "self_attn.k_norm.weight"), layer, start + i));
            now.Add((key, ByHead(v, head => Rms(head, null))));
        }

        return (queries, now);

        double[] ByHead(double[] x, Func<double[], double[]> change) => [.. x.Chunk(size).SelectMany(change)];
    }

    // From the queries on; changes h.
    private void Finish(int layer, double[][] h, double[][] queries, List<(double[] Key, double[] Value)> seen, string scalarName)
    {
        string name = $"model.decoder.layers.{layer}.";
        double scalar = _weights[string.Format(null, scalarName, layer)][0];
        for (int i = 0; i < h.Length; i++)
        {
            double[] a = Times(name + "self_attn.o_proj.weight", Attend(layer, queries[i], seen), TinyGemma.Hidden);
            double[] stream = Sum(h[i], Rms(a, name + "post_attention_layernorm.weight"));
            double[] dense = FeedForward(Rms(stream, name + "pre_feedforward_layernorm.weight"), name + "mlp.");
            double[] both = Sum(
                Rms(dense, name + "post_feedforward_layernorm_1.weight"),
                Rms(Route(name, stream), name + "post_feedforward_layernorm_2.weight"));
            stream = Sum(stream, Rms(both, name + "post_feedforward_layernorm.weight"));
            h[i] = [.. stream.Select(value => value * scalar)];
        }
    }

    private static double[] Attend(int layer, double[] q, List<(double[] Key, double[] Value)> seen)
    {
        int size = TinyGemma.HeadSize(layer);
        double[] result = new double[q.Length];
        for (int head = 0; head < TinyGemma.Heads; head++)
        {
            int at = head / (TinyGemma.Heads / TinyGemma.KeyValueHeads(layer)) * size;
            double[] p = Softmax(
                [.. seen.Select(one => Enumerable.Range(0, size).Sum(d => q[(head * size) + d] * one.Key[at + d]))]);
            for (int d = 0; d < size; d++)
            {
                result[(head * size) + d] = seen.Select((one, j) => p[j] * one.Value[at + d]).Sum();
            }
        }

        return result;
    }

    private double[] Route(string name, double[] h)
    {
        double[] r = [.. Rms(h, name + "router.scale").Select(value => value / Math.Sqrt(TinyGemma.Hidden))];
        double[] p = Softmax(Times(name + "router.proj.weight", r, TinyGemma.Experts));
        int[] chosen = [.. Enumerable.Range(0, p.Length).OrderByDescending(e => p[e]).Take(TinyGemma.ActiveExperts)];
        double sum = chosen.Sum(e => p[e]);
        double[] x = Rms(h, name + "pre_feedforward_layernorm_2.weight");
        double[] result = new double[TinyGemma.Hidden];
        foreach (int e in chosen)
        {
            double w = p[e] / sum * _weights[name + "router.per_expert_scale"][e];
            double[] both = Times(name + "experts.gate_up_proj", x, 2 * TinyGemma.ExpertWidth, e);
            double[] inner =
                [.. Enumerable.Range(0, TinyGemma.ExpertWidth).Select(i => Gelu(both[i]) * both[TinyGemma.ExpertWidth + i])];
            double[] output = Times(name + "experts.down_proj", inner, TinyGemma.Hidden, e);
            result = Sum(result, [.. output.Select(value => value * w)]);
        }

        return result;
    }

    // Pairs i and i + D/2; in full layers the second half of the pairs stands still.
    private static double[] Rotate(double[] x, int layer, int position)
    {
        int half = x.Length / 2;
        double[] y = [.. x];
        int rotating = TinyGemma.Sliding[layer] ? half : half / 2;
        for (int i = 0; i < rotating; i++)
        {
            double angle = position * Math.Pow(TinyGemma.Theta(layer), -2.0 * i / x.Length);
            y[i] = (x[i] * Math.Cos(angle)) - (x[i + half] * Math.Sin(angle));
            y[i + half] = (x[i + half] * Math.Cos(angle)) + (x[i] * Math.Sin(angle));
        }

        return y;
    }

    private double[] Rms(double[] x, string? weight)
    {
        double r = 1 / Math.Sqrt(x.Average(value => value * value) + TinyGemma.Epsilon);
        return [.. x.Select((value, c) => value * r * (weight is null ? 1 : _weights[weight][c]))];
    }

    // W·x for the matrix `slice` of a stack.
    private double[] Times(string weight, double[] x, int rows, int slice = 0)
    {
        double[] w = _weights[weight];
        int start = slice * rows * x.Length;
        return [.. Enumerable.Range(0, rows).Select(row => x.Select((value, c) => w[start + (row * x.Length) + c] * value).Sum())];
    }

    private static double Gelu(double g) => 0.5 * g * (1 + Math.Tanh(Math.Sqrt(2 / Math.PI) * (g + (0.044715 * Math.Pow(g, 3)))));

    private static double[] Sum(double[] a, double[] b) => [.. a.Zip(b, (x, y) => x + y)];
}
