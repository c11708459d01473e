// config.json of networks of the published sizes (specification A.1, A.3, A.4, A.5), and of others: llada-1.1b is the one that
// `cinnabar bench model` measures.
namespace Cinnabar.Checkpoints;

/// <summary>Configurations for models with random weights.</summary>
public static class RandomShapes
{
    /// <summary>The text of config.json by name.</summary>
    public static IReadOnlyDictionary<string, string> All { get; } = new SortedDictionary<string, string>(StringComparer.Ordinal)
    {
        ["tiny"] = Llada(64, 2, 4, 2, 160, 512, maskTokenId: 3, eosTokenId: 1, context: 1_024, theta: "10000.0"),
        ["llada-1.1b"] = Llada(2_048, 22, 32, 4, 5_632, 32_000, maskTokenId: 3, eosTokenId: 1, context: 4_096, theta: "10000.0"),
        ["llada-8b"] = Llada(4_096, 32, 32, 32, 12_288, 126_464, 126_336, 126_081, context: 4_096, theta: "500000.0"),
        ["dream-7b"] = """
            {"architectures": ["DreamModel"], "model_type": "Dream", "hidden_size": 3584, "intermediate_size": 18944,
            "num_hidden_layers": 28, "num_attention_heads": 28, "num_key_value_heads": 4, "hidden_act": "silu", "vocab_size": 152064,
            "max_position_embeddings": 131072, "rms_norm_eps": 1e-06, "rope_theta": 1000000.0, "tie_word_embeddings": false,
            "mask_token_id": 151666, "bos_token_id": 151643, "eos_token_id": 151643, "pad_token_id": 151643}
            """,
        ["sdar-4b"] = """
            {"architectures": ["SDARForCausalLM"], "model_type": "sdar", "hidden_size": 2560, "intermediate_size": 9728,
            "num_hidden_layers": 36, "num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 128, "hidden_act": "silu",
            "vocab_size": 151936, "max_position_embeddings": 32768, "rms_norm_eps": 1e-06, "rope_theta": 1000000.0,
            "tie_word_embeddings": false, "attention_bias": false, "block_size": 4,
            "mask_token_id": 151669, "eos_token_id": 151643, "pad_token_id": 151643}
            """,
        ["llada2-mini"] = """
            {"architectures": ["LLaDA2MoeModelLM"], "model_type": "llada2_moe", "hidden_size": 2048, "intermediate_size": 5120,
            "moe_intermediate_size": 512, "num_hidden_layers": 20, "num_attention_heads": 16, "num_key_value_heads": 4, "head_dim": 128,
            "hidden_act": "silu", "vocab_size": 157184, "max_position_embeddings": 16384, "rms_norm_eps": 1e-06, "rope_theta": 600000.0,
            "partial_rotary_factor": 0.5, "rotary_dim": 64, "tie_word_embeddings": false, "use_qk_norm": true, "use_qkv_bias": false,
            "use_bias": false, "first_k_dense_replace": 1, "num_experts": 256, "num_experts_per_tok": 8, "num_shared_experts": 1,
            "n_group": 8, "topk_group": 4, "routed_scaling_factor": 2.5, "norm_topk_prob": true, "score_function": "sigmoid",
            "moe_router_enable_expert_bias": true, "mask_token_id": 156895, "eos_token_id": 156892, "pad_token_id": 156892}
            """,
    };

    private static string Llada(
        int width,
        int layers,
        int heads,
        int keyValueHeads,
        int feedForward,
        int vocabulary,
        int maskTokenId,
        int eosTokenId,
        int context,
        string theta) => $$"""
        {"architectures": ["LLaDAModelLM"], "model_type": "llada", "block_type": "llama", "layer_norm_type": "rms",
        "activation_type": "silu", "rope": true, "include_bias": false, "d_model": {{width}}, "n_layers": {{layers}}, "n_heads": {{heads}},
        "n_kv_heads": {{keyValueHeads}}, "mlp_hidden_size": {{feedForward}}, "vocab_size": {{vocabulary}},
        "embedding_size": {{vocabulary}}, "max_sequence_length": {{context}}, "rms_norm_eps": 1e-05, "rope_theta": {{theta}},
        "weight_tying": false, "mask_token_id": {{maskTokenId}}, "eos_token_id": {{eosTokenId}}, "pad_token_id": {{eosTokenId}}}
        """;
}
