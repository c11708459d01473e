// The weights of the transformer, under the tensor names of the LLaDA layout (LLaDAModelLM, block_group_size 1). C hidden, F intermediate,
// V rows of the embedding table, D head size, H query heads, G key/value heads. Matrices are [out, in].
//   model.transformer.wte.weight                              [V, C]
//   model.transformer.wpe.weight                              [longest sequence, C], with learned positions
//   model.transformer.blocks.{i}.attn_norm, ff_norm           [C]
//   model.transformer.blocks.{i}.q_proj [H·D, C], k_proj, v_proj [G·D, C], attn_out [C, H·D]
//   model.transformer.blocks.{i}.ff_proj (gate), up_proj      [F, C],  ff_out (down) [C, F]
//   model.transformer.ln_f [C], ff_out [V, C] (the head; absent if it is the embedding table)
//
// What other families have besides is named in the same manner; their own names are in Families/:
//   blocks.{i}.q_proj.bias, k_proj.bias, v_proj.bias          biases of queries, keys and values
//   blocks.{i}.q_norm, k_norm [D]                             norms of each head
//   blocks.{i}.router [E, C], router_bias [E]                 choice of experts
//   blocks.{i}.experts.{e}.ff_proj, up_proj, ff_out           instead of the three of a dense block, with a width of their own
//   blocks.{i}.shared.ff_proj, up_proj, ff_out                the expert that every token takes
namespace Cinnabar.Checkpoints;

/// <summary>One weight of a network.</summary>
/// <param name="Name">Its name in the LLaDA layout.</param>
/// <param name="Shape">Its sizes, one or two.</param>
/// <param name="Part">The last word of its name: wte, ln_f, q_proj, router, …; the head is "head".</param>
/// <param name="Block">Number of its block, or null.</param>
/// <param name="Expert">Number of its expert, or null.</param>
public readonly record struct NetworkWeight(string Name, int[] Shape, string Part, int? Block = null, int? Expert = null)
{
    /// <summary>Name and shape alone.</summary>
    public void Deconstruct(out string name, out int[] shape) => (name, shape) = (Name, Shape);

    /// <summary>Whether it belongs to the expert that every token takes.</summary>
    public bool IsShared { get; init; }

    /// <summary>Whether it is added instead of multiplied.</summary>
    public bool IsBias { get; init; }

    /// <summary>
    /// Whether its values may be rounded: a matrix, but not the positions, the router, the codes of latents or what the noise level or the
    /// time is made into, whose errors reach all.
    /// </summary>
    internal bool MayRound =>
        Shape.Length > 1 && Part is not ("wpe" or "router" or "codebook" or "time" or "sigma_in" or "sigma_out" or "modulation");
}

/// <summary>The tensors a model of a given configuration consists of.</summary>
public static class LladaWeightNames
{
    /// <summary>Embedding table.</summary>
    public const string Embedding = Root + "wte.weight";

    /// <summary>Vectors of the positions; absent with rotary ones.</summary>
    public const string Positions = Root + "wpe.weight";

    /// <summary>Weight of the last norm.</summary>
    public const string FinalNorm = Root + "ln_f.weight";

    /// <summary>Head; absent when the weights are tied.</summary>
    public const string Head = Root + "ff_out.weight";

    private const string Root = "model.transformer.";

    /// <summary>The name of one weight of one block.</summary>
    /// <param name="block">Number of the block, from 0.</param>
    /// <param name="part">attn_norm, q_proj, k_proj, v_proj, attn_out, ff_norm, ff_proj, up_proj, ff_out; others: head of the file.</param>
    public static string OfBlock(int block, string part) => $"{Root}blocks.{block}.{part}.weight";

    /// <summary>The name of a bias of one block.</summary>
    public static string BiasOf(int block, string part) => $"{Root}blocks.{block}.{part}.bias";

    /// <summary>The name of one weight of one expert.</summary>
    public static string OfExpert(int block, int expert, string part) => OfBlock(block, $"experts.{expert}.{part}");

    /// <summary>The name of one weight of the expert that every token takes.</summary>
    public static string OfShared(int block, string part) => OfBlock(block, $"shared.{part}");

    /// <summary>The name under which the scales [out, groups] of a matrix of integers are stored (compressed-tensors).</summary>
    public static string ScalesOf(string weight) => weight + "_scale";

    /// <summary>The name under which the integers of an Int4 matrix are stored (compressed-tensors).</summary>
    public static string PackedOf(string weight) => weight + "_packed";

    /// <summary>Every tensor with its shape, in the order of the forward pass.</summary>
    public static IEnumerable<NetworkWeight> Expected(ModelConfig config)
    {
        int hidden = config.HiddenSize;
        yield return new(Embedding, [config.EmbeddingSize, hidden], "wte");
        if (config.LearnedPositions)
        {
            yield return new(Positions, [config.MaxSequenceLength, hidden], "wpe");
        }

        for (int i = 0; i < config.NumHiddenLayers; i++)
        {
            foreach (NetworkWeight weight in AttentionOf(config, i))
            {
                yield return weight;
            }

            yield return OfBlock(i, "ff_norm", [hidden]);
            foreach (NetworkWeight weight in config.HasExperts(i) ? ExpertsOf(config, i) : FeedForwardOf(config, i))
            {
                yield return weight;
            }
        }

        yield return new(FinalNorm, [hidden], "ln_f");
        if (!config.WeightTying)
        {
            yield return new(Head, [config.EmbeddingSize, hidden], "head");
        }
    }

    private static IEnumerable<NetworkWeight> AttentionOf(ModelConfig config, int block)
    {
        int hidden = config.HiddenSize;
        int query = config.NumAttentionHeads * config.HeadSize;
        int keyValue = config.NumKeyValueHeads * config.HeadSize;
        yield return OfBlock(block, "attn_norm", [hidden]);
        foreach ((string part, int rows) in ((string, int)[])[("q_proj", query), ("k_proj", keyValue), ("v_proj", keyValue)])
        {
            yield return OfBlock(block, part, [rows, hidden]);
            if (config.QueryKeyValueBias)
            {
                yield return new(BiasOf(block, part), [rows], part, block) { IsBias = true };
            }
        }

        if (config.QueryKeyNorm)
        {
            yield return OfBlock(block, "q_norm", [config.HeadSize]);
            yield return OfBlock(block, "k_norm", [config.HeadSize]);
        }

        yield return OfBlock(block, "attn_out", [hidden, query]);
    }

    private static IEnumerable<NetworkWeight> FeedForwardOf(ModelConfig config, int block)
    {
        yield return OfBlock(block, "ff_proj", [config.IntermediateSize, config.HiddenSize]);
        yield return OfBlock(block, "up_proj", [config.IntermediateSize, config.HiddenSize]);
        yield return OfBlock(block, "ff_out", [config.HiddenSize, config.IntermediateSize]);
    }

    private static IEnumerable<NetworkWeight> ExpertsOf(ModelConfig config, int block)
    {
        ExpertConfig experts = config.Experts!;
        int hidden = config.HiddenSize;
        yield return OfBlock(block, "router", [experts.Count, hidden]);
        if (experts.HasSelectionBias)
        {
            yield return OfBlock(block, "router_bias", [experts.Count]) with { IsBias = true };
        }

        for (int e = 0; e < experts.Count; e++)
        {
            foreach ((string part, int[] shape) in Parts(experts.IntermediateSize))
            {
                yield return new(OfExpert(block, e, part), shape, part, block, e);
            }
        }

        if (experts.SharedIntermediateSize is int width)
        {
            foreach ((string part, int[] shape) in Parts(width))
            {
                yield return new(OfShared(block, part), shape, part, block) { IsShared = true };
            }
        }

        (string, int[])[] Parts(int width) => [("ff_proj", [width, hidden]), ("up_proj", [width, hidden]), ("ff_out", [hidden, width])];
    }

    private static NetworkWeight OfBlock(int block, string part, int[] shape) => new(OfBlock(block, part), shape, part, block);
}
