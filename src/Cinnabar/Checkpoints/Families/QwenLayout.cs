// The configuration keys and tensor names of Qwen2, Qwen3 and Qwen3-MoE in Hugging Face's transformers, which most families share:
//   model.embed_tokens.weight, model.norm.weight, lm_head.weight
//   model.layers.{i}.input_layernorm, post_attention_layernorm, self_attn.{q,k,v}_proj (.weight, .bias), self_attn.o_proj,
//   self_attn.{q,k}_norm, mlp.{gate,up,down}_proj, mlp.gate (router), mlp.experts.{e}.{gate,up,down}_proj
namespace Cinnabar.Checkpoints.Families;

/// <summary>Reads and writes configurations and names weights in the manner of Qwen.</summary>
internal static class QwenLayout
{
    private const int MaxWidth = 1 << 17;
    private const int MaxLayers = 1 << 10;
    private const int MaxVocabulary = 1 << 24;
    private const int MaxLength = 1 << 24;
    private const int MaxExperts = 1 << 12;

    private static readonly string[] s_ends = ["<|endoftext|>", "<|im_end|>", "<|role_end|>"];
    private static readonly string[] s_plainRotary = ["default"];

    /// <summary>What all of them have in common; the caller adds the switches of its family.</summary>
    /// <param name="source">config.json.</param>
    /// <param name="maskTokenId">The mask.</param>
    /// <param name="intermediateKey">Key of the width of dense feed-forward layers; null if there are none.</param>
    /// <param name="eosOtherwise">The id that ends a text where the file does not say; null: an error.</param>
    public static ModelConfig Read(
        ConfigSource source, int maskTokenId, string? intermediateKey = "intermediate_size", int? eosOtherwise = null)
    {
        JsonSettings json = source.Json;
        json.RequireOnly("hidden_act", "\"silu\"", required: false, "the activation of the feed-forward layer");
        json.RequireOnly("use_sliding_window", "false", required: false, "attention to a window only");
        RequirePlainRotary(json);
        int hidden = json.Int32("hidden_size", "width of the hidden states", 1, MaxWidth);
        int heads = json.Int32("num_attention_heads", "number of attention heads", 1, MaxWidth);
        int vocabulary = json.Int32("vocab_size", "number of token ids", 1, MaxVocabulary);
        int[] ends = json.OptionalIds("eos_token_id")
            ?? [eosOtherwise ?? json.Int32("eos_token_id", "the id that ends a text", 0, int.MaxValue)];
        ModelConfig config = new()
        {
            HiddenSize = hidden,
            NumHiddenLayers = json.Int32("num_hidden_layers", "number of transformer blocks", 1, MaxLayers),
            NumAttentionHeads = heads,
            NumKeyValueHeads = json.OptionalInt32("num_key_value_heads", 1, MaxWidth) ?? heads,
            IntermediateSize = intermediateKey is null
                ? 1
                : json.Int32(intermediateKey, "width of the feed-forward layer", 1, MaxWidth),
            VocabularySize = vocabulary,
            EmbeddingSize = vocabulary,
            MaxSequenceLength = json.Int32("max_position_embeddings", "longest sequence the model was made for", 1, MaxLength),
            RmsNormEps = json.Number("rms_norm_eps", "the small number inside the root of RMSNorm", 1e-12, 0.1),
            RopeTheta = json.Member("rope_parameters")?.OptionalNumber("rope_theta", 1, 1e12)
                ?? json.Number("rope_theta", "base of the rotary frequencies", 1, 1e12),
            WeightTying = json.OptionalBoolean("tie_word_embeddings") ?? false,
            MaskTokenId = maskTokenId,
            EosTokenId = ends[0],
            PadTokenId = PaddingOf(json, vocabulary, maskTokenId) ?? ends[0],
            BosTokenId = null,
            AlsoEndText = EndsOf(source, ends, maskTokenId, vocabulary),
        };
        config = json.OptionalInt32("head_dim", 1, MaxWidth) is int size ? config with { HeadSize = size } : config;
        Check(config, json);
        return config;
    }

    /// <summary>Experts under the keys of Qwen3-MoE.</summary>
    /// <param name="json">config.json.</param>
    /// <param name="widthKey">Key of the width of an expert.</param>
    public static ExpertConfig ReadExperts(JsonSettings json, string widthKey = "moe_intermediate_size")
    {
        int count = json.Int32("num_experts", "experts of a layer", 1, MaxExperts);
        int active = json.Int32("num_experts_per_tok", "experts that a token takes", 1, MaxExperts);
        return active <= count
            ? new ExpertConfig
            {
                Count = count,
                ActiveCount = active,
                IntermediateSize = json.Int32(widthKey, "width of an expert", 1, MaxWidth),
                Renormalize = json.OptionalBoolean("norm_topk_prob") ?? false,
            }
            : throw json.Wrong("num_experts_per_tok", $"at most num_experts {count}", $"{active}");
    }

    /// <summary>
    /// What <see cref="Read"/> and <see cref="ReadExperts"/> read, as JSON by key; the caller adds what its family has besides.
    /// </summary>
    /// <param name="config">The network.</param>
    /// <param name="widthKey">Key of the width of an expert.</param>
    public static SortedDictionary<string, string> Write(ModelConfig config, string widthKey = "moe_intermediate_size")
    {
        (string architecture, string modelType) = config.Family.Kinds[0];
        int[] ends = [config.EosTokenId, .. config.AlsoEndText];
        SortedDictionary<string, string> values = new(StringComparer.Ordinal)
        {
            ["architectures"] = $"[\"{architecture}\"]",
            ["bos_token_id"] = SettingsText.ValueOf(config.BosTokenId),
            ["eos_token_id"] = ends.Length == 1 ? SettingsText.ValueOf(ends[0]) : $"[{string.Join(", ", ends)}]",
            ["head_dim"] = SettingsText.ValueOf(config.HeadSize),
            ["hidden_act"] = "\"silu\"",
            ["hidden_size"] = SettingsText.ValueOf(config.HiddenSize),
            ["mask_token_id"] = SettingsText.ValueOf(config.MaskTokenId),
            ["max_position_embeddings"] = SettingsText.ValueOf(config.MaxSequenceLength),
            ["model_type"] = $"\"{modelType}\"",
            ["num_attention_heads"] = SettingsText.ValueOf(config.NumAttentionHeads),
            ["num_hidden_layers"] = SettingsText.ValueOf(config.NumHiddenLayers),
            ["num_key_value_heads"] = SettingsText.ValueOf(config.NumKeyValueHeads),
            ["pad_token_id"] = SettingsText.ValueOf(config.PadTokenId),
            ["rms_norm_eps"] = SettingsText.ValueOf(config.RmsNormEps),
            ["rope_theta"] = SettingsText.ValueOf(config.RopeTheta),
            ["tie_word_embeddings"] = SettingsText.ValueOf(config.WeightTying),
            ["vocab_size"] = SettingsText.ValueOf(config.VocabularySize),
        };
        if (config.Experts is { } experts)
        {
            values["num_experts"] = SettingsText.ValueOf(experts.Count);
            values["num_experts_per_tok"] = SettingsText.ValueOf(experts.ActiveCount);
            values[widthKey] = SettingsText.ValueOf(experts.IntermediateSize);
            values["norm_topk_prob"] = SettingsText.ValueOf(experts.Renormalize);
        }
        else
        {
            values["intermediate_size"] = SettingsText.ValueOf(config.IntermediateSize);
        }

        return values;
    }

    /// <summary>The name of a weight in the file.</summary>
    public static WeightPlace PlaceOf(NetworkWeight weight)
    {
        string layer = $"model.layers.{weight.Block}.";
        string suffix = weight.IsBias ? ".bias" : ".weight";
        return new WeightPlace(weight.Part switch
        {
            "wte" => "model.embed_tokens.weight",
            "ln_f" => "model.norm.weight",
            "head" => "lm_head.weight",
            "attn_norm" => layer + "input_layernorm.weight",
            "ff_norm" => layer + "post_attention_layernorm.weight",
            "attn_out" => layer + "self_attn.o_proj.weight",
            "router" => layer + "mlp.gate.weight",
            "ff_proj" or "up_proj" or "ff_out" => layer + FeedForwardOf(weight) + suffix,
            _ => layer + "self_attn." + weight.Part + suffix,
        });
    }

    // None: −1, an id without a row, as of a token that was added to the tokenizer alone, and the mask, which no text holds.
    private static int? PaddingOf(JsonSettings json, int vocabulary, int maskTokenId) =>
        json.OptionalInt32("pad_token_id", int.MinValue, int.MaxValue) is int padding
            && padding >= 0 && padding < vocabulary && padding != maskTokenId ? padding : null;

    private static string FeedForwardOf(NetworkWeight weight)
    {
        string expert = weight.Expert is int number ? $"experts.{number}." : "";
        string part = weight.Part switch { "ff_proj" => "gate_proj", "up_proj" => "up_proj", _ => "down_proj" };
        return "mlp." + expert + part;
    }

    /// <summary>Checks what the network takes for granted.</summary>
    public static void Check(ModelConfig config, JsonSettings json)
    {
        if (config.NumAttentionHeads % config.NumKeyValueHeads != 0)
        {
            throw json.Wrong(
                "num_key_value_heads", $"a divisor of num_attention_heads {config.NumAttentionHeads}", $"{config.NumKeyValueHeads}");
        }

        if (config.HeadSize % 2 != 0 || config.HeadSize > ModelConfig.WidestHead)
        {
            throw json.Wrong(
                "head_dim", $"heads of an even width of at most {ModelConfig.WidestHead}, for rotary positions", $"{config.HeadSize}");
        }

        if ((long)config.NumAttentionHeads * config.HeadSize > MaxWidth)
        {
            throw json.Wrong("head_dim", $"heads of together at most {MaxWidth}", $"{config.NumAttentionHeads} of {config.HeadSize}");
        }

        IEnumerable<int> ends = config.AlsoEndText.Append(config.EosTokenId);
        IEnumerable<(string, int)> others = [("mask_token_id", config.MaskTokenId)];
        foreach ((string key, int id) in ends.Select(id => ("eos_token_id", id)).Concat(others))
        {
            if (id >= config.VocabularySize)
            {
                throw json.Wrong(key, $"an id below vocab_size {config.VocabularySize}", $"{id}");
            }
        }

        if (ends.Contains(config.MaskTokenId))
        {
            throw json.Wrong("mask_token_id", "an id of its own", $"{config.MaskTokenId}, which also ends a text");
        }
    }

    // What the configuration names, and the ends of text and turn that the tokenizer has: chat models end their answers with the latter,
    // and often one of the two is missing in config.json.
    private static int[] EndsOf(ConfigSource source, int[] ends, int maskTokenId, int vocabulary)
    {
        IEnumerable<int> known = s_ends.Select(source.TokenId).OfType<int>().Where(id => id < vocabulary && id != maskTokenId);
        return [.. ends.Concat(known).Distinct().Where(id => id != ends[0])];
    }

    private static void RequirePlainRotary(JsonSettings json)
    {
        JsonSettings? scaling = json.Member("rope_scaling") ?? json.Member("rope_parameters");
        scaling?.OptionalWord("rope_type", s_plainRotary);
        scaling?.OptionalWord("type", s_plainRotary);
        scaling?.RequireOnly("factor", "1.0", required: false, "stretching of the rotary positions");
    }
}
