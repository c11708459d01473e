using System.Globalization;

namespace Cinnabar.Tests.Models.Plain;

/// <summary>Sizes and switches of a <see cref="PlainTransformer"/>, and the tensors that follow from them.</summary>
internal sealed record PlainTransformerShape
{
    public required PlainLayout Layout { get; init; }

    public required int Hidden { get; init; }

    public required int Layers { get; init; }

    public required int Heads { get; init; }

    public required int KeyHeads { get; init; }

    public required int HeadDim { get; init; }

    /// <summary>Width of a dense feed-forward layer.</summary>
    public required int Width { get; init; }

    public required int Vocabulary { get; init; }

    public required double Epsilon { get; init; }

    public required double Theta { get; init; }

    /// <summary>First elements of a head that turn.</summary>
    public required int RotaryDim { get; init; }

    public bool HasQkvBias { get; init; }

    public bool NormsHeads { get; init; }

    public bool IsTied { get; init; }

    public bool Shifts { get; init; }

    /// <summary>Null: every position sees every other.</summary>
    public int? BlockSize { get; init; }

    /// <summary>Null: all blocks are dense.</summary>
    public PlainRouter? Router { get; init; }

    /// <summary>First blocks, which have no experts.</summary>
    public int DenseLayers { get; init; }

    public int ExpertWidth { get; init; }

    /// <summary>0: no shared expert.</summary>
    public int SharedWidth { get; init; }

    public bool HasExperts(int layer) => Router is not null && layer >= DenseLayers;

    public string Name(int layer, string name) => string.Format(CultureInfo.InvariantCulture, Layout.Block, layer) + name;

    public string Expert(int layer, int expert) => Name(layer, string.Format(CultureInfo.InvariantCulture, Layout.Expert, expert));

    /// <summary>Every tensor of the checkpoint.</summary>
    public IEnumerable<PlainTensor> Tensors()
    {
        yield return new(Layout.Embedding, Vocabulary, Hidden);
        for (int layer = 0; layer < Layers; layer++)
        {
            foreach (PlainTensor tensor in AttentionTensors().Concat(FeedForwardTensors(layer)))
            {
                yield return tensor with { Name = Name(layer, tensor.Name) };
            }
        }

        yield return new(Layout.FinalNorm, Hidden);
        if (!IsTied)
        {
            yield return new(Layout.Head, Vocabulary, Hidden);
        }
    }

    private IEnumerable<PlainTensor> AttentionTensors()
    {
        (string Name, int Rows)[] projections = Layout.FusedQkv is string fused
            ? [(fused, (Heads + (2 * KeyHeads)) * HeadDim)]
            :
            [
                (Layout.Attention + "q_proj.weight", Heads * HeadDim),
                (Layout.Attention + "k_proj.weight", KeyHeads * HeadDim),
                (Layout.Attention + "v_proj.weight", KeyHeads * HeadDim),
            ];
        yield return new(Layout.AttentionNorm, Hidden);
        foreach ((string name, int rows) in projections)
        {
            yield return new(name, rows, Hidden);
            if (HasQkvBias)
            {
                yield return new(name.Replace("weight", "bias", StringComparison.Ordinal), rows);
            }
        }

        yield return new(Layout.Output, Hidden, Heads * HeadDim);
        if (NormsHeads)
        {
            yield return new(Layout.QueryNorm, HeadDim);
            yield return new(Layout.KeyNorm, HeadDim);
        }

        yield return new(Layout.FeedForwardNorm, Hidden);
    }

    private IEnumerable<PlainTensor> FeedForwardTensors(int layer)
    {
        if (!HasExperts(layer))
        {
            return [new(Layout.Gate, Width, Hidden), new(Layout.Up, Width, Hidden), new(Layout.Down, Hidden, Width)];
        }

        List<PlainTensor> tensors = [new(Layout.Router, Router!.Experts, Hidden)];
        if (Router.HasBias)
        {
            tensors.Add(new(Layout.RouterBias, Router.Experts));
        }

        for (int expert = 0; expert < Router.Experts; expert++)
        {
            AddGated(string.Format(CultureInfo.InvariantCulture, Layout.Expert, expert), ExpertWidth);
        }

        if (SharedWidth > 0)
        {
            AddGated(Layout.Shared, SharedWidth);
        }

        return tensors;

        void AddGated(string prefix, int width)
        {
            tensors.Add(new(prefix + "gate_proj.weight", width, Hidden));
            tensors.Add(new(prefix + "up_proj.weight", width, Hidden));
            tensors.Add(new(prefix + "down_proj.weight", Hidden, width));
        }
    }
}
