// The configuration and the tensor names of the diffusion transformer (DiT) that MDLM, BD3-LM and SEDD share:
//   vocab_embed.embedding, sigma_map.mlp.{0,2} (.weight, .bias)
//   blocks.{i}.norm1.weight, attn_qkv.weight (rows: all of q, then k, then v), attn_out.weight, norm2.weight, mlp.{0,2} (.weight, .bias),
//   blocks.{i}.adaLN_modulation (.weight, .bias)
//   output_layer.norm_final.weight, output_layer.linear, output_layer.adaLN_modulation (.weight, .bias)
// Models published for transformers have "backbone." before every name, others have not. Facts: specification A.10.
namespace Cinnabar.Checkpoints.Families;

/// <summary>Reads configurations and names weights of the diffusion transformer.</summary>
internal static class DiffusionTransformerLayout
{
    /// <summary>What may stand before every name.</summary>
    public const string Prefix = "backbone.";

    /// <summary>Longest sequence of any model.</summary>
    public const int MaxLength = 1 << 20;

    /// <summary>Largest number of token ids.</summary>
    public const int MaxVocabulary = 1 << 24;

    private const int MaxWidth = 1 << 16;
    private const int MaxLayers = 1 << 10;
    private const int FeedForwardRatio = 4;
    private const double NormEps = 1e-5; // of PyTorch's layer norm; no key says it
    private const double RopeBase = 10_000;
    private const int EndOfTextOfGpt2 = 50_256;

    /// <summary>What all of them have in common; the caller adds the switches of its family.</summary>
    /// <param name="source">config.json.</param>
    /// <param name="sizes">The object in it that holds the sizes.</param>
    /// <param name="vocabulary">V.</param>
    /// <param name="hiddenKey">Key of the width.</param>
    /// <param name="lengthKey">Key of the longest sequence.</param>
    public static ModelConfig Read(ConfigSource source, JsonSettings sizes, int vocabulary, string hiddenKey, string lengthKey)
    {
        int hidden = sizes.Int32(hiddenKey, "width of the hidden states", 1, MaxWidth);
        int heads = sizes.Int32("n_heads", "number of attention heads", 1, MaxWidth);
        if (hidden % heads != 0 || hidden / heads % 2 != 0)
        {
            throw sizes.Wrong("n_heads", $"heads of an even width that divide {hiddenKey} {hidden}", $"{heads}");
        }

        // GPT-2's vocabulary has no mask, so one is appended; that of BERT has one.
        int mask = source.Id(["mask_token_id"], ["[MASK]"], vocabulary - 1);
        int end = source.Id(["eos_token_id"], ["<|endoftext|>", "[SEP]"], vocabulary > EndOfTextOfGpt2 ? EndOfTextOfGpt2 : null);
        foreach ((string key, int id) in ((string, int)[])[("mask_token_id", mask), ("eos_token_id", end)])
        {
            if (id >= vocabulary)
            {
                throw source.Json.Wrong(key, $"an id below the {vocabulary} of the vocabulary", $"{id}");
            }
        }

        return mask == end
            ? throw source.Json.Wrong("mask_token_id", "an id of its own", $"{mask}, which also ends a text")
            : new ModelConfig
            {
                HiddenSize = hidden,
                NumHiddenLayers = sizes.Int32("n_blocks", "number of transformer blocks", 1, MaxLayers),
                NumAttentionHeads = heads,
                NumKeyValueHeads = heads,
                IntermediateSize = FeedForwardRatio * hidden,
                VocabularySize = vocabulary,
                EmbeddingSize = vocabulary,
                MaxSequenceLength = sizes.Int32(lengthKey, "longest sequence the model was made for", 1, MaxLength),
                RmsNormEps = NormEps,
                RopeTheta = RopeBase,
                MaskTokenId = mask,
                EosTokenId = end,
                PadTokenId = end,
            };
    }

    /// <summary>The conditioning under the keys cond_dim and time_conditioning.</summary>
    public static NoiseConditioning ReadConditioning(JsonSettings json) => new()
    {
        Size = json.Int32("cond_dim", "width of the vector that the noise level becomes", 1, MaxWidth),
        IsTold = json.OptionalBoolean("time_conditioning") ?? false,
    };

    /// <summary>The name of a weight in the file, without the prefix.</summary>
    public static WeightPlace PlaceOf(NetworkWeight weight, ModelConfig config)
    {
        string at = weight.Block is int block ? $"blocks.{block}." : "output_layer.";
        string suffix = weight.IsBias ? ".bias" : ".weight";
        return weight.Part switch
        {
            "wte" => new WeightPlace("vocab_embed.embedding"),
            "sigma_in" => new WeightPlace("sigma_map.mlp.0" + suffix),
            "sigma_out" => new WeightPlace("sigma_map.mlp.2" + suffix),
            "modulation" => new WeightPlace(at + "adaLN_modulation" + suffix),
            "attn_norm" => new WeightPlace(at + "norm1.weight"),
            "q_proj" => Fused(0),
            "k_proj" => Fused(1),
            "v_proj" => Fused(2),
            "attn_out" => new WeightPlace(at + "attn_out.weight"),
            "ff_norm" => new WeightPlace(at + "norm2.weight"),
            "up_proj" => new WeightPlace(at + "mlp.0" + suffix),
            "ff_out" => new WeightPlace(at + "mlp.2" + suffix),
            "ln_f" => new WeightPlace(at + "norm_final.weight"),
            _ => new WeightPlace(at + "linear" + suffix),
        };

        WeightPlace Fused(int third) => new(at + "attn_qkv.weight")
        {
            Rows = [.. Enumerable.Range(third * config.HiddenSize, config.HiddenSize)],
            StoredRows = 3 * config.HiddenSize,
        };
    }

    /// <summary>Buffers that are written along: frequencies, and the noise range that training drew from.</summary>
    public static bool Ignores(string tensor) =>
        tensor.EndsWith("rotary_emb.inv_freq", StringComparison.Ordinal) || tensor is "sampling_eps_min" or "sampling_eps_max";
}
