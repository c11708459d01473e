// DiffusionGemma in GGUF files (llama.cpp, architecture "diffusion-gemma"; specification models2026 1.7). Keys with _swa are those of
// sliding layers. What a file need not have:
//   rope_freqs [D/2]        divisors of the rotary frequencies of full layers: 1, or so large (1e30) that the pair stands still
//   ffn_gate_exps, ffn_up_exps, or both in ffn_gate_up_exps [E, 2W, C]
//   enc_layer_output_scale  the factor of known text; else it is that of the canvas
// √C is not rounded, as llama.cpp computes it in F32.
using Cinnabar.Checkpoints.Gguf;
using Cinnabar.Sampling;

namespace Cinnabar.Checkpoints.Families;

/// <summary>Reads GGUF metadata of DiffusionGemma and names its weights there.</summary>
internal static class DiffusionGemmaGguf
{
    public const string Architecture = "diffusion-gemma";

    private const int MaxWidth = 1 << 17;
    private const int MaxLayers = 1 << 10;
    private const int MaxLength = 1 << 24;
    private const int MaxCanvas = 1 << 14;
    private const float StandsStill = 1e20f;

    /// <summary>The divisors of the rotary frequencies.</summary>
    public const string RotaryDivisors = "rope_freqs.weight";

    // A file names the id that ends a text, seldom those that end a turn: an answer, and one that waits for what a tool says.
    private static readonly string[] s_ends = ["<turn|>", "<|tool_response>"];

    private static readonly Dictionary<string, string> s_names = new()
    {
        ["wte"] = "token_embd.weight",
        ["ln_f"] = "output_norm.weight",
        ["input_layernorm.weight"] = "attn_norm.weight",
        ["post_attention_layernorm.weight"] = "post_attention_norm.weight",
        ["pre_feedforward_layernorm.weight"] = "ffn_norm.weight",
        ["pre_feedforward_layernorm_2.weight"] = "pre_ffw_norm_2.weight",
        ["post_feedforward_layernorm.weight"] = "post_ffw_norm.weight",
        ["post_feedforward_layernorm_1.weight"] = "post_ffw_norm_1.weight",
        ["post_feedforward_layernorm_2.weight"] = "post_ffw_norm_2.weight",
        ["self_attn.q_proj.weight"] = "attn_q.weight",
        ["self_attn.k_proj.weight"] = "attn_k.weight",
        ["self_attn.v_proj.weight"] = "attn_v.weight",
        ["self_attn.o_proj.weight"] = "attn_output.weight",
        ["self_attn.q_norm.weight"] = "attn_q_norm.weight",
        ["self_attn.k_norm.weight"] = "attn_k_norm.weight",
        ["mlp.gate_proj.weight"] = "ffn_gate.weight",
        ["mlp.up_proj.weight"] = "ffn_up.weight",
        ["mlp.down_proj.weight"] = "ffn_down.weight",
        ["router"] = "ffn_gate_inp.weight",
        ["router.scale"] = "ffn_gate_inp.scale",
        ["router.per_expert_scale"] = "ffn_down_exps.scale",
        ["layer_scalar"] = "layer_output_scale.weight",
        ["encoder_scalar"] = "enc_layer_output_scale.weight",
    };

    /// <summary>Reads and checks the metadata.</summary>
    public static ModelConfig Read(GgufFile file)
    {
        GgufMetadata metadata = file.Metadata;
        GgufLayout.RequirePlainRotary(metadata, Architecture);
        int Number(string key, int most) => (int)metadata.Integer($"{Architecture}.{key}", 1, most);
        int layers = Number("block_count", MaxLayers);
        int vocabulary = Math.Max(1, metadata.Texts("tokenizer.ggml.tokens").Count);
        int Id(string name, int otherwise) =>
            (int)(metadata.OptionalInteger($"tokenizer.ggml.{name}_token_id", 0, vocabulary - 1) ?? otherwise);
        int eos = (int)metadata.Integer("tokenizer.ggml.eos_token_id", 0, vocabulary - 1);
        IEnumerable<int> turns =
            GgufLayout.TokensOf(metadata, vocabulary, s_ends, GgufLayout.ControlToken, GgufLayout.UserDefinedToken);
        int heads = Number("attention.head_count", MaxWidth);
        bool[] sliding = ReadSliding(file, layers);
        (int slidingHeads, int fullHeads) = ReadKeyHeads(metadata, sliding);
        int hidden = Number("embedding_length", MaxWidth);
        int fullSize = Number("attention.key_length", MaxWidth);
        ModelConfig config = new()
        {
            HiddenSize = hidden,
            NumHiddenLayers = layers,
            NumAttentionHeads = heads,
            NumKeyValueHeads = slidingHeads,
            HeadSize = Number("attention.key_length_swa", MaxWidth),
            IntermediateSize = Number("feed_forward_length", MaxWidth),
            VocabularySize = vocabulary,
            EmbeddingSize = vocabulary,
            MaxSequenceLength = Number("context_length", MaxLength),
            RmsNormEps = InRange(metadata, "attention.layer_norm_rms_epsilon", 1e-12, 0.1),
            RopeTheta = InRange(metadata, "rope.freq_base_swa", 1, 1e12),
            WeightTying = true,
            MaskTokenId = Id("padding", eos),
            EosTokenId = eos,
            PadTokenId = Id("padding", eos),
            BosTokenId = metadata.OptionalBoolean("tokenizer.ggml.add_bos_token") == false ? null : Id("bos", eos),
            AlsoEndText = [.. turns.Prepend(Id("eot", eos)).Distinct().Where(id => id != eos)],
            Experts = GgufLayout.ReadExperts(file) with { Renormalize = true },
            Gemma = new GemmaConfig
            {
                CanvasLength = (int)metadata.Integer("diffusion.canvas_length", 1, MaxCanvas),
                SlidingLayers = sliding,
                SlidingWindow = Number("attention.sliding_window", MaxLength),
                GlobalHeadSize = fullSize,
                GlobalKeyValueHeads = fullHeads,
                GlobalRopeTheta = InRange(metadata, "rope.freq_base", 1, 1e12),
                GlobalRotaryPairs = ReadRotaryPairs(file, fullSize),
                LogitCap = InRange(metadata, "final_logit_softcapping", 1e-3, 1e6),
                EmbeddingScale = MathF.Sqrt(hidden),
                Sampling = ReadSampling(metadata),
                SplitsExperts = !file.Tensors.ContainsKey("blk.0.ffn_gate_up_exps.weight"),
                HasTextScalars =
                    [.. Enumerable.Range(0, layers).Select(i => file.Tensors.ContainsKey($"blk.{i}.{s_names["encoder_scalar"]}"))],
            },
        };
        Check(config, metadata);
        return config;
    }

    /// <summary>Where a weight lies in the file.</summary>
    public static WeightPlace PlaceOf(NetworkWeight weight, ModelConfig config, Func<int, int[][]> gateAndUpRows)
    {
        if (weight.Block is not int layer)
        {
            string self = weight.Part.Replace("_proj", "", StringComparison.Ordinal);
            return new WeightPlace(s_names.GetValueOrDefault(weight.Part) ?? $"self_cond_{self}.weight");
        }

        string block = $"blk.{layer}.";
        if (weight.Expert is not int expert)
        {
            bool isMissing = weight.Part == "encoder_scalar" && config.Gemma!.LacksTextScalar(layer);
            return new WeightPlace(block + s_names[isMissing ? "layer_scalar" : weight.Part]);
        }

        int width = config.Experts!.IntermediateSize;
        bool isFused = weight.Part != "down_proj" && !config.Gemma!.SplitsExperts;
        string part = isFused ? "gate_up" : weight.Part.Replace("_proj", "", StringComparison.Ordinal);
        return new WeightPlace($"{block}ffn_{part}_exps.weight")
        {
            Slice = expert,
            StoredSlices = config.Experts.Count,
            Rows = isFused ? gateAndUpRows(width)[weight.Part == "up_proj" ? 1 : 0] : null,
            StoredRows = isFused ? 2 * width : 0,
        };
    }

    private static bool[] ReadSliding(GgufFile file, int layers)
    {
        const string Key = $"{Architecture}.attention.sliding_window_pattern";
        return file.Metadata.Find(Key)?.Content switch
        {
            bool[] pattern when pattern.Length == layers => pattern,
            null => throw new CinnabarException(
                $"{file.Path}: metadata: expected an Array of {layers} Bool under the key '{Key}', found none.",
                "Convert the model again."),
            _ => throw file.Metadata.Wrong(Key, $"an Array of {layers} Bool (block_count)"),
        };
    }

    // One number for each layer, the same for layers of a kind.
    private static (int Sliding, int Full) ReadKeyHeads(GgufMetadata metadata, bool[] sliding)
    {
        const string Key = $"{Architecture}.attention.head_count_kv";
        long[] heads = metadata.Integers(Key, 1, MaxWidth);
        if (heads.Length != sliding.Length)
        {
            throw metadata.Wrong(Key, $"an Array of {sliding.Length} numbers (block_count)");
        }

        return (Of(true), Of(false));

        int Of(bool kind)
        {
            long[] own = [.. heads.Where((_, layer) => sliding[layer] == kind).Distinct()];
            return own.Length <= 1
                ? (int)(own.Length == 1 ? own[0] : 1)
                : throw metadata.Wrong(Key, "the same number for all layers with a window, and for all without");
        }
    }

    private static int ReadRotaryPairs(GgufFile file, int headSize)
    {
        if (!file.Tensors.TryGetValue(RotaryDivisors, out GgufTensor? tensor))
        {
            return headSize / 2;
        }

        bool isVector = tensor.Shape.Count == 1 && tensor.Shape[0] == headSize / 2;
        float[] divisors = isVector ? file.Read(RotaryDivisors).Floats.ToArray() : [];
        int pairs = divisors.TakeWhile(divisor => divisor == 1).Count();
        return isVector && divisors.Skip(pairs).All(divisor => divisor >= StandsStill)
            ? pairs
            : throw new CinnabarException(
                $"{file.Path}: tensor '{RotaryDivisors}', offset {tensor.Offset}: expected {headSize / 2} divisors (half of key_length), "
                + $"ones and behind them numbers above {StandsStill}, found {tensor}.",
                "Other rotary positions are not supported.");
    }

    private static UniformOptions ReadSampling(GgufMetadata metadata)
    {
        UniformOptions standard = new();
        UniformOptions read = new()
        {
            Steps = (int)(metadata.OptionalInteger("diffusion.eb_max_steps", 1, UniformOptions.MaximumSteps) ?? standard.Steps),
            MaxTemperature = metadata.OptionalNumber("diffusion.eb_t_max") ?? standard.MaxTemperature,
            MinTemperature = metadata.OptionalNumber("diffusion.eb_t_min") ?? standard.MinTemperature,
            EntropyBound = metadata.OptionalNumber("diffusion.eb_entropy_bound") ?? standard.EntropyBound,
            StableSteps = (int)(metadata.OptionalInteger("diffusion.eb_stability_threshold", 0, 1024) ?? standard.StableSteps),
            MeanEntropy = metadata.OptionalNumber("diffusion.eb_confidence_threshold") ?? standard.MeanEntropy,
        };
        read.Validate();
        return read;
    }

    private static double InRange(GgufMetadata metadata, string key, double least, double most)
    {
        string full = $"{Architecture}.{key}";
        double number = metadata.Number(full);
        return number >= least && number <= most ? number : throw metadata.Wrong(full, $"a number from {least} to {most}");
    }

    private static void Check(ModelConfig config, GgufMetadata metadata)
    {
        foreach ((string key, int size, int keyHeads) in ((string, int, int)[])
            [
                ("key_length_swa", config.HeadSize, config.NumKeyValueHeads),
                ("key_length", config.Gemma!.GlobalHeadSize, config.Gemma.GlobalKeyValueHeads),
            ])
        {
            if (size % 2 != 0 || (long)size * config.NumAttentionHeads > MaxWidth)
            {
                throw metadata.Wrong($"{Architecture}.attention.{key}", $"heads of an even width, together at most {MaxWidth}");
            }

            if (config.NumAttentionHeads % keyHeads != 0)
            {
                throw metadata.Wrong($"{Architecture}.attention.head_count_kv", $"divisors of head_count {config.NumAttentionHeads}");
            }
        }

        if ((long)config.VocabularySize * config.HiddenSize > Array.MaxLength)
        {
            throw metadata.Wrong(
                $"{Architecture}.embedding_length", $"a table of at most {Array.MaxLength} numbers for {config.VocabularySize} tokens");
        }
    }
}
