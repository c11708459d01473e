// The diffusion transformer in double precision over the tensors of a file, straight from the formulas of specification A.10: no packing,
// no folding, the mask a function. Positions are given, so the doubled sequence of BD3-LM's training runs as well.
using Cinnabar.Numerics;

namespace Cinnabar.Tests.Models;

/// <summary>The definition of the network.</summary>
/// <param name="tensors">By published name without prefix.</param>
/// <param name="heads">Number of attention heads.</param>
internal sealed class PlainDiffusionTransformer(IReadOnlyDictionary<string, Tensor> tensors, int heads)
{
    private const double Epsilon = 1e-5;

    /// <summary>Outputs of the head [T][V], before any substitution.</summary>
    /// <param name="ids">[T].</param>
    /// <param name="positions">[T].</param>
    /// <param name="sees">Whether row q attends to row k.</param>
    /// <param name="sigma">Noise level.</param>
    public double[][] Outputs(int[] ids, int[] positions, Func<int, int, bool> sees, double sigma)
    {
        double[][] h = [.. ids.Select(id => Row("vocab_embed.embedding", id))];
        double[]? condition = tensors.ContainsKey("sigma_map.mlp.0.weight") ? Condition(sigma) : null;
        for (int i = 0; tensors.ContainsKey($"blocks.{i}.norm1.weight"); i++)
        {
            string block = $"blocks.{i}.";
            double[][] m = Modulation(block, condition, 6, h[0].Length);
            double[][] attended = Attention(block, Normed(h, block + "norm1.weight", m[0], m[1]), positions, sees);
            h = Sum(h, m[2], Linear(attended, block + "attn_out"));
            double[][] inner = Linear(Normed(h, block + "norm2.weight", m[3], m[4]), block + "mlp.0");
            h = Sum(h, m[5], Linear([.. inner.Select(row => Array.ConvertAll(row, Gelu))], block + "mlp.2"));
        }

        double[][] last = Modulation("output_layer.", condition, 2, h[0].Length);
        return Linear(Normed(h, "output_layer.norm_final.weight", last[0], last[1]), "output_layer.linear");
    }

    private double[] Condition(double sigma)
    {
        double[] features = new double[256];
        for (int k = 0; k < 128; k++)
        {
            double frequency = Math.Exp(-Math.Log(10_000) * k / 128);
            features[k] = Math.Cos(sigma * frequency);
            features[128 + k] = Math.Sin(sigma * frequency);
        }

        double[][] first = Linear([features], "sigma_map.mlp.0");
        return Array.ConvertAll(Linear([Array.ConvertAll(first[0], Silu)], "sigma_map.mlp.2")[0], Silu);
    }

    // Without adaptive norms: no shift, no scale, gates of 1.
    private double[][] Modulation(string at, double[]? condition, int parts, int width) => condition is null
        ? [.. Enumerable.Range(0, parts).Select(i => Enumerable.Repeat(i % 3 == 2 ? 1.0 : 0, width).ToArray())]
        : [.. Linear([condition], at + "adaLN_modulation")[0].Chunk(width)];

    private double[][] Normed(double[][] x, string weight, double[] shift, double[] scale) =>
    [
        .. x.Select(row =>
        {
            double mean = row.Average();
            double deviation = Math.Sqrt(row.Average(value => (value - mean) * (value - mean)) + Epsilon);
            double[] w = Row(weight, 0);
            return row.Select((value, c) => ((value - mean) / deviation * w[c] * (1 + scale[c])) + shift[c]).ToArray();
        }),
    ];

    private double[][] Attention(string block, double[][] x, int[] positions, Func<int, int, bool> sees)
    {
        int width = x[0].Length, size = width / heads;
        double[][] qkv = Linear(x, block + "attn_qkv");
        double[][] result = [.. x.Select(_ => new double[width])];
        for (int head = 0; head < heads; head++)
        {
            // Packed (three, heads, size).
            double[][] q = [.. qkv.Select((row, t) => Rotated(row.AsSpan(head * size, size), positions[t]))];
            double[][] k = [.. qkv.Select((row, t) => Rotated(row.AsSpan(width + (head * size), size), positions[t]))];
            for (int t = 0; t < x.Length; t++)
            {
                double[] weights =
                [
                    .. k.Select((key, s) => sees(t, s) ? Math.Exp(q[t].Zip(key, (a, b) => a * b).Sum() / Math.Sqrt(size)) : 0),
                ];
                double sum = weights.Sum();
                for (int s = 0; s < x.Length; s++)
                {
                    for (int c = 0; c < size; c++)
                    {
                        result[t][(head * size) + c] += weights[s] / sum * qkv[s][(2 * width) + (head * size) + c];
                    }
                }
            }
        }

        return result;
    }

    private static double[] Rotated(ReadOnlySpan<double> x, int position)
    {
        int half = x.Length / 2;
        double[] y = new double[x.Length];
        for (int j = 0; j < half; j++)
        {
            (double sin, double cos) = Math.SinCos(position / Math.Pow(10_000, 2.0 * j / x.Length));
            y[j] = (x[j] * cos) - (x[half + j] * sin);
            y[half + j] = (x[half + j] * cos) + (x[j] * sin);
        }

        return y;
    }

    private double[][] Linear(double[][] x, string layer)
    {
        Tensor weight = tensors[layer + ".weight"];
        double[] bias = tensors.ContainsKey(layer + ".bias") ? Row(layer + ".bias", 0) : new double[weight.Rows];
        double[][] rows = [.. Enumerable.Range(0, weight.Rows).Select(o => Row(layer + ".weight", o))];
        return [.. x.Select(input => rows.Select((row, o) => bias[o] + row.Zip(input, (a, b) => a * b).Sum()).ToArray())];
    }

    private double[] Row(string tensor, int row) => Array.ConvertAll(tensors[tensor].Row(row).ToArray(), value => (double)value);

    private static double[][] Sum(double[][] stream, double[] gate, double[][] branch) =>
        [.. stream.Zip(branch, (row, added) => row.Select((value, c) => value + (gate[c] * added[c])).ToArray())];

    private static double Silu(double x) => x / (1 + Math.Exp(-x));

    private static double Gelu(double x) => x / 2 * (1 + Math.Tanh(Math.Sqrt(2 / Math.PI) * (x + (0.044715 * x * x * x))));
}
