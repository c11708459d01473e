namespace Cinnabar.Tests.Models.Plain;

/// <summary>
/// Configurations with the keys of the published checkpoints and awkward sizes. Epsilons and bases of the rotary embedding are not the
/// published ones, so that a network which does not read them is found out. Keys that the published files lack: mask_token_id of LLaDA-MoE,
/// LLaDA2, SDAR, Fast-dLLM v2, Open-dCoder and A2D, whose tokenizers have it, and block_size of SDAR and A2D.
/// </summary>
internal static class PlainConfigs
{
    public const string Llada = """
        {
          "activation_type": "silu", "alibi": false, "alibi_bias_max": 8.0, "architectures": ["LLaDAModelLM"],
          "attention_dropout": 0.0, "attention_layer_norm": false, "attention_layer_norm_with_affine": true,
          "auto_map": {"AutoConfig": "configuration_llada.LLaDAConfig", "AutoModel": "modeling_llada.LLaDAModelLM"},
          "bias_for_layer_norm": false, "block_group_size": 1, "block_type": "llama", "d_model": 60, "embedding_dropout": 0.0,
          "embedding_size": 643, "eos_token_id": 1, "flash_attention": false, "include_bias": false, "include_qkv_bias": false,
          "init_cutoff_factor": null, "init_device": "meta", "init_fn": "mitchell", "init_std": 0.02, "input_emb_norm": false,
          "layer_norm_type": "rms", "layer_norm_with_affine": true, "mask_token_id": 0, "max_sequence_length": 128,
          "mlp_hidden_size": 44, "mlp_ratio": 4, "model_type": "llada", "multi_query_attention": null, "n_heads": 6,
          "n_kv_heads": 2, "n_layers": 3, "pad_token_id": 2, "precision": "amp_bf16", "residual_dropout": 0.0,
          "rms_norm_eps": 0.001, "rope": true, "rope_full_precision": true, "rope_theta": 4321.0, "scale_logits": false,
          "transformers_version": "4.46.3", "use_cache": false, "vocab_size": 643, "weight_tying": false
        }
        """;

    public const string LladaMoe = """
        {
          "architectures": ["LLaDAMoEModelLM"], "attention_bias": false, "attention_dropout": 0.0,
          "auto_map": {"AutoConfig": "configuration_lladamoe.LLaDAConfig", "AutoModel": "modeling_lladamoe.LLaDAMoEModelLM"},
          "clip_qkv": null, "dense_intermediate_size": 88, "eos_token_id": 1, "expert_intermediate_size": 20, "head_dim": 14,
          "hidden_act": "silu", "hidden_size": 60, "initializer_range": 0.02, "mask_token_id": 0, "max_position_embeddings": 128,
          "model_type": "llada", "moe_layer_freq": [1, 1, 1], "moe_router_score_function": "softmax", "norm_topk_prob": false,
          "num_attention_heads": 6, "num_experts": 9, "num_experts_per_tok": 4, "num_hidden_layers": 3, "num_key_value_heads": 2,
          "output_router_logits": false, "pad_token_id": 2, "partial_rotary_factor": 1, "qk_layernorm": true, "rms_norm_eps": 0.001,
          "rope_scaling": null, "rope_theta": 4321, "router_aux_loss_coef": 0.01, "router_num_group": null,
          "router_topk_group": null, "routed_scaling_factor": 1, "shared_expert_intermediate_size": null,
          "tie_word_embeddings": false, "torch_dtype": "bfloat16", "use_cache": false, "vocab_size": 643
        }
        """;

    public const string Llada2 = """
        {
          "architectures": ["LLaDA2MoeModelLM"], "attention_dropout": 0.0,
          "auto_map": {"AutoConfig": "configuration_llada2_moe.LLaDA2MoeConfig"},
          "dtype": "bfloat16", "embedding_dropout": 0.0, "eos_token_id": 1, "first_k_dense_replace": 1, "head_dim": 12,
          "hidden_act": "silu", "hidden_size": 60, "initializer_range": 0.02, "intermediate_size": 44, "mask_token_id": 0,
          "max_position_embeddings": 128, "max_window_layers": 3, "model_type": "llada2_moe", "moe_intermediate_size": 20,
          "moe_router_enable_expert_bias": true, "n_group": 4, "norm_head": false, "norm_topk_prob": true,
          "num_attention_heads": 6, "num_experts": 12, "num_experts_per_tok": 5, "num_hidden_layers": 3, "num_key_value_heads": 2,
          "num_shared_experts": 2, "output_dropout": 0.0, "output_router_logits": false, "pad_token_id": 2,
          "partial_rotary_factor": 0.5, "rms_norm_eps": 0.001, "rope_scaling": null, "rope_theta": 4321, "rotary_dim": 6,
          "routed_scaling_factor": 2.5, "router_dtype": "fp32", "score_function": "sigmoid", "tie_word_embeddings": false,
          "topk_group": 2, "use_bias": false, "use_cache": false, "use_qk_norm": true, "use_qkv_bias": false,
          "use_rmsnorm": true, "use_sliding_window": false, "vocab_size": 643
        }
        """;

    public const string Dream = """
        {
          "architectures": ["DreamModel"], "attention_dropout": 0.0,
          "auto_map": {"AutoConfig": "configuration_dream.DreamConfig", "AutoModel": "modeling_dream.DreamModel"},
          "bos_token_id": 3, "eos_token_id": 1, "hidden_act": "silu", "hidden_size": 60, "initializer_range": 0.02,
          "intermediate_size": 44, "mask_token_id": 0, "max_position_embeddings": 128, "max_window_layers": 3,
          "model_type": "Dream", "num_attention_heads": 6, "num_hidden_layers": 3, "num_key_value_heads": 2, "pad_token_id": 1,
          "rms_norm_eps": 0.001, "rope_scaling": null, "rope_theta": 4321.0, "sliding_window": null,
          "tie_word_embeddings": false, "torch_dtype": "bfloat16", "use_cache": true, "use_mrope": false,
          "use_sliding_window": false, "vocab_size": 643
        }
        """;

    public const string Sdar = """
        {
          "architectures": ["SDARForCausalLM"], "attention_bias": false, "attention_dropout": 0.0,
          "auto_map": {"AutoConfig": "configuration_sdar.SDARConfig", "AutoModel": "modeling_sdar.SDARModel"},
          "block_size": 4, "bos_token_id": 1, "debug": false, "eos_token_id": 1, "ep_size": 1, "fuse_cross_entropy": true,
          "head_dim": 14, "hidden_act": "silu", "hidden_size": 60, "initializer_range": 0.02, "intermediate_size": 44,
          "mask_token_id": 0, "max_position_embeddings": 128, "max_window_layers": 3, "micro_forward": false,
          "model_type": "sdar", "num_attention_heads": 6, "num_hidden_layers": 3, "num_key_value_heads": 2,
          "rms_norm_eps": 0.001, "rope_scaling": null, "rope_theta": 4321, "skip_checkpoint": false, "sliding_window": null,
          "tie_word_embeddings": false, "torch_dtype": "bfloat16", "use_cache": false, "use_deepep": false,
          "use_sliding_window": false, "vocab_size": 643
        }
        """;

    public const string SdarMoe = """
        {
          "architectures": ["SDARMoeForCausalLM"], "attention_bias": false, "attention_dropout": 0.0,
          "auto_map": {"AutoConfig": "configuration_sdar_moe.SDARMoeConfig"},
          "block_size": 4, "bos_token_id": 1, "decoder_sparse_step": 1, "eos_token_id": 1, "head_dim": 14, "hidden_act": "silu",
          "hidden_size": 60, "initializer_range": 0.02, "intermediate_size": 44, "mask_token_id": 0,
          "max_position_embeddings": 128, "max_window_layers": 3, "mlp_only_layers": [], "model_type": "sdar_moe",
          "moe_intermediate_size": 20, "norm_topk_prob": true, "num_attention_heads": 6, "num_experts": 9,
          "num_experts_per_tok": 4, "num_hidden_layers": 3, "num_key_value_heads": 2, "output_router_logits": false,
          "rms_norm_eps": 0.001, "rope_scaling": null, "rope_theta": 4321.0, "router_aux_loss_coef": 0.001,
          "sliding_window": null, "tie_word_embeddings": false, "torch_dtype": "bfloat16", "use_cache": true,
          "use_sliding_window": false, "vocab_size": 643
        }
        """;

    public const string FastDllm = """
        {
          "architectures": ["Fast_dLLM_QwenForCausalLM"], "attention_dropout": 0.0,
          "auto_map": {"AutoConfig": "configuration.Fast_dLLM_QwenConfig", "AutoModel": "modeling.Fast_dLLM_QwenForCausalLM"},
          "bd_size": 32, "bos_token_id": 3, "eos_token_id": 1, "hidden_act": "silu", "hidden_size": 60,
          "initializer_range": 0.02, "intermediate_size": 44, "mask_token_id": 0, "max_position_embeddings": 128,
          "max_window_layers": 3, "model_type": "Fast_dLLM_Qwen", "num_attention_heads": 6, "num_hidden_layers": 3,
          "num_key_value_heads": 2, "rms_norm_eps": 0.001, "rope_scaling": null, "rope_theta": 4321.0, "sliding_window": null,
          "tie_word_embeddings": false, "torch_dtype": "bfloat16", "use_cache": true, "use_sliding_window": false,
          "vocab_size": 643
        }
        """;

    public const string OpenDcoder = """
        {
          "architectures": ["Qwen2ForCausalLM"], "attention_dropout": 0.0, "bos_token_id": 3, "eos_token_id": 1,
          "hidden_act": "silu", "hidden_size": 60, "initializer_range": 0.02, "intermediate_size": 44, "mask_token_id": 0,
          "max_position_embeddings": 128, "max_window_layers": 3, "model_type": "qwen2", "num_attention_heads": 6,
          "num_hidden_layers": 3, "num_key_value_heads": 2, "rms_norm_eps": 0.001, "rope_theta": 4321.0, "sliding_window": null,
          "tie_word_embeddings": true, "torch_dtype": "bfloat16", "use_cache": true, "use_sliding_window": false,
          "vocab_size": 643
        }
        """;

    public const string A2dQwen2 = """
        {
          "architectures": ["A2DQwen2LMHeadModel"], "attention_dropout": 0.0, "bos_token_id": 3, "dtype": "bfloat16",
          "eos_token_id": 1, "hidden_act": "silu", "hidden_size": 60, "initializer_range": 0.02, "intermediate_size": 44,
          "layer_types": ["full_attention", "full_attention", "full_attention"], "mask_token_id": 0,
          "max_position_embeddings": 128, "max_window_layers": 3, "model_type": "a2d-qwen2", "num_attention_heads": 6,
          "num_hidden_layers": 3, "num_key_value_heads": 2, "rms_norm_eps": 0.001, "rope_scaling": null, "rope_theta": 4321.0,
          "sliding_window": null, "tie_word_embeddings": true, "use_cache": false, "use_sliding_window": false,
          "vocab_size": 643
        }
        """;

    public const string A2dQwen3 = """
        {
          "architectures": ["A2DQwen3LMHeadModel"], "attention_bias": false, "attention_dropout": 0.0, "bos_token_id": 3,
          "dtype": "bfloat16", "eos_token_id": 1, "head_dim": 14, "hidden_act": "silu", "hidden_size": 60,
          "initializer_range": 0.02, "intermediate_size": 44,
          "layer_types": ["full_attention", "full_attention", "full_attention"], "mask_token_id": 0,
          "max_position_embeddings": 128, "max_window_layers": 3, "model_type": "a2d-qwen3", "num_attention_heads": 6,
          "num_hidden_layers": 3, "num_key_value_heads": 2, "rms_norm_eps": 0.001, "rope_scaling": null, "rope_theta": 4321,
          "sliding_window": null, "tie_word_embeddings": true, "use_cache": false, "use_sliding_window": false,
          "vocab_size": 643
        }
        """;

    public const string Rnd1 = """
        {
          "architectures": ["RND1"], "attention_bias": false, "attention_dropout": 0.0, "bos_token_id": 3,
          "decoder_sparse_step": 1, "eos_token_id": 1, "head_dim": 14, "hidden_act": "silu", "hidden_size": 60,
          "initializer_range": 0.02, "intermediate_size": 44, "mask_token_id": 0, "max_position_embeddings": 128,
          "max_window_layers": 3, "mlp_only_layers": [], "model_type": "rnd1", "moe_backend": "hf", "moe_intermediate_size": 20,
          "norm_topk_prob": true, "num_attention_heads": 6, "num_diffusion_steps": 256, "num_experts": 9,
          "num_experts_per_tok": 4, "num_hidden_layers": 3, "num_key_value_heads": 2, "output_router_logits": false,
          "pad_token_id": 2, "rms_norm_eps": 0.001, "rope_scaling": false, "rope_theta": 4321.0, "router_aux_loss_coef": 0.001,
          "sliding_window": false, "tie_word_embeddings": false, "torch_dtype": "bfloat16", "use_cache": false,
          "use_sliding_window": false, "vocab_size": 643
        }
        """;

    public const string Mdlm = """
        {
          "architectures": ["MDLM"],
          "auto_map": {"AutoConfig": "configuration_mdlm.MDLMConfig", "AutoModelForMaskedLM": "modeling_mdlm.MDLM"},
          "cond_dim": 20, "dropout": 0.1, "hidden_dim": 60, "model_length": 128, "model_type": "mdlm", "n_blocks": 3,
          "n_heads": 6, "return_dict": false, "time_conditioning": false, "torch_dtype": "float32", "vocab_size": 643
        }
        """;

    public const string Bd3lm = """
        {
          "adaln": true, "architectures": ["BD3LM"], "attn_backend": "sdpa",
          "auto_map": {"AutoConfig": "configuration_bd3lm.BD3LMConfig", "AutoModelForMaskedLM": "modeling_bd3lm.BD3LM"},
          "block_size": 4, "causal": false, "cond_dim": 20, "cross_attn": true, "dropout": 0.1, "hidden_dim": 60,
          "model_length": 128, "model_type": "bd3lm", "n_blocks": 3, "n_heads": 6, "return_dict": false,
          "sampling_eps_max": 0.999, "sampling_eps_min": 0.001, "time_conditioning": false, "torch_dtype": "float32",
          "var_min": true, "vocab_size": 643
        }
        """;

    public const string DiffusionGemma = """
        {
          "architectures": ["DiffusionGemmaForBlockDiffusion"], "boi_token_id": 640, "canvas_length": 9, "dtype": "bfloat16",
          "eoi_token_id": 641, "eos_token_id": [1, 106], "image_token_id": 642, "initializer_range": 0.02,
          "model_type": "diffusion_gemma",
          "text_config": {
            "attention_bias": false, "attention_dropout": 0.0, "bos_token_id": 2, "dtype": "bfloat16", "eos_token_id": 1,
            "final_logit_softcapping": 3.0, "global_head_dim": 24, "head_dim": 10, "hidden_activation": "gelu_pytorch_tanh",
            "hidden_size": 36, "initializer_range": 0.02, "intermediate_size": 28,
            "layer_types": ["sliding_attention", "full_attention", "sliding_attention", "full_attention"],
            "max_position_embeddings": 128, "model_type": "diffusion_gemma_text", "moe_intermediate_size": 12,
            "num_attention_heads": 4, "num_experts": 7, "num_global_key_value_heads": 1, "num_hidden_layers": 4,
            "num_key_value_heads": 2, "pad_token_id": 0, "rms_norm_eps": 0.001,
            "rope_parameters": {
              "full_attention": {"partial_rotary_factor": 0.25, "rope_theta": 54321.0, "rope_type": "proportional"},
              "sliding_attention": {"rope_theta": 321.0, "rope_type": "default"}
            },
            "sliding_window": 7, "tie_word_embeddings": true, "top_k_experts": 3, "use_bidirectional_attention": "vision",
            "use_cache": true, "vocab_size": 643
          },
          "tie_word_embeddings": true,
          "vision_config": {"hidden_size": 6, "model_type": "diffusion_gemma_vision", "num_hidden_layers": 1}
        }
        """;
}
