// The shape of a network, whatever its family calls it in config.json. The names here are those of Hugging Face in general; the keys in
// brackets are LLaDA's (LLaDAModelLM, spec of ML-GSAI/LLaDA configuration_llada.py), the layout of Cinnabar's own models.
//
// Deviations from the reference class: its defaults describe GPT-2, so every key whose absence would mean another network there
// (rope_theta, weight_tying, layer_norm_type …) must be present here. Own keys, written only when they differ from plain LLaDA:
// attention_kind ("full", "block_causal", "causal"), attention_block_size, shift_logits.
using Cinnabar.Checkpoints.Families;
using Cinnabar.Checkpoints.Hub;
using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Checkpoints;

/// <summary>Shape of a model and the ids of its special tokens.</summary>
public sealed record ModelConfig
{
    /// <summary>The widest head that configurations may have: the angles of thousands of positions are tabulated.</summary>
    internal const int WidestHead = 1 << 12;

    private readonly int? _headSize;
    private readonly int? _rotaryDimensions;

    /// <summary>What its files call things, and how it decodes. Default LLaDA.</summary>
    public ModelFamily Family { get; init; } = LladaFamily.Instance;

    /// <summary>C: width of the residual stream (d_model).</summary>
    public required int HiddenSize { get; init; }

    /// <summary>Number of transformer blocks (n_layers).</summary>
    public required int NumHiddenLayers { get; init; }

    /// <summary>H: query heads (n_heads), a divisor of <see cref="HiddenSize"/>.</summary>
    public required int NumAttentionHeads { get; init; }

    /// <summary>G: key/value heads (n_kv_heads), a divisor of <see cref="NumAttentionHeads"/>. Absent in the file: equal to it.</summary>
    public required int NumKeyValueHeads { get; init; }

    /// <summary>Width of the SwiGLU layer (mlp_hidden_size).</summary>
    public required int IntermediateSize { get; init; }

    /// <summary>V: number of token ids (vocab_size).</summary>
    public required int VocabularySize { get; init; }

    /// <summary>
    /// E: rows of the embedding table and of the head (embedding_size), at least <see cref="VocabularySize"/>; what is above is padding
    /// that no id stands for. Absent in the file: equal to it.
    /// </summary>
    public required int EmbeddingSize { get; init; }

    /// <summary>Longest sequence (max_sequence_length).</summary>
    public required int MaxSequenceLength { get; init; }

    /// <summary>ε of the norms (rms_norm_eps). Default 1e-5.</summary>
    public double RmsNormEps { get; init; } = 1e-5;

    /// <summary>Base of the rotary frequencies (rope_theta). Default 10 000.</summary>
    public double RopeTheta { get; init; } = 10_000;

    /// <summary>
    /// Whether positions are vectors added to the embeddings, one for each of <see cref="MaxSequenceLength"/>, instead of rotations
    /// (rope false). Default false. For texts of one fixed shape, where a place has a meaning of its own.
    /// </summary>
    public bool LearnedPositions { get; init; }

    /// <summary>Whether the head is the embedding table (weight_tying). Default false.</summary>
    public bool WeightTying { get; init; }

    /// <summary>The id that stands for noise (mask_token_id).</summary>
    public required int MaskTokenId { get; init; }

    /// <summary>The id that ends a text (eos_token_id).</summary>
    public required int EosTokenId { get; init; }

    /// <summary>The id that fills up a batch (pad_token_id).</summary>
    public required int PadTokenId { get; init; }

    /// <summary>The id that begins a text (bos_token_id). Default null: none.</summary>
    public int? BosTokenId { get; init; }

    /// <summary>Which keys a query may see (attention_kind). Default full.</summary>
    public AttentionKind AttentionKind { get; init; } = AttentionKind.Full;

    /// <summary>Block of block-causal attention (attention_block_size). Default 1.</summary>
    public int AttentionBlockSize { get; init; } = 1;

    /// <summary>
    /// Whether config.json does not say <see cref="AttentionBlockSize"/>: then it is what the name of the model says, or what most models
    /// of the family have. Default false.
    /// </summary>
    public bool AttentionBlockIsAssumed { get; init; }

    /// <summary>Whether the logits of position i − 1 predict token i (shift_logits). Default false.</summary>
    public bool ShiftLogits { get; init; }

    /// <summary>
    /// Whether behind a hole whose text may end before it stands one known padding token (closes_holes): so the network can tell it from
    /// one that its text fills. Default false.
    /// </summary>
    public bool ClosesHoles { get; init; }

    /// <summary>
    /// Whether the network, whose attention is full, was also trained to fill holes read left to right, in the layout of
    /// <see cref="Diffusion.FillInTheMiddle"/> (causal_infill). Default false.
    /// </summary>
    public bool CausalInfill { get; init; }

    /// <summary>Whether the network writes left to right: causal attention and shifted logits.</summary>
    public bool IsAutoregressive => AttentionKind == AttentionKind.Causal && ShiftLogits;

    /// <summary>How matrices are stored as integers (quantization_config); null: they are floating-point numbers. Default null.</summary>
    public WeightQuantization? Quantization { get; init; }

    /// <summary>D: width of one head. Default: <see cref="HiddenSize"/> / <see cref="NumAttentionHeads"/>.</summary>
    public int HeadSize
    {
        get => _headSize ?? HiddenSize / NumAttentionHeads;
        init => _headSize = value;
    }

    /// <summary>Dimensions of each head, from the first, that rotate with the position; even. Default: all.</summary>
    public int RotaryDimensions
    {
        get => _rotaryDimensions ?? HeadSize;
        init => _rotaryDimensions = value;
    }

    /// <summary>Whether queries, keys and values have biases. Default false.</summary>
    public bool QueryKeyValueBias { get; init; }

    /// <summary>Whether each head of queries and keys is normalised before it is rotated. Default false.</summary>
    public bool QueryKeyNorm { get; init; }

    /// <summary>Experts instead of dense feed-forward layers; null: there are none. Default null.</summary>
    public ExpertConfig? Experts { get; init; }

    /// <summary>What DiffusionGemma has besides: layers of two kinds, uniform noise; null: it is another network. Default null.</summary>
    public GemmaConfig? Gemma { get; init; }

    /// <summary>Norms that depend on the noise level; null: they do not. Default null.</summary>
    public NoiseConditioning? NoiseConditioning { get; init; }

    /// <summary>How tokens become latents and back (latents); null: the network sees tokens. Default null.</summary>
    public LatentShape? Latents { get; init; }

    /// <summary>Further ids that end a text, such as the end of a chat turn. Default none.</summary>
    public IReadOnlyList<int> AlsoEndText { get; init; } = [];

    /// <summary>Number of weights.</summary>
    public long ParameterCount => Family.Weights(this).Sum(CountOf);

    /// <summary>
    /// Number of weights that take part in matrix products: blocks, final norm and head (a tied table counts as the head).
    /// </summary>
    public long NonEmbeddingParameterCount =>
        ParameterCount - (((WeightTying ? 0L : EmbeddingSize) + (LearnedPositions ? MaxSequenceLength : 0)) * HiddenSize);

    /// <summary>Compares everything that decides the network: sizes, switches, constants and special ids.</summary>
    /// <param name="other">The other configuration.</param>
    /// <returns>The first key of config.json, in alphabetical order, that differs, with both values as JSON; null if none does.</returns>
    public (string Key, string Value, string OtherValue)? FirstDifference(ModelConfig other) =>
        ModelConfigJson.FirstDifference(this, other);

    /// <summary>Reads and checks a config.json.</summary>
    /// <exception cref="CinnabarException">The file cannot be read, or a value is missing, wrong or not supported.</exception>
    public static ModelConfig Load(string path)
    {
        JsonSettings json = JsonSettings.Load(path, "the shape of the model");
        string folder = Path.GetDirectoryName(Path.GetFullPath(path)) ?? "";
        string tokenizer = Path.Combine(Path.GetDirectoryName(path) ?? "", "tokenizer.json");
        return Read(new ConfigSource(json, ConfigSource.AddedTokens(tokenizer))
        {
            ModelName = folder.Length == 0 ? null : HubCache.RepositoryOf(folder) ?? Path.GetFileName(folder),
        });
    }

    /// <summary>Reads and checks the bytes of a config.json.</summary>
    /// <param name="file">Name for messages.</param>
    /// <param name="json">UTF-8 text.</param>
    /// <exception cref="CinnabarException">A value is missing, wrong or not supported.</exception>
    public static ModelConfig Parse(string file, byte[] json) => Read(ConfigSource.Alone(JsonSettings.Parse(file, json)));

    /// <summary>Reads and checks the bytes of a config.json that lies beside a tokenizer.</summary>
    /// <param name="file">Name for messages.</param>
    /// <param name="json">UTF-8 text.</param>
    /// <param name="tokenId">The id of an added token of the tokenizer by its text, or null.</param>
    /// <exception cref="CinnabarException">A value is missing, wrong or not supported.</exception>
    internal static ModelConfig Parse(string file, byte[] json, Func<string, int?> tokenId) =>
        Read(new ConfigSource(JsonSettings.Parse(file, json), tokenId));

    private static ModelConfig Read(ConfigSource source)
    {
        ModelFamily family = ModelFamilies.Of(source.Json);
        ModelConfig config = family.ReadConfig(source) with { Family = family };
        return config with { Quantization = WeightQuantization.Read(source.Json, config) };
    }

    /// <summary>The UTF-8 text of config.json with every key of a LLaDA configuration, in alphabetical order.</summary>
    /// <exception cref="CinnabarException">The values do not fit together.</exception>
    public byte[] ToJson() => ModelConfigJson.Write(this);

    /// <summary>The keys that a configuration of Cinnabar's own models may have; one inside of another as latents.size.</summary>
    public IReadOnlySet<string> KnownKeys() => ModelConfigJson.KnownKeys(this);

    /// <summary>Writes config.json atomically.</summary>
    /// <exception cref="CinnabarException">The file could not be written.</exception>
    public void Save(string path) => AtomicFile.Write(path, ToJson());

    /// <summary>Whether a block has experts instead of a dense feed-forward layer.</summary>
    internal bool HasExperts(int block) => Experts is { } experts && block >= experts.DenseBlocks;

    private static long CountOf(NetworkWeight weight) => weight.Shape.Aggregate(1L, (product, size) => product * size);
}
