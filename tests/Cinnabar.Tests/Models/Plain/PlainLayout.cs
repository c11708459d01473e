namespace Cinnabar.Tests.Models.Plain;

/// <summary>Published names of the tensors of a transformer; those of a block begin with <see cref="Block"/>, {0} is its number.</summary>
internal sealed record PlainLayout
{
    /// <summary>LLaDA, specification A.1.</summary>
    public static PlainLayout Llada { get; } = new()
    {
        Embedding = "model.transformer.wte.weight",
        FinalNorm = "model.transformer.ln_f.weight",
        Head = "model.transformer.ff_out.weight",
        Block = "model.transformer.blocks.{0}.",
        AttentionNorm = "attn_norm.weight",
        Attention = "",
        Output = "attn_out.weight",
        FeedForwardNorm = "ff_norm.weight",
        Gate = "ff_proj.weight",
        Up = "up_proj.weight",
        Down = "ff_out.weight",
    };

    /// <summary>Qwen2, Qwen3 and what has their names: specification A.2, A.4, A.5, A.6, A.9.</summary>
    public static PlainLayout Qwen { get; } = new()
    {
        Embedding = "model.embed_tokens.weight",
        FinalNorm = "model.norm.weight",
        Head = "lm_head.weight",
        Block = "model.layers.{0}.",
        AttentionNorm = "input_layernorm.weight",
        Attention = "self_attn.",
        Output = "self_attn.o_proj.weight",
        QueryNorm = "self_attn.q_norm.weight",
        KeyNorm = "self_attn.k_norm.weight",
        FeedForwardNorm = "post_attention_layernorm.weight",
        Gate = "mlp.gate_proj.weight",
        Up = "mlp.up_proj.weight",
        Down = "mlp.down_proj.weight",
    };

    /// <summary>LLaDA2, specification A.3: q, k and v in one matrix.</summary>
    public static PlainLayout Llada2 { get; } = Qwen with
    {
        Embedding = "model.word_embeddings.weight",
        FusedQkv = "attention.query_key_value.weight",
        Output = "attention.dense.weight",
        QueryNorm = "attention.query_layernorm.weight",
        KeyNorm = "attention.key_layernorm.weight",
    };

    public required string Embedding { get; init; }

    public required string FinalNorm { get; init; }

    public required string Head { get; init; }

    public required string Block { get; init; }

    public required string AttentionNorm { get; init; }

    /// <summary>Followed by q_proj, k_proj, v_proj and .weight or .bias.</summary>
    public required string Attention { get; init; }

    /// <summary>Rows of all query heads, then key heads, then value heads; null: three matrices.</summary>
    public string? FusedQkv { get; init; }

    public required string Output { get; init; }

    public string QueryNorm { get; init; } = "";

    public string KeyNorm { get; init; } = "";

    public required string FeedForwardNorm { get; init; }

    public required string Gate { get; init; }

    public required string Up { get; init; }

    public required string Down { get; init; }

    public string Router { get; init; } = "mlp.gate.weight";

    public string RouterBias { get; init; } = "mlp.gate.expert_bias";

    /// <summary>{0} is the number of the expert; followed by gate_proj, up_proj, down_proj and .weight.</summary>
    public string Expert { get; init; } = "mlp.experts.{0}.";

    public string Shared { get; init; } = "mlp.shared_experts.";
}
