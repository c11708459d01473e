using System.Text;
using System.Text.Json.Nodes;
using Cinnabar.Checkpoints;
using Cinnabar.Diffusion;
using Cinnabar.Models;
using Cinnabar.Numerics;
using Cinnabar.Numerics.Kernels;
using Cinnabar.Tests.Checkpoints;

namespace Cinnabar.Tests.Models;

/// <summary>A tiny diffusion transformer as its publishers write it: config.json, and random weights under their names.</summary>
internal sealed class DiffusionTransformerFolder : IDisposable
{
    public const int Heads = 2;
    public const int Length = 24;
    public const int Vocabulary = 19;
    public const int Mask = Vocabulary - 1;
    public const int Block = 4;

    /// <summary>config.json of kuleshov-group/mdlm-owt, made small.</summary>
    public const string Mdlm = """
        {
          "architectures": ["MDLM"], "auto_map": {"AutoConfig": "configuration_mdlm.MDLMConfig"}, "cond_dim": 5, "dropout": 0.1,
          "eos_token_id": 3, "hidden_dim": 12, "model_length": 24, "model_type": "mdlm", "n_blocks": 2, "n_heads": 2, "return_dict": false,
          "time_conditioning": false, "vocab_size": 19
        }
        """;

    /// <summary>config.json of kuleshov-group/bd3lm-owt-block_size4, made small.</summary>
    public const string Bd3lm = """
        {
          "adaln": true, "architectures": ["BD3LM"], "attn_backend": "flex", "block_size": 4, "causal": false, "cond_dim": 5,
          "cross_attn": true, "dropout": 0.1, "eos_token_id": 3, "hidden_dim": 12, "model_length": 24, "model_type": "bd3lm", "n_blocks": 2,
          "n_heads": 2, "sampling_eps_max": 0.999, "sampling_eps_min": 0.001, "time_conditioning": false, "var_min": true, "vocab_size": 19
        }
        """;

    /// <summary>config.json of louaaron/sedd-small, made small.</summary>
    public const string Sedd = """
        {
          "eos_token_id": 3, "graph": {"type": "absorb", "file": "data", "report_all": false},
          "model": {
            "name": "small", "type": "ddit", "hidden_size": 12, "cond_dim": 5, "length": 24, "n_blocks": 2, "n_heads": 2,
            "scale_by_sigma": true, "dropout": 0.1
          },
          "noise": {"type": "loglinear", "sigma_min": 0.0001, "sigma_max": 20}, "tokens": 18
        }
        """;

    private const int Hidden = 12;
    private const int Condition = 5;
    private const int Blocks = 2;

    private readonly TemporaryFolder _folder = new();

    /// <summary>Writes a folder.</summary>
    /// <param name="config">Text of config.json.</param>
    /// <param name="prefix">Before every name.</param>
    /// <param name="adaptive">Whether norms depend on the noise level.</param>
    /// <param name="tokenizer">Text of tokenizer.json.</param>
    public DiffusionTransformerFolder(string config, string prefix = "", bool adaptive = true, string tokenizer = "{}")
    {
        Tensors = Weights(adaptive);
        _folder.Write("config.json", Encoding.UTF8.GetBytes(config));
        _folder.Write("tokenizer.json", Encoding.UTF8.GetBytes(tokenizer));
        Tensor frequencies = Tensor.Zeros(Hidden / Heads / 2);
        Safetensors.Write(
            _folder["model.safetensors"],
            [.. Tensors.Select(pair => (prefix + pair.Key, pair.Value)), (prefix + "rotary_emb.inv_freq", frequencies)]);
        Plain = new PlainDiffusionTransformer(Tensors, Heads);
    }

    public string Path => _folder.Path;

    /// <summary>By name, without the prefix.</summary>
    public Dictionary<string, Tensor> Tensors { get; }

    /// <summary>The same network in double precision.</summary>
    public PlainDiffusionTransformer Plain { get; }

    /// <summary>A configuration with one key set to some JSON, or removed (null).</summary>
    public static string With(string config, string key, string? json)
    {
        JsonObject node = JsonNode.Parse(config)!.AsObject();
        string[] path = key.Split('/');
        JsonObject holder = path.Length == 1 ? node : node[path[0]]!.AsObject();
        holder.Remove(path[^1]);
        if (json is not null)
        {
            holder.Add(path[^1], JsonNode.Parse(json));
        }

        return node.ToJsonString();
    }

    /// <summary>Loads the network.</summary>
    public DiffusionTransformer Open(KernelForm form, WeightForm weightForm = WeightForm.Exact)
    {
        Checkpoint checkpoint = Checkpoint.Open(Path);
        using ModelWeights weights = checkpoint.OpenWeights();
        MatMulPrecision precision = weightForm == WeightForm.Exact ? MatMulPrecision.F32 : MatMulPrecision.BF16;
        return (DiffusionTransformer)checkpoint.Config.Family.CreateNetwork(
            checkpoint.Config, name => weights.Read(name, weightForm), KernelTable.Create(threads: 1, form), precision);
    }

    public void Dispose() => _folder.Dispose();

    private static Dictionary<string, Tensor> Weights(bool adaptive)
    {
        DeterministicRandom random = new(7);
        Dictionary<string, Tensor> tensors = [];
        Add("vocab_embed.embedding", 0, 0.5, Vocabulary, Hidden);
        if (adaptive)
        {
            Linear("sigma_map.mlp.0", Condition, 256);
            Linear("sigma_map.mlp.2", Condition, Condition);
        }

        for (int i = 0; i < Blocks; i++)
        {
            string block = $"blocks.{i}.";
            Add(block + "norm1.weight", 1, 0.1, Hidden);
            Matrix(block + "attn_qkv", 3 * Hidden, Hidden);
            Matrix(block + "attn_out", Hidden, Hidden);
            Add(block + "norm2.weight", 1, 0.1, Hidden);
            Linear(block + "mlp.0", 4 * Hidden, Hidden);
            Linear(block + "mlp.2", Hidden, 4 * Hidden);
            Modulation(block, 6);
        }

        Add("output_layer.norm_final.weight", 1, 0.1, Hidden);
        Linear("output_layer.linear", Vocabulary, Hidden);
        Modulation("output_layer.", 2);
        return tensors;

        void Linear(string name, int outputs, int inputs)
        {
            Matrix(name, outputs, inputs);
            Add(name + ".bias", 0, 0.3, outputs);
        }

        void Modulation(string at, int parts)
        {
            if (adaptive)
            {
                Linear(at + "adaLN_modulation", parts * Hidden, Condition);
            }
        }

        void Matrix(string name, int outputs, int inputs) => Add(name + ".weight", 0, 1 / Math.Sqrt(inputs), outputs, inputs);

        void Add(string name, double mean, double deviation, params int[] shape)
        {
            Tensor tensor = Tensor.Zeros(shape);
            foreach (ref float value in tensor.Floats)
            {
                value = (float)(mean + (deviation * random.NextGaussian()));
            }

            tensors.Add(name, tensor);
        }
    }
}
