// The weights of DiffusionGemma, under the tensor names of its safetensors files. C hidden, F dense width, W expert width, E experts,
// H query heads, G key heads, D head width (G and D differ between sliding and full layers). Matrices are [out, in].
//   model.decoder.embed_tokens.weight [V, C], model.decoder.norm.weight [C]; the head is the embedding table
//   model.decoder.self_conditioning.pre_norm [C], gate_proj, up_proj [F, C], down_proj [C, F]
//   model.decoder.layers.{i}. + seven norms [C], layer_scalar [1], self_attn.{q,k,v,o}_proj, q_norm, k_norm [D], mlp.*,
//                             router.proj [E, C], router.scale [C], router.per_expert_scale [E]
//   model.decoder.layers.{i}.experts.gate_up_proj [E, 2W, C], experts.down_proj [E, C, W]
//   model.encoder.language_model.layers.{i}.layer_scalar [1], for known text; where it is missing, that of model.decoder
// An expert's three matrices are weights of their own here: experts.{e}.gate_proj, up_proj [W, C], down_proj [C, W].
namespace Cinnabar.Checkpoints;

/// <summary>The tensors that a DiffusionGemma consists of.</summary>
public static class GemmaWeightNames
{
    /// <summary>Embedding table and head.</summary>
    public const string Embedding = Root + "embed_tokens.weight";

    /// <summary>Weight of the last norm.</summary>
    public const string FinalNorm = Root + "norm.weight";

    private const string Root = "model.decoder.";

    private static readonly string[] s_norms =
    [
        "input_layernorm", "post_attention_layernorm", "pre_feedforward_layernorm", "pre_feedforward_layernorm_2",
        "post_feedforward_layernorm", "post_feedforward_layernorm_1", "post_feedforward_layernorm_2",
    ];

    /// <summary>A weight of one layer by the rest of its name, e.g. "self_attn.q_proj.weight".</summary>
    public static string OfLayer(int layer, string rest) => $"{Root}layers.{layer}.{rest}";

    /// <summary>A weight of the network that reads the previous prediction: "pre_norm", "gate_proj", "up_proj" or "down_proj".</summary>
    public static string OfSelfConditioning(string part) => $"{Root}self_conditioning.{part}.weight";

    /// <summary>The factor of a layer's output when it reads known text.</summary>
    public static string EncoderScalarOf(int layer) => $"model.encoder.language_model.layers.{layer}.layer_scalar";

    /// <summary>A matrix of one expert: "gate_proj", "up_proj" or "down_proj".</summary>
    public static string OfExpert(int layer, int expert, string part) => OfLayer(layer, $"experts.{expert}.{part}");

    /// <summary>Every weight with its shape, in the order of the forward pass.</summary>
    internal static IEnumerable<NetworkWeight> Expected(ModelConfig config)
    {
        int hidden = config.HiddenSize;
        yield return new(Embedding, [config.EmbeddingSize, hidden], "wte");
        yield return new(OfSelfConditioning("pre_norm"), [hidden], "pre_norm");
        foreach ((string part, int[] shape) in FeedForward(hidden, config.IntermediateSize))
        {
            yield return new(OfSelfConditioning(part), shape, part);
        }

        for (int layer = 0; layer < config.NumHiddenLayers; layer++)
        {
            foreach ((string rest, int[] shape) in Layer(config, layer))
            {
                string part = rest == "router.proj.weight" ? "router" : rest;
                yield return new(OfLayer(layer, rest), shape, part, layer);
            }

            yield return new(EncoderScalarOf(layer), [1], "encoder_scalar", layer);
            for (int expert = 0; expert < config.Experts!.Count; expert++)
            {
                foreach ((string part, int[] shape) in FeedForward(hidden, config.Experts.IntermediateSize))
                {
                    yield return new(OfExpert(layer, expert, part), shape, part, layer, expert);
                }
            }
        }

        yield return new(FinalNorm, [hidden], "ln_f");
    }

    private static IEnumerable<(string Name, int[] Shape)> Layer(ModelConfig config, int layer)
    {
        GemmaConfig gemma = config.Gemma!;
        int hidden = config.HiddenSize;
        int headSize = gemma.HeadSizeOf(layer, config);
        int query = config.NumAttentionHeads * headSize;
        int keyValue = gemma.KeyValueHeadsOf(layer, config) * headSize;
        foreach (string norm in s_norms)
        {
            yield return ($"{norm}.weight", [hidden]);
        }

        yield return ("self_attn.q_proj.weight", [query, hidden]);
        yield return ("self_attn.k_proj.weight", [keyValue, hidden]);
        if (gemma.SlidingLayers[layer])
        {
            yield return ("self_attn.v_proj.weight", [keyValue, hidden]);
        }

        yield return ("self_attn.o_proj.weight", [hidden, query]);
        yield return ("self_attn.q_norm.weight", [headSize]);
        yield return ("self_attn.k_norm.weight", [headSize]);
        foreach ((string part, int[] shape) in FeedForward(hidden, config.IntermediateSize))
        {
            yield return ($"mlp.{part}.weight", shape);
        }

        yield return ("router.proj.weight", [config.Experts!.Count, hidden]);
        yield return ("router.scale", [hidden]);
        yield return ("router.per_expert_scale", [config.Experts.Count]);
        yield return ("layer_scalar", [1]);
    }

    private static (string Part, int[] Shape)[] FeedForward(int hidden, int width) =>
        [("gate_proj", [width, hidden]), ("up_proj", [width, hidden]), ("down_proj", [hidden, width])];
}
