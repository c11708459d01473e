// Tensor names of the LLaDA layout (LLaDAModelLM, block_group_size 1). C hidden, F intermediate, V rows of the embedding table,
// D head size, H query heads, G key/value heads. Matrices are [out, in]; there are no biases.
//   model.transformer.wte.weight                              [V, C]
//   model.transformer.blocks.{i}.attn_norm, ff_norm           [C]
//   model.transformer.blocks.{i}.q_proj [H·D, C], k_proj, v_proj [G·D, C], attn_out [C, H·D]
//   model.transformer.blocks.{i}.ff_proj (gate), up_proj      [F, C],  ff_out (down) [C, F]
//   model.transformer.ln_f [C], ff_out [V, C] (the head; absent if it is the embedding table)
namespace Cinnabar.Checkpoints;

/// <summary>The tensors a model of a given configuration consists of.</summary>
public static class LladaWeightNames
{
    /// <summary>Embedding table.</summary>
    public const string Embedding = Root + "wte.weight";

    /// <summary>Weight of the last norm.</summary>
    public const string FinalNorm = Root + "ln_f.weight";

    /// <summary>Head; absent when the weights are tied.</summary>
    public const string Head = Root + "ff_out.weight";

    private const string Root = "model.transformer.";

    /// <summary>The name of one weight of one block.</summary>
    /// <param name="block">Number of the block, from 0.</param>
    /// <param name="part">attn_norm, q_proj, k_proj, v_proj, attn_out, ff_norm, ff_proj, up_proj or ff_out.</param>
    public static string OfBlock(int block, string part) => $"{Root}blocks.{block}.{part}.weight";

    /// <summary>The name under which the scales [out, groups] of a matrix of integers are stored (compressed-tensors).</summary>
    public static string ScalesOf(string weight) => weight + "_scale";

    /// <summary>The name under which the integers of an Int4 matrix are stored (compressed-tensors).</summary>
    public static string PackedOf(string weight) => weight + "_packed";

    /// <summary>Every tensor with its shape, in the order of the forward pass.</summary>
    public static IEnumerable<(string Name, int[] Shape)> Expected(ModelConfig config)
    {
        int hidden = config.HiddenSize;
        int keyValue = config.NumKeyValueHeads * config.HeadSize;
        yield return (Embedding, [config.EmbeddingSize, hidden]);
        for (int i = 0; i < config.NumHiddenLayers; i++)
        {
            yield return (OfBlock(i, "attn_norm"), [hidden]);
            yield return (OfBlock(i, "q_proj"), [hidden, hidden]);
            yield return (OfBlock(i, "k_proj"), [keyValue, hidden]);
            yield return (OfBlock(i, "v_proj"), [keyValue, hidden]);
            yield return (OfBlock(i, "attn_out"), [hidden, hidden]);
            yield return (OfBlock(i, "ff_norm"), [hidden]);
            yield return (OfBlock(i, "ff_proj"), [config.IntermediateSize, hidden]);
            yield return (OfBlock(i, "up_proj"), [config.IntermediateSize, hidden]);
            yield return (OfBlock(i, "ff_out"), [hidden, config.IntermediateSize]);
        }

        yield return (FinalNorm, [hidden]);
        if (!config.WeightTying)
        {
            yield return (Head, [config.EmbeddingSize, hidden]);
        }
    }
}
