// The DiT of MDLM and BD3-LM in float64, specification A.10:
//   c = SiLU(W2 SiLU(W0 [cos σf, sin σf] + b0) + b2), f_k = exp(−ln(10⁴) k / 128), k < 128; σ = 0 without time conditioning
//   each block:  s1, a1, g1, s2, a2, g2 = adaLN(c)
//                x += g1 ⊙ Wo attention(rope(Wqkv (LN(x)(1 + a1) + s1)));  x += g2 ⊙ mlp(LN(x)(1 + a2) + s2), GELU-tanh
//   logits = W (LN(x)(1 + a) + s) + b,  s, a = adaLN(c)                        raw, without SUBS
// The rows of Wqkv are (three, heads, dim); LN has no bias, ε 1e-5; rope θ 10⁴ on halves. MDLM: all see all. BD3-LM, in sampling: position
// p sees q iff floor(q / block) ≤ floor(p / block); of the training mask on [x_t ; x_0] this is what is left of M_BC for the clean blocks,
// and of M_BD and M_OBC for the noisy one after them.
using static Cinnabar.Tests.Models.Plain.PlainFormulas;

namespace Cinnabar.Tests.Models.Plain;

/// <summary>Sizes of a <see cref="PlainDiffusionTransformer"/>, and the tensors that follow from them.</summary>
internal sealed record PlainDiffusionTransformerShape(int Hidden, int Conditioning, int Blocks, int Heads, int Vocabulary, int? BlockSize)
{
    public const int TimeFeatures = 256;

    public const double Theta = 1e4;

    public const string Prefix = "backbone.";

    public IEnumerable<PlainTensor> Tensors()
    {
        foreach (PlainTensor tensor in Backbone())
        {
            yield return tensor with { Name = Prefix + tensor.Name };
        }

        if (BlockSize is not null)
        {
            yield return new("sampling_eps_min", 1) { Values = [1e-3f] };
            yield return new("sampling_eps_max", 1) { Values = [0.999f] };
        }
    }

    private IEnumerable<PlainTensor> Backbone()
    {
        int pairs = Hidden / Heads / 2;
        yield return new("vocab_embed.embedding", Vocabulary, Hidden);
        yield return new("sigma_map.mlp.0.weight", Conditioning, TimeFeatures);
        yield return new("sigma_map.mlp.0.bias", Conditioning);
        yield return new("sigma_map.mlp.2.weight", Conditioning, Conditioning);
        yield return new("sigma_map.mlp.2.bias", Conditioning);
        yield return new("rotary_emb.inv_freq", pairs) { Values = [.. Frequencies(Theta, 2 * pairs, pairs).Select(f => (float)f)] };
        for (int i = 0; i < Blocks; i++)
        {
            string block = $"blocks.{i}.";
            yield return new(block + "norm1.weight", Hidden);
            yield return new(block + "norm2.weight", Hidden);
            yield return new(block + "attn_qkv.weight", 3 * Hidden, Hidden);
            yield return new(block + "attn_out.weight", Hidden, Hidden);
            yield return new(block + "mlp.0.weight", 4 * Hidden, Hidden);
            yield return new(block + "mlp.0.bias", 4 * Hidden);
            yield return new(block + "mlp.2.weight", Hidden, 4 * Hidden);
            yield return new(block + "mlp.2.bias", Hidden);
            yield return new(block + "adaLN_modulation.weight", 6 * Hidden, Conditioning);
            yield return new(block + "adaLN_modulation.bias", 6 * Hidden);
        }

        yield return new("output_layer.norm_final.weight", Hidden);
        yield return new("output_layer.linear.weight", Vocabulary, Hidden);
        yield return new("output_layer.linear.bias", Vocabulary);
        yield return new("output_layer.adaLN_modulation.weight", 2 * Hidden, Conditioning);
        yield return new("output_layer.adaLN_modulation.bias", 2 * Hidden);
    }
}

internal sealed class PlainDiffusionTransformer(PlainDiffusionTransformerShape shape, PlainWeights weights)
{
    private const double Epsilon = 1e-5;

    /// <summary>Row i predicts the token at i.</summary>
    public double[][] Logits(int[] ids, double sigma = 0)
    {
        double[] c = Condition(sigma);
        double[] table = Weight("vocab_embed.embedding");
        double[][] x = [.. ids.Select(id => table[(id * shape.Hidden)..((id + 1) * shape.Hidden)])];
        for (int i = 0; i < shape.Blocks; i++)
        {
            string block = $"blocks.{i}.";
            double[][] m = Modulation(block, c);
            double[] norm1 = Weight(block + "norm1.weight"), norm2 = Weight(block + "norm2.weight");
            double[][] a = Attention(block, [.. x.Select(row => Modulate(row, norm1, m[0], m[1]))]);
            x = [.. x.Select((row, position) => Add(row, Multiply(m[2], a[position])))];
            x = [.. x.Select(row => Add(row, Multiply(m[5], FeedForward(block, Modulate(row, norm2, m[3], m[4])))))];
        }

        double[][] last = Modulation("output_layer.", c);
        double[] norm = Weight("output_layer.norm_final.weight"), head = Weight("output_layer.linear.weight");
        return [.. x.Select(row => Linear(head, Modulate(row, norm, last[0], last[1]), Weight("output_layer.linear.bias")))];
    }

    private double[] Weight(string name) => weights[PlainDiffusionTransformerShape.Prefix + name];

    private double[] Condition(double sigma)
    {
        const int half = PlainDiffusionTransformerShape.TimeFeatures / 2;
        double[] angles = [.. Enumerable.Range(0, half).Select(k => sigma * Math.Exp(-Math.Log(1e4) * k / half))];
        double[] features = [.. angles.Select(Math.Cos), .. angles.Select(Math.Sin)];
        double[] hidden = Linear(Weight("sigma_map.mlp.0.weight"), features, Weight("sigma_map.mlp.0.bias"));
        double[] mapped = Linear(Weight("sigma_map.mlp.2.weight"), [.. hidden.Select(Silu)], Weight("sigma_map.mlp.2.bias"));
        return [.. mapped.Select(Silu)];
    }

    // Slices of C values: shift, scale, gate of the attention, then of the feed-forward layer; of the output layer shift and scale.
    private double[][] Modulation(string prefix, double[] c) =>
        [.. Linear(Weight(prefix + "adaLN_modulation.weight"), c, Weight(prefix + "adaLN_modulation.bias")).Chunk(shape.Hidden)];

    private static double[] Modulate(double[] x, double[] norm, double[] shift, double[] scale) =>
        [.. LayerNorm(x, norm, Epsilon).Select((value, i) => (value * (1 + scale[i])) + shift[i])];

    private double[][] Attention(string block, double[][] x)
    {
        double[] qkv = Weight(block + "attn_qkv.weight"), output = Weight(block + "attn_out.weight");
        int c = shape.Hidden, size = c / shape.Heads;
        double[] frequencies = Frequencies(PlainDiffusionTransformerShape.Theta, size, size / 2);
        double[][] q = [.. x.Select((row, i) => Rotate(Linear(qkv, 0, c, row), shape.Heads, size / 2, frequencies, i))];
        double[][] k = [.. x.Select((row, i) => Rotate(Linear(qkv, c, c, row), shape.Heads, size / 2, frequencies, i))];
        double[][] v = [.. x.Select(row => Linear(qkv, 2 * c, c, row))];
        return
        [
            .. q.Select((row, i) =>
            {
                int end = shape.BlockSize is int block ? Math.Min(x.Length, ((i / block) + 1) * block) : x.Length;
                return Linear(output, Attend(row, k[..end], v[..end], shape.Heads, shape.Heads, 1 / Math.Sqrt(size)));
            }),
        ];
    }

    private double[] FeedForward(string block, double[] x)
    {
        double[] hidden = Linear(Weight(block + "mlp.0.weight"), x, Weight(block + "mlp.0.bias"));
        return Linear(Weight(block + "mlp.2.weight"), [.. hidden.Select(GeluTanh)], Weight(block + "mlp.2.bias"));
    }
}
