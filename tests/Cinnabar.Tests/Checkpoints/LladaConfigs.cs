using System.Text;
using System.Text.Json.Nodes;

namespace Cinnabar.Tests.Checkpoints;

/// <summary>Configurations as text, one key changed at a time.</summary>
internal static class LladaConfigs
{
    /// <summary>config.json of LLaDA-8B as published (values of specification A.1).</summary>
    public const string Llada8B = """
        {
          "activation_type": "silu", "alibi": false, "architectures": ["LLaDAModelLM"], "attention_layer_norm": false,
          "bias_for_layer_norm": false,
          "block_group_size": 1, "block_type": "llama", "d_model": 4096, "embedding_size": 126464, "eos_token_id": 126081,
          "include_bias": false,
          "include_qkv_bias": false, "input_emb_norm": false, "layer_norm_type": "rms", "layer_norm_with_affine": true,
          "mask_token_id": 126336,
          "max_sequence_length": 4096, "mlp_hidden_size": 12288, "mlp_ratio": 4, "model_type": "llada", "multi_query_attention": null,
          "n_heads": 32,
          "n_kv_heads": 32, "n_layers": 32, "pad_token_id": 126081, "rms_norm_eps": 1e-05, "rope": true,
          "rope_full_precision": true, "rope_theta": 500000.0,
          "scale_logits": false, "torch_dtype": "bfloat16", "vocab_size": 126464, "weight_tying": false, "some_new_key": {"a": [1]}
        }
        """;

    /// <summary>A network of 2 blocks that fits into a few kilobytes.</summary>
    public const string Tiny = """
        {
          "activation_type": "silu", "architectures": ["LLaDAModelLM"], "block_type": "llama", "d_model": 8, "eos_token_id": 1,
          "layer_norm_type": "rms",
          "mask_token_id": 2, "max_sequence_length": 16, "mlp_hidden_size": 12, "model_type": "llada", "n_heads": 4, "n_kv_heads": 2,
          "n_layers": 2,
          "pad_token_id": 0, "rms_norm_eps": 1e-05, "rope": true, "rope_theta": 10000.0, "vocab_size": 11, "weight_tying": true
        }
        """;

    /// <summary>The tiny configuration with one key set to some JSON, or removed (null).</summary>
    public static byte[] TinyWith(string key, string? json)
    {
        JsonObject config = JsonNode.Parse(Tiny)!.AsObject();
        config.Remove(key);
        string text = config.ToJsonString();
        return Encoding.UTF8.GetBytes(json is null ? text : $"{{\"{key}\":{json},{text[1..]}");
    }
}
