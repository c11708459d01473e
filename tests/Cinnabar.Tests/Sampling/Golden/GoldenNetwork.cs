// The network of a golden GGUF file in float64, from the formulas: RMS norm, grouped-query bidirectional attention, rotary embedding on
// interleaved pairs (llada) or on halves (dream), SwiGLU. Independent of the library's own network, so the traces test the sampler alone.
using System.Runtime.CompilerServices;
using Cinnabar.Checkpoints.Gguf;
using Cinnabar.Models;
using Cinnabar.Numerics;

namespace Cinnabar.Tests.Sampling.Golden;

internal sealed class GoldenNetwork : IDenoiser
{
    private readonly Dictionary<string, float[]> _weights;
    private readonly bool _dream;
    private readonly int _layers;
    private readonly int _width;
    private readonly int _heads;
    private readonly int _keyHeads;
    private readonly double _epsilon;
    private readonly double _base;

    public GoldenNetwork(GgufFile file)
    {
        string architecture = file.Metadata.Text("general.architecture");
        int Integer(string key) => (int)file.Metadata.Integer($"{architecture}.{key}");
        _weights = file.Tensors.Keys.ToDictionary(name => name, name => file.Read(name).Floats.ToArray());
        _dream = architecture == "dream";
        _layers = Integer("block_count");
        _width = Integer("embedding_length");
        _heads = Integer("attention.head_count");
        _keyHeads = Integer("attention.head_count_kv");
        _epsilon = file.Metadata.Number($"{architecture}.attention.layer_norm_rms_epsilon");
        _base = file.Metadata.Number($"{architecture}.rope.freq_base");
        VocabularySize = Integer("vocab_size");
        MaskTokenId = (int)file.Metadata.Integer("tokenizer.ggml.mask_token_id");
    }

    public int VocabularySize { get; }

    public int MaxLength => 64;

    public int MaskTokenId { get; }

    public Tensor Logits(ReadOnlySpan<int> ids, ReadOnlySpan<int> rows)
    {
        float[] table = _weights["token_embd.weight"];
        double[][] h = [.. ids.ToArray().Select(id => table.Skip(id * _width).Take(_width).Select(x => (double)x).ToArray())];
        for (int layer = 0; layer < _layers; layer++)
        {
            string block = $"blk.{layer}.";
            double[][] x = [.. h.Select(row => Norm(row, block + "attn_norm"))];
            AddTo(h, [.. Attention(x, block).Select(row => Linear(row, block + "attn_output"))]);
            AddTo(h, [.. h.Select(row => FeedForward(Norm(row, block + "ffn_norm"), block))]);
        }

        Tensor logits = Tensor.Zeros(rows.Length, VocabularySize);
        for (int i = 0; i < rows.Length; i++)
        {
            // Dream: the output at a position predicts the next token.
            int source = _dream ? Math.Max(0, rows[i] - 1) : rows[i];
            double[] row = Linear(Norm(h[source], "output_norm"), "output");
            for (int v = 0; v < row.Length; v++)
            {
                logits.Row(i)[v] = (float)row[v];
            }
        }

        return logits;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private double[][] Attention(double[][] x, string block)
    {
        int size = _width / _heads;
        double[][] q = [.. x.Select((row, i) => Rotate(Linear(row, block + "attn_q"), i, size))];
        double[][] k = [.. x.Select((row, i) => Rotate(Linear(row, block + "attn_k"), i, size))];
        double[][] v = [.. x.Select(row => Linear(row, block + "attn_v"))];
        var result = new double[x.Length][];
        for (int i = 0; i < x.Length; i++)
        {
            result[i] = new double[_width];
            for (int head = 0; head < _heads; head++)
            {
                int from = head / (_heads / _keyHeads) * size;
                double[] weights = [.. k.Select(key => Dot(q[i].AsSpan(head * size, size), key.AsSpan(from, size)) / Math.Sqrt(size))];
                double maximum = weights.Max();
                weights = [.. weights.Select(w => Math.Exp(w - maximum))];
                double sum = weights.Sum();
                for (int j = 0; j < x.Length; j++)
                {
                    for (int d = 0; d < size; d++)
                    {
                        result[i][(head * size) + d] += weights[j] / sum * v[j][from + d];
                    }
                }
            }
        }

        return result;
    }

    private double[] FeedForward(double[] x, string block)
    {
        double[] up = Linear(x, block + "ffn_up");
        double[] gate = Linear(x, block + "ffn_gate");
        return Linear([.. gate.Select((g, i) => g / (1 + Math.Exp(-g)) * up[i])], block + "ffn_down");
    }

    private double[] Rotate(double[] row, int position, int size)
    {
        for (int head = 0; head < row.Length; head += size)
        {
            for (int i = 0; i < size / 2; i++)
            {
                (int a, int b) = _dream ? (head + i, head + i + (size / 2)) : (head + (2 * i), head + (2 * i) + 1);
                (double sin, double cos) = Math.SinCos(position * Math.Pow(_base, -2.0 * i / size));
                (row[a], row[b]) = ((row[a] * cos) - (row[b] * sin), (row[a] * sin) + (row[b] * cos));
            }
        }

        return row;
    }

    private double[] Norm(double[] row, string name)
    {
        double scale = 1 / Math.Sqrt(row.Average(x => x * x) + _epsilon);
        float[] weight = _weights[name + ".weight"];
        return [.. row.Select((x, i) => x * scale * weight[i])];
    }

    // A few passes only: too few for the compiler to find out by itself that this is the inner loop.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private double[] Linear(double[] row, string name)
    {
        float[] weight = _weights[name + ".weight"];
        float[]? bias = _weights.GetValueOrDefault(name + ".bias");
        var result = new double[weight.Length / row.Length];
        for (int o = 0; o < result.Length; o++)
        {
            // Four sums at once: one would wait for itself. All widths of the goldens are multiples of four.
            (double a, double b, double c, double d) = (bias?[o] ?? 0, 0, 0, 0);
            ReadOnlySpan<float> w = weight.AsSpan(o * row.Length, row.Length);
            for (int i = 0; i < row.Length; i += 4)
            {
                a += row[i] * w[i];
                b += row[i + 1] * w[i + 1];
                c += row[i + 2] * w[i + 2];
                d += row[i + 3] * w[i + 3];
            }

            result[o] = a + b + c + d;
        }

        return result;
    }

    private static double Dot(ReadOnlySpan<double> a, ReadOnlySpan<double> b)
    {
        double sum = 0;
        for (int i = 0; i < a.Length; i++)
        {
            sum += a[i] * b[i];
        }

        return sum;
    }

    private static void AddTo(double[][] h, double[][] x)
    {
        for (int i = 0; i < h.Length; i++)
        {
            for (int d = 0; d < h[i].Length; d++)
            {
                h[i][d] += x[i][d];
            }
        }
    }
}
