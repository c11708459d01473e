// DiffusionGemma in float64, from models2026.md 1.3 to 1.5. The same weights in two roles:
//   encoder   prompt and finished canvases, causal, leaves keys and values behind; input E[id]·√C; its own layer_scalar
//   decoder   a canvas, all of whose positions see each other and the prefix; input rms(E[id]·√C + sc), no weight; leaves nothing
// Sliding layers with window W: the encoder sees itself and W − 1 positions back, the canvas the last W − 1 positions of the prefix and
// itself.
//   layer:  h += rms(attention(rms(h)));  d = rms1(mlp(rms(h)));  m = rms2(experts(rms2(h)));  h = (h + rms(d + m)) · layer_scalar
//   attention:  q, k rms per head, then rope; v rms per head without weight; scale 1; full layers have no v_proj, v = k as projected
//   router:  softmax over all experts of proj(rms(h) · scale / √C), the largest, divided by their sum, times per_expert_scale
//   logits = 30 tanh(E rms(h) / 30)
//   self-conditioning:  soft = softmax(previous logits / temperature) E √C;  u = rms(soft);  sc = down(gelu(gate u) ⊙ up u)
// √C is not rounded to BF16, so C should be a square (specification 1.3: implementations differ).
using static Cinnabar.Tests.Models.Plain.PlainFormulas;

namespace Cinnabar.Tests.Models.Plain;

/// <summary>Keys and values of the encoded positions, a list for each layer.</summary>
internal sealed class PlainGemmaPrefix(int layers)
{
    public List<double[]>[] Keys { get; } = [.. Enumerable.Range(0, layers).Select(_ => new List<double[]>())];

    public List<double[]>[] Values { get; } = [.. Enumerable.Range(0, layers).Select(_ => new List<double[]>())];

    public int Length => Keys[0].Count;
}

internal sealed class PlainGemma(PlainGemmaShape shape, PlainWeights weights)
{
    private const string Encoder = "model.encoder.language_model.";
    private const string Decoder = "model.decoder.";

    /// <summary>Nothing encoded yet.</summary>
    public PlainGemmaPrefix Empty() => new(shape.IsFull.Length);

    /// <summary>Encodes tokens after those of the prefix, and adds them to it.</summary>
    public void Encode(PlainGemmaPrefix prefix, int[] ids)
    {
        int start = prefix.Length;
        double[][] h = [.. ids.Select(Embed)];
        for (int layer = 0; layer < shape.IsFull.Length; layer++)
        {
            (double[][] q, double[][] k, double[][] v) = Project(layer, h, start);
            prefix.Keys[layer].AddRange(k);
            prefix.Values[layer].AddRange(v);
            double[][] seen = new double[ids.Length][];
            for (int i = 0; i < ids.Length; i++)
            {
                int end = start + i + 1, begin = shape.IsFull[layer] ? 0 : Math.Max(0, end - shape.Window);
                seen[i] = See(layer, q[i], prefix.Keys[layer][begin..end], prefix.Values[layer][begin..end]);
            }

            h = Finish(layer, h, seen, Encoder);
        }
    }

    /// <summary>Logits [canvas, V], capped, of the positions after the prefix.</summary>
    /// <param name="prefix">Only read.</param>
    /// <param name="canvas">Token ids.</param>
    /// <param name="soft">Of the step before (<see cref="Soft"/>), [canvas, C]; null in the first step.</param>
    public double[][] Decode(PlainGemmaPrefix prefix, int[] canvas, double[][]? soft = null)
    {
        double[][] h =
        [
            .. canvas.Select((id, i) => RmsNorm(soft is null ? Embed(id) : Add(Embed(id), Condition(soft[i])), null, shape.Epsilon)),
        ];
        for (int layer = 0; layer < shape.IsFull.Length; layer++)
        {
            (double[][] q, double[][] k, double[][] v) = Project(layer, h, prefix.Length);
            int begin = shape.IsFull[layer] ? 0 : Math.Max(0, prefix.Length - (shape.Window - 1));
            double[][] keys = [.. prefix.Keys[layer][begin..], .. k], values = [.. prefix.Values[layer][begin..], .. v];
            h = Finish(layer, h, [.. q.Select(row => See(layer, row, keys, values))], Decoder);
        }

        double[] table = weights[Decoder + "embed_tokens.weight"];
        return
        [
            .. h.Select(row => Linear(table, Norm(row, Decoder + "norm"))
                .Select(logit => shape.SoftCap * Math.Tanh(logit / shape.SoftCap)).ToArray()),
        ];
    }

    /// <summary>The embedding expected under a step's prediction, [canvas, C].</summary>
    /// <param name="logits">Capped, [canvas, V].</param>
    /// <param name="temperature">Of that step.</param>
    public double[][] Soft(double[][] logits, double temperature)
    {
        double[] table = weights[Decoder + "embed_tokens.weight"];
        int width = shape.Hidden;
        return
        [
            .. logits.Select(row =>
            {
                double[] p = Softmax([.. row.Select(logit => logit / temperature)]);
                double[] soft = new double[width];
                for (int i = 0; i < table.Length; i++)
                {
                    soft[i % width] += p[i / width] * table[i] * Math.Sqrt(width);
                }

                return soft;
            }),
        ];
    }

    private double[] Embed(int id) => [.. weights[Decoder + "embed_tokens.weight"]
        .Skip(id * shape.Hidden).Take(shape.Hidden).Select(value => value * Math.Sqrt(shape.Hidden))];

    private double[] Condition(double[] soft)
    {
        const string name = Decoder + "self_conditioning.";
        return Gated(Norm(soft, name + "pre_norm"), name);
    }

    private double[] Norm(double[] x, string name) => RmsNorm(x, weights[name + ".weight"], shape.Epsilon);

    private static string Layer(int layer) => $"{Decoder}layers.{layer}.";

    private (double[][] Q, double[][] K, double[][] V) Project(int layer, double[][] h, int start)
    {
        string name = Layer(layer), attention = name + "self_attn.";
        int size = shape.HeadDim(layer), keyHeads = shape.KeyHeads(layer);
        double[] frequencies = shape.IsFull[layer]
            ? Frequencies(shape.FullTheta, size, (int)(shape.FullRotaryFactor * size / 2))
            : Frequencies(shape.SlidingTheta, size, size / 2);
        double[][] x = [.. h.Select(row => Norm(row, name + "input_layernorm"))];
        double[][] k = [.. x.Select(row => Linear(weights[attention + "k_proj.weight"], row))];
        double[][] v = shape.IsFull[layer] ? k : [.. x.Select(row => Linear(weights[attention + "v_proj.weight"], row))];
        return (
            [.. x.Select((row, i) => Turn(Linear(weights[attention + "q_proj.weight"], row), shape.Heads, "q_norm", i))],
            [.. k.Select((row, i) => Turn(row, keyHeads, "k_norm", i))],
            [.. v.Select(row => RmsNormHeads(row, keyHeads, null, shape.Epsilon))]);

        double[] Turn(double[] row, int heads, string norm, int i) => Rotate(
            RmsNormHeads(row, heads, weights[attention + norm + ".weight"], shape.Epsilon), heads, size / 2, frequencies, start + i);
    }

    private double[] See(int layer, double[] query, IReadOnlyList<double[]> keys, IReadOnlyList<double[]> values) => Linear(
        weights[Layer(layer) + "self_attn.o_proj.weight"], Attend(query, keys, values, shape.Heads, shape.KeyHeads(layer), scale: 1));

    // From the attention's result to the end of the layer; the role gives the multiplier.
    private double[][] Finish(int layer, double[][] h, double[][] seen, string role)
    {
        string name = Layer(layer);
        double multiplier = weights[$"{role}layers.{layer}.layer_scalar"][0];
        return
        [
            .. h.Select((row, i) =>
            {
                double[] x = Add(row, Norm(seen[i], name + "post_attention_layernorm"));
                double[] dense = Gated(Norm(x, name + "pre_feedforward_layernorm"), name + "mlp.");
                double[] mixed = Experts(name, x);
                double[] sum = Add(Norm(dense, name + "post_feedforward_layernorm_1"), Norm(mixed, name + "post_feedforward_layernorm_2"));
                return Add(x, Norm(sum, name + "post_feedforward_layernorm")).Select(value => value * multiplier).ToArray();
            }),
        ];
    }

    private double[] Experts(string name, double[] h)
    {
        double[] r = [.. RmsNorm(h, weights[name + "router.scale"], shape.Epsilon).Select(value => value / Math.Sqrt(shape.Hidden))];
        double[] x = Norm(h, name + "pre_feedforward_layernorm_2");
        double[] gateUp = weights[name + "experts.gate_up_proj"], down = weights[name + "experts.down_proj"];
        int width = shape.ExpertWidth;
        PlainRouter router = new(shape.Experts, shape.Chosen) { Renormalises = true };
        double[] result = new double[shape.Hidden];
        foreach ((int expert, double weight) in router.Choose(Linear(weights[name + "router.proj.weight"], r), null))
        {
            double[] gate = Linear(gateUp, 2 * width * expert, width, x), up = Linear(gateUp, (2 * width * expert) + width, width, x);
            double[] y = Linear(down, shape.Hidden * expert, shape.Hidden, Multiply([.. gate.Select(GeluTanh)], up));
            double factor = weight * weights[name + "router.per_expert_scale"][expert];
            result = Add(result, [.. y.Select(value => factor * value)]);
        }

        return result;
    }

    private double[] Gated(double[] x, string prefix)
    {
        double[] gate = Linear(weights[prefix + "gate_proj.weight"], x), up = Linear(weights[prefix + "up_proj.weight"], x);
        return Linear(weights[prefix + "down_proj.weight"], Multiply([.. gate.Select(GeluTanh)], up));
    }
}
