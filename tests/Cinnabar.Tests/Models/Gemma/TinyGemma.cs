using System.Text;
using Cinnabar.Checkpoints;
using Cinnabar.Diffusion;
using Cinnabar.Models;
using Cinnabar.Numerics;
using Cinnabar.Numerics.Kernels;
using Cinnabar.Tests.Checkpoints;
using Cinnabar.Tokenizers;

namespace Cinnabar.Tests.Models.Gemma;

/// <summary>
/// A DiffusionGemma folder with random weights under the published names: three layers, a window of 5, canvases of 8. Whatever can differ in
/// such a network does: every head width and count, both layer scalars, every norm.
/// </summary>
internal sealed class TinyGemma : IDisposable
{
    public const int Hidden = 24;
    public const int Vocabulary = 300;
    public const int Heads = 4;
    public const int Width = 20;
    public const int ExpertWidth = 10;
    public const int Experts = 5;
    public const int ActiveExperts = 2;
    public const int Window = 5;
    public const int CanvasLength = 8;
    public const double Cap = 6;
    public const double Epsilon = 1e-6;
    public const int ImageToken = 290;

    private static readonly Lazy<byte[]> s_tokenizer = new(MakeTokenizer);

    private readonly TemporaryFolder _folder = new();

    public TinyGemma(DType type = DType.F32)
    {
        Tensors = RandomTensors(type);
        _folder.Write("config.json", Encoding.UTF8.GetBytes(Config()));
        _folder.Write("generation_config.json", Encoding.UTF8.GetBytes(GenerationConfig));
        _folder.Write("tokenizer.json", s_tokenizer.Value);
        List<(string, Tensor)> others =
        [
            ("lm_head.weight", Tensor.Zeros(Vocabulary, Hidden)),
            ("model.encoder.vision_tower.patch.weight", Tensor.Zeros(3)),
            ("model.encoder.embed_vision.embedding_projection.weight", Tensor.Zeros(2, 2)),
            ("model.encoder.language_model.norm.weight", Tensor.Zeros(Hidden)),
        ];
        Safetensors.Write(_folder["model.safetensors"], [.. Tensors.Select(pair => (pair.Key, pair.Value)), .. others]);
    }

    public string Path => _folder.Path;

    /// <summary>The tensors of the file.</summary>
    public Dictionary<string, Tensor> Tensors { get; }

    // Keys of another network are ignored where this one has none of what they set: top_k of Gemma's own sampling.
    private const string GenerationConfig =
        """
        { "max_new_tokens": 20, "max_denoising_steps": 5, "t_max": 0.9, "t_min": 0.5, "stability_threshold": 2, "top_k": 64, "top_p": 0.95,
          "confidence_threshold": 0.01, "eos_token_id": [1, 7, 50],
          "sampler_config": { "_cls_name": "EntropyBoundSamplerConfig", "entropy_bound": 20 } }
        """;

    /// <summary>Which layers are limited to the window.</summary>
    public static bool[] Sliding { get; } = [true, false, true];

    public static int HeadSize(int layer) => Sliding[layer] ? 6 : 8;

    public static int KeyValueHeads(int layer) => Sliding[layer] ? 2 : 1;

    public static double Theta(int layer) => Sliding[layer] ? 100 : 1000;

    /// <summary>The text of config.json.</summary>
    /// <param name="changes">Pieces of it with what stands there instead.</param>
    public static string Config(params (string Old, string New)[] changes)
    {
        string text =
            """
            { "architectures": ["DiffusionGemmaForBlockDiffusion"], "model_type": "diffusion_gemma", "canvas_length": 8,
              "tie_word_embeddings": true, "eos_token_id": [1, 7], "image_token_id": 290, "boi_token_id": 291, "eoi_token_id": 292,
              "vision_config": { "hidden_size": 7 },
              "text_config": {
                "model_type": "diffusion_gemma_text", "vocab_size": 300, "hidden_size": 24, "num_hidden_layers": 3,
                "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 6, "num_global_key_value_heads": 1, "global_head_dim": 8,
                "intermediate_size": 20, "moe_intermediate_size": 10, "num_experts": 5, "top_k_experts": 2,
                "layer_types": ["sliding_attention", "full_attention", "sliding_attention"], "sliding_window": 5,
                "rope_parameters": {
                  "sliding_attention": { "rope_type": "default", "rope_theta": 100.0 },
                  "full_attention": { "rope_type": "proportional", "partial_rotary_factor": 0.5, "rope_theta": 1000.0 } },
                "final_logit_softcapping": 6.0, "use_bidirectional_attention": "vision", "hidden_activation": "gelu_pytorch_tanh",
                "rms_norm_eps": 1e-6, "max_position_embeddings": 64, "attention_bias": false,
                "pad_token_id": 2, "eos_token_id": 1, "bos_token_id": 3 } }
            """;
        foreach ((string old, string changed) in changes)
        {
            Assert.Contains(old, text);
            text = text.Replace(old, changed);
        }

        return text;
    }

    /// <summary>The network as it is loaded.</summary>
    public GemmaDenoiser Network(WeightForm form, KernelTable kernels)
    {
        ModelFolder folder = ModelFolder.Open(Path);
        using ModelWeights weights = folder.OpenWeights();
        MatMulPrecision precision = form == WeightForm.Exact ? MatMulPrecision.F32 : MatMulPrecision.BF16;
        return (GemmaDenoiser)folder.Config.Family.CreateNetwork(folder.Config, name => weights.Read(name, form), kernels, precision);
    }

    public void Dispose() => _folder.Dispose();

    private static Dictionary<string, Tensor> RandomTensors(DType type)
    {
        DeterministicRandom random = new(2026);
        Dictionary<string, Tensor> tensors = [];
        Matrix("model.decoder.embed_tokens.weight", 0.6, Vocabulary, Hidden);
        Vector("model.decoder.norm.weight", 1, Hidden);
        Vector("model.decoder.self_conditioning.pre_norm.weight", 1, Hidden);
        FeedForward("model.decoder.self_conditioning.", ".weight");
        for (int layer = 0; layer < Sliding.Length; layer++)
        {
            string name = $"model.decoder.layers.{layer}.";
            foreach (string norm in (string[])
                [
                    "input_layernorm", "post_attention_layernorm", "pre_feedforward_layernorm", "pre_feedforward_layernorm_2",
                    "post_feedforward_layernorm", "post_feedforward_layernorm_1", "post_feedforward_layernorm_2",
                ])
            {
                Vector($"{name}{norm}.weight", 1, Hidden);
            }

            (int query, int keyValue) = (Heads * HeadSize(layer), KeyValueHeads(layer) * HeadSize(layer));
            Linear($"{name}self_attn.q_proj.weight", query, Hidden);
            Linear($"{name}self_attn.k_proj.weight", keyValue, Hidden);
            if (Sliding[layer])
            {
                Linear($"{name}self_attn.v_proj.weight", keyValue, Hidden);
            }

            Linear($"{name}self_attn.o_proj.weight", Hidden, query);
            Vector($"{name}self_attn.q_norm.weight", 1, HeadSize(layer));
            Vector($"{name}self_attn.k_norm.weight", 1, HeadSize(layer));
            FeedForward($"{name}mlp.", ".weight");
            Linear($"{name}router.proj.weight", Experts, Hidden);
            Vector($"{name}router.scale", 5, Hidden);
            Vector($"{name}router.per_expert_scale", 1, Experts);
            Matrix($"{name}experts.gate_up_proj", 1 / Math.Sqrt(Hidden), Experts, 2 * ExpertWidth, Hidden);
            Matrix($"{name}experts.down_proj", 1 / Math.Sqrt(ExpertWidth), Experts, Hidden, ExpertWidth);
            Vector($"{name}layer_scalar", 0.9, 1);
            Vector($"model.encoder.language_model.layers.{layer}.layer_scalar", 1.2, 1);
        }

        return tensors;

        void FeedForward(string prefix, string suffix)
        {
            Linear($"{prefix}gate_proj{suffix}", Width, Hidden);
            Linear($"{prefix}up_proj{suffix}", Width, Hidden);
            Linear($"{prefix}down_proj{suffix}", Hidden, Width);
        }

        void Linear(string name, int rows, int columns) => Matrix(name, 1 / Math.Sqrt(columns), rows, columns);

        void Vector(string name, double mean, int size) => Add(name, mean, 0.3, [size]);

        void Matrix(string name, double deviation, params int[] shape) => Add(name, 0, deviation, shape);

        void Add(string name, double mean, double deviation, int[] shape)
        {
            Tensor tensor = Tensor.Zeros(shape);
            foreach (ref float value in tensor.Floats)
            {
                value = (float)(mean + (deviation * random.NextGaussian()));
            }

            tensors.Add(name, tensor.To(type));
        }
    }

    private static byte[] MakeTokenizer()
    {
        using TemporaryFolder folder = new();
        string[] lines = ["public static int Max(int a, int b) { return a > b ? a : b; }"];
        new BpeTrainer(new BpeTrainerOptions { VocabularySize = 280, Threads = 1 }).Train(lines).Save(folder["tokenizer.json"]);
        return File.ReadAllBytes(folder["tokenizer.json"]);
    }
}
