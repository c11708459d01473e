using Cinnabar.Diffusion;
using Cinnabar.Numerics;

namespace Cinnabar.Tests.Models.Plain;

/// <summary>Name and shape of a tensor, as published; with values where the published ones are not learnt.</summary>
internal sealed record PlainTensor(string Name, params int[] Shape)
{
    public float[]? Values { get; init; }
}

/// <summary>Weights of a plain network: what a float32 file holds, read as doubles.</summary>
internal sealed class PlainWeights
{
    // Tables of embeddings, by the names they have in the families.
    private static readonly string[] s_tables = ["wte.weight", "embed_tokens.weight", "word_embeddings.weight"];

    private readonly Dictionary<string, Tensor> _tensors = [];
    private readonly Dictionary<string, double[]> _values = [];

    public IReadOnlyDictionary<string, Tensor> Tensors => _tensors;

    public double[] this[string name] => _values[name];

    public void Add(string name, Tensor tensor)
    {
        _tensors.Add(name, tensor);
        _values.Add(name, [.. tensor.Floats.ToArray().Select(value => (double)value)]);
    }

    /// <summary>For plain networks: the same with every second value of one tensor half as large again.</summary>
    public PlainWeights WithHalfChanged(string name)
    {
        PlainWeights other = new();
        foreach ((string each, Tensor tensor) in _tensors)
        {
            other._tensors.Add(each, tensor);
            double[] values = _values[each];
            other._values.Add(each, each == name ? [.. values.Select((value, i) => i % 2 == 0 ? 1.5 * value : value)] : values);
        }

        return other;
    }

    /// <summary>
    /// Large enough to matter: products keep the size of what they multiply, norms are about 1 ± 0.1, biases 0.1, so that logits differ
    /// by whatever a network leaves out. The embedding of the DiT is small enough for the epsilon of its norms to matter.
    /// </summary>
    public static PlainWeights Random(IEnumerable<PlainTensor> tensors, ulong seed)
    {
        DeterministicRandom random = new(seed);
        PlainWeights weights = new();
        foreach (PlainTensor tensor in tensors)
        {
            (double mean, double deviation) = tensor.Name switch
            {
                _ when tensor.Name.EndsWith("bias", StringComparison.Ordinal) => (0, 0.1),
                _ when tensor.Shape.Length == 1 => (1, 0.1),
                _ when tensor.Name.EndsWith("vocab_embed.embedding", StringComparison.Ordinal) => (0, 0.05),
                _ when s_tables.Any(tensor.Name.EndsWith) => (0, 0.5),
                _ => (0, 1 / Math.Sqrt(tensor.Shape[^1])),
            };
            Tensor values = Tensor.Zeros(tensor.Shape);
            foreach (ref float value in values.Floats)
            {
                value = (float)(mean + (deviation * random.NextGaussian()));
            }

            tensor.Values?.CopyTo(values.Floats);
            weights.Add(tensor.Name, values);
        }

        return weights;
    }
}
