// The two directions between ModelConfig and config.json. Keys of the reference that select something we do not implement
// are listed once, in s_fixed: reading refuses any other value by name, writing emits exactly these values.
using Cinnabar.Checkpoints.Families;
using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Checkpoints;

/// <summary>Reads and writes config.json.</summary>
internal static class ModelConfigJson
{
    private const string ClosesHolesKey = "closes_holes";
    private const string CausalInfillKey = "causal_infill";

    // Limits far above any open model; they keep products within 64 bits and loops short.
    private const int MaxWidth = 1 << 17;
    private const int MaxLayers = 1 << 10;
    private const int MaxVocabulary = 1 << 24;
    private const int MaxLength = 1 << 20;

    private static readonly string[] s_attentionKinds = ["full", "block_causal", "causal"];

    // Required: the reference class has another default, so absence would mean another network.
    private static readonly (string Key, string Json, bool Required, string Meaning)[] s_fixed =
    [
        ("activation_type", "\"silu\"", true, "the activation of the feed-forward layer"),
        ("alibi", "false", false, "attention biases by distance"),
        ("attention_layer_norm", "false", false, "norms of queries and keys"),
        ("bias_for_layer_norm", "false", false, "biases of the norms"),
        ("block_group_size", "1", false, "blocks per group, which changes the tensor names"),
        ("block_type", "\"llama\"", true, "the kind of transformer block"),
        ("include_bias", "false", false, "biases of the linear layers"),
        ("include_qkv_bias", "false", false, "biases of queries, keys and values"),
        ("input_emb_norm", "false", false, "scaling of the embeddings"),
        ("layer_norm_type", "\"rms\"", true, "the kind of norm"),
        ("layer_norm_with_affine", "true", false, "weights of the norms"),
        ("scale_logits", "false", false, "scaling of the logits"),
    ];

    // Written for the reference class, which knows them; nothing here depends on them.
    private static readonly (string Key, string Json)[] s_ignored =
    [
        ("attention_dropout", "0.0"),
        ("attention_layer_norm_with_affine", "true"),
        ("embedding_dropout", "0.0"),
        ("flash_attention", "false"),
        ("init_cutoff_factor", "null"),
        ("init_device", "\"cpu\""),
        ("init_fn", "\"normal\""),
        ("init_std", "0.02"),
        ("mlp_ratio", "4"),
        ("multi_query_attention", "null"),
        ("precision", "\"amp_bf16\""),
        ("residual_dropout", "0.0"),
        ("rope_full_precision", "true"),
        ("torch_dtype", "\"bfloat16\""),
        ("use_cache", "false"),
    ];

    // Must be absent or null: they change the network or the storage of its weights.
    private static readonly string[] s_absent = ["clip_qkv", "multi_query_attention", "rope_scaling"];

    /// <summary>Checks every value.</summary>
    /// <param name="json">The file.</param>
    /// <param name="architecture">The only value of architectures.</param>
    /// <param name="modelType">The only value of model_type.</param>
    public static ModelConfig Read(JsonSettings json, string architecture, string modelType)
    {
        json.RequireOnly("architectures", $"[\"{architecture}\"]", required: true, "the architecture");
        json.RequireOnly("model_type", $"\"{modelType}\"", required: true, "the family of the model");
        foreach ((string key, string value, bool required, string meaning) in s_fixed)
        {
            json.RequireOnly(key, value, required, meaning);
        }

        foreach (string key in s_absent)
        {
            json.RequireOnly(key, "null", required: false, "not supported");
        }

        int hidden = json.Int32("d_model", "width of the hidden states", 1, MaxWidth);
        int heads = json.Int32("n_heads", "number of attention heads", 1, MaxWidth);
        int vocabulary = json.Int32("vocab_size", "number of token ids", 1, MaxVocabulary);
        string kind = json.OptionalWord("attention_kind", s_attentionKinds) ?? s_attentionKinds[0];
        ModelConfig config = new()
        {
            HiddenSize = hidden,
            NumHiddenLayers = json.Int32("n_layers", "number of transformer blocks", 1, MaxLayers),
            NumAttentionHeads = heads,
            NumKeyValueHeads = json.OptionalInt32("n_kv_heads", 1, MaxWidth) ?? heads,
            IntermediateSize = json.Int32("mlp_hidden_size", "width of the feed-forward layer", 1, MaxWidth),
            VocabularySize = vocabulary,
            EmbeddingSize = json.OptionalInt32("embedding_size", 1, MaxVocabulary) ?? vocabulary,
            MaxSequenceLength = json.Int32("max_sequence_length", "longest sequence the model was made for", 1, MaxLength),
            RmsNormEps = json.Number("rms_norm_eps", "the small number inside the root of RMSNorm", 1e-12, 0.1),
            LearnedPositions = !json.Boolean("rope", "whether positions are rotations; else they are learned vectors"),
            RopeTheta = json.Number("rope_theta", "base of the rotary frequencies", 1, 1e12),
            WeightTying = json.Boolean("weight_tying", "whether the head is the embedding table"),
            MaskTokenId = json.Int32("mask_token_id", "the id that stands for a masked position", 0, int.MaxValue),
            EosTokenId = json.Int32("eos_token_id", "the id that ends a text", 0, int.MaxValue),
            PadTokenId = json.Int32("pad_token_id", "the id that fills up a batch", 0, int.MaxValue),
            BosTokenId = json.OptionalInt32("bos_token_id", 0, int.MaxValue),
            AttentionKind = (AttentionKind)Array.IndexOf(s_attentionKinds, kind),
            AttentionBlockSize = json.OptionalInt32("attention_block_size", 1, MaxLength) ?? 1,
            ShiftLogits = json.OptionalBoolean("shift_logits") ?? false,
            ClosesHoles = json.OptionalBoolean(ClosesHolesKey) ?? false,
            CausalInfill = json.OptionalBoolean(CausalInfillKey) ?? false,
        };

        Check(config, json);
        return config;
    }

    /// <summary>Writes every key, alphabetically; the result is read back once, so that nothing is saved that cannot be loaded.</summary>
    public static byte[] Write(ModelConfig config)
    {
        SortedDictionary<string, string> values = Chosen(config);
        foreach ((string key, string value, _, _) in s_fixed)
        {
            values[key] = value;
        }

        foreach ((string key, string value) in s_ignored)
        {
            values[key] = value;
        }

        (string architecture, string modelType) = config.Latents is null
            ? (LladaFamily.Architecture, LladaFamily.ModelType)
            : (LatentFamily.Architecture, LatentFamily.ModelType);
        (values["architectures"], values["model_type"]) = ($"[\"{architecture}\"]", $"\"{modelType}\"");

        // Keys of our own are not in the configuration of a plain LLaDA model.
        if (config.AttentionKind == AttentionKind.Full)
        {
            values.Remove("attention_kind");
        }

        if (config.Quantization is null)
        {
            values.Remove(WeightQuantization.ConfigKey);
        }

        if (config.Latents is null)
        {
            values.Remove(LatentShape.ConfigKey);
        }

        if (!config.ShiftLogits)
        {
            values.Remove("shift_logits");
        }

        if (!config.ClosesHoles)
        {
            values.Remove(ClosesHolesKey);
        }

        if (!config.CausalInfill)
        {
            values.Remove(CausalInfillKey);
        }

        byte[] text = SettingsText.ObjectOf(values);
        ModelConfig.Parse("the configuration to be saved", text);
        return text;
    }

    /// <summary>
    /// Every key that a configuration may have, with those that transformers adds to published ones; one inside of latents as latents.size.
    /// </summary>
    public static IReadOnlySet<string> KnownKeys(ModelConfig config) => new HashSet<string>(
        [
            .. Chosen(config).Keys, .. s_fixed.Select(one => one.Key), .. s_ignored.Select(one => one.Key), .. s_absent,
            .. LatentJson.Keys.Select(key => $"{LatentShape.ConfigKey}.{key}"),
            "architectures", "attention_block_size", "model_type", "_name_or_path", "auto_map", "transformers_version",
        ],
        StringComparer.Ordinal);

    /// <summary>The first key, alphabetically, in which two configurations differ.</summary>
    public static (string Key, string Value, string OtherValue)? FirstDifference(ModelConfig config, ModelConfig other)
    {
        SortedDictionary<string, string> others = Chosen(other);
        foreach ((string key, string value) in Chosen(config))
        {
            if (others.TryGetValue(key, out string? otherValue) && otherValue != value)
            {
                return (key, value, otherValue);
            }
        }

        return null;
    }

    // Every key that has more than one possible value, as JSON. Only block-causal attention has a block.
    private static SortedDictionary<string, string> Chosen(ModelConfig config)
    {
        SortedDictionary<string, string> values = new(StringComparer.Ordinal)
        {
            ["attention_kind"] = $"\"{s_attentionKinds[(int)config.AttentionKind]}\"",
            ["bos_token_id"] = Text(config.BosTokenId),
            [CausalInfillKey] = Text(config.CausalInfill),
            [ClosesHolesKey] = Text(config.ClosesHoles),
            ["d_model"] = Text(config.HiddenSize),
            ["embedding_size"] = Text(config.EmbeddingSize),
            ["eos_token_id"] = Text(config.EosTokenId),
            ["mask_token_id"] = Text(config.MaskTokenId),
            [LatentShape.ConfigKey] = config.Latents?.ToJson() ?? "null",
            ["max_sequence_length"] = Text(config.MaxSequenceLength),
            ["mlp_hidden_size"] = Text(config.IntermediateSize),
            ["n_heads"] = Text(config.NumAttentionHeads),
            ["n_kv_heads"] = Text(config.NumKeyValueHeads),
            ["n_layers"] = Text(config.NumHiddenLayers),
            ["pad_token_id"] = Text(config.PadTokenId),
            [WeightQuantization.ConfigKey] = config.Quantization?.ToJson(config) ?? "null",
            ["rms_norm_eps"] = Text(config.RmsNormEps),
            ["rope"] = Text(!config.LearnedPositions),
            ["rope_theta"] = Text(config.RopeTheta),
            ["shift_logits"] = Text(config.ShiftLogits),
            ["vocab_size"] = Text(config.VocabularySize),
            ["weight_tying"] = Text(config.WeightTying),
        };
        if (config.AttentionKind == AttentionKind.BlockCausal)
        {
            values["attention_block_size"] = Text(config.AttentionBlockSize);
        }

        return values;
    }

    private static string Text(object? value) => SettingsText.ValueOf(value);

    private static void Check(ModelConfig config, JsonSettings json)
    {
        if (config.HiddenSize % config.NumAttentionHeads != 0)
        {
            throw json.Wrong("n_heads", $"a divisor of d_model {config.HiddenSize}", $"{config.NumAttentionHeads}");
        }

        if (config.HeadSize % 2 != 0 || config.HeadSize > ModelConfig.WidestHead)
        {
            throw json.Wrong(
                "n_heads",
                $"heads of an even width of at most {ModelConfig.WidestHead} (d_model {config.HiddenSize} / n_heads), for rotary positions",
                $"width {config.HeadSize}");
        }

        if (config.NumAttentionHeads % config.NumKeyValueHeads != 0)
        {
            throw json.Wrong("n_kv_heads", $"a divisor of n_heads {config.NumAttentionHeads}", $"{config.NumKeyValueHeads}");
        }

        if (config.EmbeddingSize < config.VocabularySize)
        {
            throw json.Wrong("embedding_size", $"at least vocab_size {config.VocabularySize}", $"{config.EmbeddingSize}");
        }

        CheckId("mask_token_id", config.MaskTokenId);
        CheckId("eos_token_id", config.EosTokenId);
        CheckId("pad_token_id", config.PadTokenId);
        CheckId("bos_token_id", config.BosTokenId ?? 0);
        if (config.MaskTokenId == config.EosTokenId)
        {
            throw json.Wrong("mask_token_id", "an id of its own", $"{config.MaskTokenId}, which is also eos_token_id");
        }

        if (config.AttentionKind == AttentionKind.BlockCausal && !json.Has("attention_block_size"))
        {
            throw json.Wrong("attention_block_size", "the block of attention_kind \"block_causal\"", "none");
        }

        if (config.ClosesHoles && (config.AttentionKind != AttentionKind.Full || config.Latents is not null))
        {
            throw json.Wrong(ClosesHolesKey, "false where attention does not see what is behind a hole, and with latents", "true");
        }

        if (config.CausalInfill && (config.AttentionKind != AttentionKind.Full || !config.ShiftLogits || config.Latents is not null))
        {
            throw json.Wrong(CausalInfillKey, "false but with attention_kind \"full\" and shift_logits, without latents", "true");
        }

        void CheckId(string key, int id)
        {
            if (id >= config.VocabularySize)
            {
                throw json.Wrong(key, $"an id below vocab_size {config.VocabularySize}", $"{id}");
            }
        }
    }
}
