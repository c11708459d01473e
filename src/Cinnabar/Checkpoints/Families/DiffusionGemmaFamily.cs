// DiffusionGemma-26B-A4B: a Gemma 4 that reads known text causally and denoises canvases of 256 tokens from uniform noise; the network is
// GemmaDenoiser, the loop UniformRun. Text only: the tensors of its vision part are ignored. The sizes stand in config.json under
// text_config. Facts: huggingface/transformers models/diffusion_gemma; specification models2026 1.2, 1.6, 1.8.
using System.Text.Json;
using Cinnabar.Checkpoints.Gguf;
using Cinnabar.Models;
using Cinnabar.Numerics;
using Cinnabar.Numerics.Kernels;
using Cinnabar.Sampling;

namespace Cinnabar.Checkpoints.Families;

/// <summary>DiffusionGemma.</summary>
public sealed class DiffusionGemmaFamily : ModelFamily
{
    private const int MaxWidth = 1 << 17;
    private const int MaxLayers = 1 << 10;
    private const int MaxVocabulary = 1 << 24;
    private const int MaxLength = 1 << 24;
    private const int MaxExperts = 1 << 12;
    private const int MaxCanvas = 1 << 14;
    private const double MaxTheta = 1e12;
    private const string Sliding = "sliding_attention";
    private const string Full = "full_attention";

    // Other Gemma 4 models have these; this network does not know them.
    private static readonly (string Key, string Json, string Meaning)[] s_fixed =
    [
        ("attention_bias", "false", "biases of queries, keys and values"),
        ("attn_logit_softcapping", "null", "a limit of the attention scores"),
        ("hidden_activation", "\"gelu_pytorch_tanh\"", "the activation of the feed-forward layers"),
        ("hidden_size_per_layer_input", "0", "embeddings for each layer"),
        ("num_kv_shared_layers", "0", "keys and values shared between layers"),
        ("use_double_wide_mlp", "false", "wider feed-forward layers"),
    ];

    private int[][] _expertRows = [[], []];

    /// <inheritdoc/>
    public override string Name => "diffusion-gemma";

    /// <inheritdoc/>
    public override IReadOnlyList<(string Architecture, string ModelType)> Kinds =>
        [("DiffusionGemmaForBlockDiffusion", "diffusion_gemma"), ("DiffusionGemma4ModelForBlockDiffusion", "diffusion_gemma")];

    /// <inheritdoc/>
    public override string ChatTemplate => "gemma";

    /// <inheritdoc/>
    public override string GgufArchitecture => DiffusionGemmaGguf.Architecture;

    /// <inheritdoc/>
    /// <remarks>GGUF files are read only.</remarks>
    internal override bool Converts => false;

    internal override ModelConfig ReadGguf(GgufFile file) => DiffusionGemmaGguf.Read(file);

    internal override WeightPlace GgufPlaceOf(NetworkWeight weight, ModelConfig config) =>
        DiffusionGemmaGguf.PlaceOf(weight, config, RowsOf);

    internal override bool KnowsInGguf(string tensor) => tensor == DiffusionGemmaGguf.RotaryDivisors;

    internal override ModelConfig ReadConfig(ConfigSource source)
    {
        JsonSettings root = source.Json;
        JsonSettings text = root.Member("text_config")
            ?? throw root.Wrong("text_config", "an object with the sizes of the text network", "none");
        root.RequireOnly("quantization_config", "null", required: false, "how the weights are stored");
        root.RequireOnly("tie_word_embeddings", "true", required: false, "whether the head is the embedding table");
        foreach ((string key, string value, string meaning) in s_fixed)
        {
            text.RequireOnly(key, value, required: false, meaning);
        }

        int vocabulary = text.Int32("vocab_size", "number of token ids", 1, MaxVocabulary);
        int[] ends = root.OptionalIds("eos_token_id") ?? text.OptionalIds("eos_token_id")
            ?? throw root.Wrong("eos_token_id", "the ids that end a text", "none");
        int padding = text.Int32("pad_token_id", "the id that fills up a canvas", 0, int.MaxValue);
        JsonSettings rotary = MemberOf(text, "rope_parameters");
        JsonSettings slidingRotary = MemberOf(rotary, Sliding);
        slidingRotary.RequireOnly("rope_type", "\"default\"", required: false, "the kind of rotary positions");
        ModelConfig config = new()
        {
            HiddenSize = text.Int32("hidden_size", "width of the hidden states", 1, MaxWidth),
            NumHiddenLayers = text.Int32("num_hidden_layers", "number of layers", 1, MaxLayers),
            NumAttentionHeads = text.Int32("num_attention_heads", "number of attention heads", 1, MaxWidth),
            NumKeyValueHeads = text.Int32("num_key_value_heads", "key heads of sliding layers", 1, MaxWidth),
            HeadSize = text.Int32("head_dim", "head width of sliding layers", 2, MaxWidth),
            IntermediateSize = text.Int32("intermediate_size", "width of the dense feed-forward layers", 1, MaxWidth),
            VocabularySize = vocabulary,
            EmbeddingSize = vocabulary,
            MaxSequenceLength = text.Int32("max_position_embeddings", "longest sequence the model was made for", 1, MaxLength),
            RmsNormEps = text.Number("rms_norm_eps", "the small number inside the root of RMSNorm", 1e-12, 0.1),
            RopeTheta = slidingRotary.Number("rope_theta", "base of the rotary frequencies", 1, MaxTheta),
            WeightTying = true,
            MaskTokenId = padding, // no id stands for noise; this one a canvas shows before it has any
            EosTokenId = ends[0],
            PadTokenId = padding,
            BosTokenId = text.OptionalInt32("bos_token_id", 0, int.MaxValue),
            AlsoEndText = ends[1..],
            Experts = ReadExperts(text),
        };
        config = config with { Gemma = ReadGemma(root, text, rotary, config) };
        Check(config, root, text);
        return config;
    }

    internal override IEnumerable<NetworkWeight> Weights(ModelConfig config) => GemmaWeightNames.Expected(config);

    // Factors of known text that are as those of the canvas may be left out.
    internal override ModelConfig InSafetensors(ModelConfig config, Func<string, bool> has) => config with
    {
        Gemma = config.Gemma! with
        {
            HasTextScalars =
                [.. Enumerable.Range(0, config.NumHiddenLayers).Select(layer => has(GemmaWeightNames.EncoderScalarOf(layer)))],
        },
    };

    internal override WeightPlace PlaceOf(NetworkWeight weight, ModelConfig config)
    {
        if (weight is { Part: "encoder_scalar", Block: int block } && config.Gemma!.LacksTextScalar(block))
        {
            return new WeightPlace(GemmaWeightNames.OfLayer(block, "layer_scalar"));
        }

        if (weight is not { Expert: int expert, Block: int layer })
        {
            return new WeightPlace(weight.Name);
        }

        int width = config.Experts!.IntermediateSize;
        bool isDown = weight.Part == "down_proj";
        return new WeightPlace(GemmaWeightNames.OfLayer(layer, isDown ? "experts.down_proj" : "experts.gate_up_proj"))
        {
            Slice = expert,
            StoredSlices = config.Experts.Count,
            Rows = isDown ? null : RowsOf(width)[weight.Part == "up_proj" ? 1 : 0],
            StoredRows = isDown ? 0 : 2 * width,
        };
    }

    /// <inheritdoc/>
    /// <remarks>Vision, an explicit head, and copies of the text network's own weights.</remarks>
    internal override bool Ignores(string tensor, ModelConfig config) =>
        tensor == "lm_head.weight" || tensor.StartsWith("model.encoder.", StringComparison.Ordinal);

    internal override IDenoiser CreateNetwork(
        ModelConfig config, Func<string, Tensor> read, KernelTable kernels, MatMulPrecision precision) =>
        GemmaDenoiser.ForInference(config, read, kernels, precision);

    internal override bool DividesIntoLayers => false;

    internal override NoiseKind Noise => NoiseKind.Uniform;

    internal override SamplerOptions Defaults(ModelConfig config) =>
        new() { MaxNewTokens = config.Gemma!.CanvasLength, Uniform = config.Gemma.Sampling };

    // Of a stacked matrix: those of the gate, then those of up. All experts have the same, so they are made once.
    private int[][] RowsOf(int width)
    {
        int[][] rows = _expertRows;
        if (rows[0].Length != width)
        {
            _expertRows = rows = [[.. Enumerable.Range(0, width)], [.. Enumerable.Range(width, width)]];
        }

        return rows;
    }

    private static ExpertConfig ReadExperts(JsonSettings text)
    {
        int count = text.Int32("num_experts", "experts of a layer", 1, MaxExperts);
        return new ExpertConfig
        {
            Count = count,
            ActiveCount = text.Int32("top_k_experts", "experts that a token takes", 1, count),
            IntermediateSize = text.Int32("moe_intermediate_size", "width of an expert", 1, MaxWidth),
            Renormalize = true,
        };
    }

    private static GemmaConfig ReadGemma(JsonSettings root, JsonSettings text, JsonSettings rotary, ModelConfig config)
    {
        JsonSettings fullRotary = MemberOf(rotary, Full);
        fullRotary.RequireOnly("rope_type", "\"proportional\"", required: true, "the kind of rotary positions");
        double factor = fullRotary.OptionalNumber("partial_rotary_factor", 0, 1) ?? 1;
        int headSize = text.Int32("global_head_dim", "head width of full layers", 2, MaxWidth);
        float scale = MathF.Sqrt(config.HiddenSize);
        return new GemmaConfig
        {
            CanvasLength = root.Int32("canvas_length", "tokens that are denoised together", 1, MaxCanvas),
            SlidingLayers = ReadLayers(text, config.NumHiddenLayers),
            SlidingWindow = text.Int32("sliding_window", "positions that sliding layers see", 1, MaxLength),
            GlobalHeadSize = headSize,
            GlobalKeyValueHeads = text.Int32("num_global_key_value_heads", "key heads of full layers", 1, MaxWidth),
            GlobalRopeTheta = fullRotary.Number("rope_theta", "base of the rotary frequencies", 1, MaxTheta),
            GlobalRotaryPairs = (int)(factor * headSize / 2),
            LogitCap = text.Number("final_logit_softcapping", "limit of the logits", 1e-3, 1e6),
            EmbeddingScale = (root.OptionalText("dtype") ?? root.OptionalText("torch_dtype")) switch
            {
                "bfloat16" => BFloat16.ToFloat(BFloat16.FromFloat(scale)),
                "float16" => (float)(Half)scale,
                _ => scale,
            },
            ImageTokenIds =
            [
                .. ((string[])["image_token_id", "boi_token_id", "eoi_token_id"])
                    .Select(key => root.OptionalInt32(key, 0, int.MaxValue)).OfType<int>(),
            ],
        };
    }

    private static bool[] ReadLayers(JsonSettings text, int count)
    {
        JsonElement? value = text.Value("layer_types");
        if (value is not { ValueKind: JsonValueKind.Array } list || list.GetArrayLength() != count)
        {
            throw text.Wrong(
                "layer_types",
                $"a list of num_hidden_layers {count} words",
                value is { ValueKind: JsonValueKind.Array } other ? $"{other.GetArrayLength()}" : "none");
        }

        return [.. list.EnumerateArray().Select(IsSliding)];

        bool IsSliding(JsonElement layer) =>
            layer.ValueKind != JsonValueKind.String || !(layer.ValueEquals(Sliding) || layer.ValueEquals(Full))
                ? throw text.Wrong("layer_types", $"\"{Sliding}\" or \"{Full}\"", ErrorText.Quote(layer.GetRawText()))
                : layer.ValueEquals(Sliding);
    }

    private static JsonSettings MemberOf(JsonSettings json, string key) =>
        json.Member(key) ?? throw json.Wrong(key, "an object with the rotary positions", "none");

    private static void Check(ModelConfig config, JsonSettings root, JsonSettings text)
    {
        GemmaConfig gemma = config.Gemma!;
        foreach ((string headsKey, int heads, string sizeKey, int size) in ((string, int, string, int)[])
            [
                ("num_key_value_heads", config.NumKeyValueHeads, "head_dim", config.HeadSize),
                ("num_global_key_value_heads", gemma.GlobalKeyValueHeads, "global_head_dim", gemma.GlobalHeadSize),
            ])
        {
            if (config.NumAttentionHeads % heads != 0)
            {
                throw text.Wrong(headsKey, $"a divisor of num_attention_heads {config.NumAttentionHeads}", $"{heads}");
            }

            if (size % 2 != 0 || (long)size * config.NumAttentionHeads > MaxWidth)
            {
                throw text.Wrong(sizeKey, $"heads of an even width, together at most {MaxWidth}", $"{config.NumAttentionHeads} of {size}");
            }
        }

        foreach ((JsonSettings json, string key, int id) in ((JsonSettings, string, int)[])
            [
                (root, "eos_token_id", config.AlsoEndText.Append(config.EosTokenId).Max()),
                (text, "pad_token_id", config.PadTokenId),
                (text, "bos_token_id", config.BosTokenId ?? 0),
            ])
        {
            if (id >= config.VocabularySize)
            {
                throw json.Wrong(key, $"ids below vocab_size {config.VocabularySize}", $"{id}");
            }
        }

        // Memory for an embedding table is one piece.
        long table = (long)config.VocabularySize * config.HiddenSize;
        if (table > Array.MaxLength)
        {
            throw text.Wrong(
                "vocab_size", $"a table of at most {Array.MaxLength} numbers", $"{config.VocabularySize} rows of {config.HiddenSize}");
        }
    }
}
