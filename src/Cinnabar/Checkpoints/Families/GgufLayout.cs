// The metadata keys and tensor names of llama.cpp's GGUF files for transformers (specification A.11):
//   {arch}.embedding_length, block_count, feed_forward_length, attention.head_count, attention.head_count_kv, attention.key_length,
//   attention.layer_norm_rms_epsilon, rope.freq_base, rope.dimension_count, context_length, vocab_size, expert_*;  diffusion.shift_logits
//   token_embd, output_norm, output;  blk.{i}.attn_norm, attn_{q,k,v} (.weight, .bias), attn_{q,k}_norm, attn_output, ffn_norm,
//   ffn_{gate,up,down}, ffn_gate_inp (router), exp_probs_b (its bias), ffn_{gate,up,down}_exps [E, out, in], ffn_{gate,up,down}_shexp
// The rows of q and k of arch "llada" lie in the order of interleaved rotary pairs; in the network the pairs are half a head apart:
// row s·D/2 + i of a head here is row 2·i + s there. The others are not permuted.
using Cinnabar.Checkpoints.Gguf;

namespace Cinnabar.Checkpoints.Families;

/// <summary>Reads and writes configurations as GGUF metadata, and names weights as llama.cpp does.</summary>
internal static class GgufLayout
{
    private const string ClosesHolesKey = "cinnabar.closes_holes";
    private const string CausalInfillKey = "cinnabar.causal_infill";
    private const int MaxWidth = 1 << 17;
    private const int MaxLayers = 1 << 10;
    private const int MaxVocabulary = 1 << 24;
    private const int MaxLength = 1 << 24;
    private const int MaxExperts = 1 << 12;
    private const string EndOfTurn = "tokenizer.ggml.eot_token_id";

    /// <summary>Whether texts begin with a token of their own: before add_bos_token, and written by this program alone.</summary>
    public const string BeginKey = "cinnabar.add_bos_token";

    /// <summary>The type of tokens that stand for no text, in tokenizer.ggml.token_type.</summary>
    public const long ControlToken = 3;

    /// <summary>The type of other tokens that were added.</summary>
    public const long UserDefinedToken = 4;

    private static readonly string[] s_endsOfTurn = ["<|eot_id|>", "<|im_end|>", "<|role_end|>"];

    /// <summary>What all architectures have in common; the caller adds the switches of its family.</summary>
    /// <param name="file">The file.</param>
    /// <param name="shiftByDefault">Whether logits are shifted where the file does not say.</param>
    /// <param name="maskOtherwise">The mask of the published checkpoints, where the file does not say; null: an error.</param>
    public static ModelConfig Read(GgufFile file, bool shiftByDefault, int? maskOtherwise)
    {
        GgufMetadata metadata = file.Metadata;
        string architecture = metadata.Text("general.architecture");
        int Number(string key, int most) => (int)metadata.Integer($"{architecture}.{key}", 1, most);
        int? Optional(string key, int most) => (int?)metadata.OptionalInteger($"{architecture}.{key}", 1, most);
        const string EpsilonKey = "attention.layer_norm_rms_epsilon";
        RequirePlainRotary(metadata, architecture);
        int vocabulary = Optional("vocab_size", MaxVocabulary) ?? Math.Max(1, metadata.Texts("tokenizer.ggml.tokens").Count);
        int heads = Number("attention.head_count", MaxWidth);
        int eos = (int)metadata.Integer("tokenizer.ggml.eos_token_id", 0, vocabulary - 1);
        // Converters of diffusion models do not name it: then it is the control token that says so.
        int? turn = (int?)metadata.OptionalInteger(EndOfTurn, 0, vocabulary - 1)
            ?? TokensOf(metadata, vocabulary, s_endsOfTurn, ControlToken).Select(id => (int?)id).FirstOrDefault();
        ModelConfig config = new()
        {
            HiddenSize = Number("embedding_length", MaxWidth),
            NumHiddenLayers = Number("block_count", MaxLayers),
            NumAttentionHeads = heads,
            NumKeyValueHeads = Optional("attention.head_count_kv", MaxWidth) ?? heads,
            IntermediateSize = Optional("feed_forward_length", MaxWidth) ?? 1,
            VocabularySize = vocabulary,
            EmbeddingSize = vocabulary,
            MaxSequenceLength = Number("context_length", MaxLength),
            RmsNormEps = InRange(EpsilonKey, 1e-12, 0.1),
            RopeTheta = InRange("rope.freq_base", 1, 1e12),
            WeightTying = !file.Tensors.ContainsKey("output.weight"),
            MaskTokenId = (int?)metadata.OptionalInteger("tokenizer.ggml.mask_token_id", 0, vocabulary - 1)
                ?? maskOtherwise ?? (int)metadata.Integer("tokenizer.ggml.mask_token_id", 0, vocabulary - 1),
            EosTokenId = eos,
            PadTokenId = (int?)metadata.OptionalInteger("tokenizer.ggml.padding_token_id", 0, vocabulary - 1) ?? eos,
            BosTokenId = AddsBegin(metadata) == true
                ? (int?)metadata.OptionalInteger("tokenizer.ggml.bos_token_id", 0, vocabulary - 1)
                : null,
            AlsoEndText = turn is int id && id != eos ? [id] : [],
            ShiftLogits = metadata.OptionalBoolean("diffusion.shift_logits") ?? shiftByDefault,
            ClosesHoles = metadata.OptionalBoolean(ClosesHolesKey) ?? false,
            CausalInfill = metadata.OptionalBoolean(CausalInfillKey) ?? false,
        };
        config = Optional("attention.key_length", MaxWidth) is int size ? config with { HeadSize = size } : config;
        config = Optional("rope.dimension_count", MaxWidth) is int rotating ? config with { RotaryDimensions = rotating } : config;
        Check(config, metadata, architecture);
        return config;

        double InRange(string key, double least, double most)
        {
            string full = $"{architecture}.{key}";
            double number = metadata.Number(full);
            return number >= least && number <= most ? number : throw metadata.Wrong(full, $"a number from {least} to {most}");
        }
    }

    /// <summary>Whether texts begin with the begin token; null: the file does not say.</summary>
    public static bool? AddsBegin(GgufMetadata metadata) =>
        metadata.OptionalBoolean(BeginKey) ?? metadata.OptionalBoolean("tokenizer.ggml.add_bos_token");

    /// <summary>The ids of tokens by their texts, in ascending order.</summary>
    /// <param name="metadata">The keys of the file.</param>
    /// <param name="vocabulary">Number of ids of the network.</param>
    /// <param name="texts">What they are called.</param>
    /// <param name="types">Their types; what has another type is ordinary text of that spelling.</param>
    public static IEnumerable<int> TokensOf(GgufMetadata metadata, int vocabulary, string[] texts, params long[] types)
    {
        IReadOnlyList<string> tokens = metadata.OptionalTexts("tokenizer.ggml.tokens") ?? [];
        long[] typeOf = metadata.OptionalIntegers("tokenizer.ggml.token_type") ?? [];
        for (int id = 0; id < Math.Min(vocabulary, Math.Min(tokens.Count, typeOf.Length)); id++)
        {
            if (Array.IndexOf(types, typeOf[id]) >= 0 && Array.IndexOf(texts, tokens[id]) >= 0)
            {
                yield return id;
            }
        }
    }

    /// <summary>Refuses rotary positions that are stretched for longer texts.</summary>
    /// <exception cref="CinnabarException">They are.</exception>
    public static void RequirePlainRotary(GgufMetadata metadata, string architecture)
    {
        // llama.cpp takes plain positions for linear ones with the factor 1, or with 0, which stands for none.
        string type = $"{architecture}.rope.scaling.type";
        if (metadata.OptionalText(type) is not (null or "none" or "linear"))
        {
            throw metadata.Wrong(type, "none: stretched rotary positions are not supported");
        }

        foreach (string factor in (string[])[$"{architecture}.rope.scaling.factor", $"{architecture}.rope.scale_linear"])
        {
            if (metadata.OptionalNumber(factor) is not (null or 0.0 or 1.0))
            {
                throw metadata.Wrong(factor, "1: stretched rotary positions are not supported");
            }
        }
    }

    /// <summary>Sizes of the experts; how they are chosen is the family's.</summary>
    public static ExpertConfig ReadExperts(GgufFile file)
    {
        GgufMetadata metadata = file.Metadata;
        string architecture = metadata.Text("general.architecture");
        int count = (int)metadata.Integer($"{architecture}.expert_count", 1, MaxExperts);
        return new ExpertConfig
        {
            Count = count,
            ActiveCount = (int)metadata.Integer($"{architecture}.expert_used_count", 1, count),
            IntermediateSize = (int)metadata.Integer($"{architecture}.expert_feed_forward_length", 1, MaxWidth),
        };
    }

    /// <summary>The keys of a network, in the order and types of llama.cpp's converters.</summary>
    /// <remarks>
    /// Where diffusion.shift_logits is absent, llama.cpp shifts; its converter of LLaDA writes the key always, the others only "false".
    /// </remarks>
    public static IEnumerable<KeyValuePair<string, GgufValue>> Write(ModelConfig config)
    {
        string architecture = config.Family.GgufArchitecture!;
        KeyValuePair<string, GgufValue> Own(string key, object value) => new($"{architecture}.{key}", new GgufValue(value));
        yield return Own("context_length", (uint)config.MaxSequenceLength);
        yield return Own("embedding_length", (uint)config.HiddenSize);
        yield return Own("block_count", (uint)config.NumHiddenLayers);
        if (config.Experts is null)
        {
            yield return Own("feed_forward_length", (uint)config.IntermediateSize);
        }

        yield return Own("attention.head_count", (uint)config.NumAttentionHeads);
        yield return Own("attention.head_count_kv", (uint)config.NumKeyValueHeads);
        yield return Own("attention.layer_norm_rms_epsilon", (float)config.RmsNormEps);
        yield return Own("rope.freq_base", (float)config.RopeTheta);
        yield return Own("rope.dimension_count", (uint)config.RotaryDimensions);
        yield return Own("attention.causal", false);
        yield return Own("vocab_size", (uint)config.VocabularySize);
        if (config.HeadSize * config.NumAttentionHeads != config.HiddenSize)
        {
            yield return Own("attention.key_length", (uint)config.HeadSize);
            yield return Own("attention.value_length", (uint)config.HeadSize);
        }

        if (config.Experts is { } experts)
        {
            yield return Own("expert_count", (uint)experts.Count);
            yield return Own("expert_used_count", (uint)experts.ActiveCount);
            yield return Own("expert_feed_forward_length", (uint)experts.IntermediateSize);
        }

        if (!config.ShiftLogits || config.Family is LladaFamily)
        {
            yield return new("diffusion.shift_logits", new GgufValue(config.ShiftLogits));
        }

        if (config.ClosesHoles)
        {
            yield return new(ClosesHolesKey, new GgufValue(true));
        }

        if (config.CausalInfill)
        {
            yield return new(CausalInfillKey, new GgufValue(true));
        }
    }

    /// <summary>Where a weight lies in the file.</summary>
    /// <param name="weight">The weight.</param>
    /// <param name="config">The network.</param>
    /// <param name="hasRotaryPairs">Whether rows of q and k are in the order of interleaved pairs.</param>
    public static WeightPlace PlaceOf(NetworkWeight weight, ModelConfig config, bool hasRotaryPairs)
    {
        string block = $"blk.{weight.Block}.";
        string suffix = weight.IsBias ? ".bias" : ".weight";
        string experts = weight.Expert is not null ? "_exps" : weight.IsShared ? "_shexp" : "";
        string name = weight.Part switch
        {
            "wte" => "token_embd.weight",
            "ln_f" => "output_norm.weight",
            "head" => "output.weight",
            "attn_out" => block + "attn_output.weight",
            "attn_norm" or "ff_norm" => block + weight.Part.Replace("ff_", "ffn_", StringComparison.Ordinal) + ".weight",
            "router" => block + "ffn_gate_inp.weight",
            "router_bias" => block + "exp_probs_b.bias",
            "ff_proj" => block + "ffn_gate" + experts + ".weight",
            "up_proj" => block + "ffn_up" + experts + ".weight",
            "ff_out" => block + "ffn_down" + experts + ".weight",
            "q_norm" or "k_norm" => block + "attn_" + weight.Part + ".weight",
            _ => block + "attn_" + weight.Part[..1] + suffix,
        };
        bool isPermuted = hasRotaryPairs && weight.Part is "q_proj" or "k_proj";
        return new WeightPlace(name)
        {
            Slice = weight.Expert,
            StoredSlices = weight.Expert is null ? 0 : config.Experts!.Count,
            Rows = isPermuted ? HalvesFromPairs(weight.Shape[0], config.HeadSize) : null,
            StoredRows = isPermuted ? weight.Shape[0] : 0,
        };
    }

    /// <summary>For each row of the network, the row of the file that holds it.</summary>
    internal static int[] HalvesFromPairs(int rows, int headSize)
    {
        int half = headSize / 2;
        int RowOf(int row)
        {
            (int head, int inHead) = Math.DivRem(row, headSize);
            return (head * headSize) + (2 * (inHead % half)) + (inHead / half);
        }

        return [.. Enumerable.Range(0, rows).Select(RowOf)];
    }

    private static void Check(ModelConfig config, GgufMetadata metadata, string architecture)
    {
        string heads = $"{architecture}.attention.head_count";
        if (config.NumAttentionHeads % config.NumKeyValueHeads != 0)
        {
            throw metadata.Wrong($"{heads}_kv", $"a divisor of head_count {config.NumAttentionHeads}");
        }

        bool isOdd = config.HeadSize is < 2 or > ModelConfig.WidestHead || config.HeadSize % 2 != 0;
        if (isOdd || (long)config.HeadSize * config.NumAttentionHeads > MaxWidth)
        {
            throw metadata.Wrong(heads, $"heads of an even width, together at most {MaxWidth}", $"width {config.HeadSize}");
        }

        if (config.RotaryDimensions > config.HeadSize || config.RotaryDimensions % 2 != 0)
        {
            throw metadata.Wrong($"{architecture}.rope.dimension_count", $"an even number up to the width of a head {config.HeadSize}");
        }

        if (config.MaskTokenId == config.EosTokenId)
        {
            throw metadata.Wrong("tokenizer.ggml.eos_token_id", $"another id than the mask {config.MaskTokenId}");
        }
    }
}
