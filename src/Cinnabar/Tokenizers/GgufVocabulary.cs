namespace Cinnabar.Tokenizers;

/// <summary>What a GGUF file says about its tokenizer, as it is there; <see cref="Tokenizer.FromVocabulary"/> checks it.</summary>
public sealed record GgufVocabulary
{
    /// <summary><c>tokenizer.ggml.model</c>: "gpt2", "llama" or "gemma4".</summary>
    public required string Model { get; init; }

    /// <summary><c>tokenizer.ggml.pre</c>: the split pattern of a "gpt2" vocabulary, such as "qwen2".</summary>
    public string? Pre { get; init; }

    /// <summary><c>tokenizer.ggml.tokens</c>, by id.</summary>
    public required IReadOnlyList<string> Tokens { get; init; }

    /// <summary><c>tokenizer.ggml.scores</c>, by id; needed by "llama".</summary>
    public IReadOnlyList<float>? Scores { get; init; }

    /// <summary><c>tokenizer.ggml.token_type</c>, by id: 1 normal, 2 unknown, 3 control, 4 user defined, 5 unused, 6 byte.</summary>
    public IReadOnlyList<int>? TokenTypes { get; init; }

    /// <summary><c>tokenizer.ggml.merges</c>, by rank: "left right"; needed by "gpt2" and "gemma4".</summary>
    public IReadOnlyList<string>? Merges { get; init; }

    /// <summary><c>tokenizer.ggml.bos_token_id</c>.</summary>
    public int? BosTokenId { get; init; }

    /// <summary><c>tokenizer.ggml.eos_token_id</c>.</summary>
    public int? EosTokenId { get; init; }

    /// <summary><c>tokenizer.ggml.padding_token_id</c>.</summary>
    public int? PaddingTokenId { get; init; }

    /// <summary><c>tokenizer.ggml.mask_token_id</c>.</summary>
    public int? MaskTokenId { get; init; }

    /// <summary><c>tokenizer.ggml.unknown_token_id</c>.</summary>
    public int? UnknownTokenId { get; init; }

    /// <summary><c>tokenizer.ggml.add_bos_token</c>; absent: what llama.cpp does for the model.</summary>
    public bool? AddBos { get; init; }

    /// <summary><c>tokenizer.ggml.add_eos_token</c>; absent: false.</summary>
    public bool? AddEos { get; init; }

    /// <summary>
    /// <c>tokenizer.huggingface.json</c>: the whole tokenizer.json, which then decides how text is cut and merged; the other keys are for
    /// programs that do not read it.
    /// </summary>
    public string? HuggingFaceJson { get; init; }

    /// <summary><c>tokenizer.ggml.add_space_prefix</c>; absent: true for "llama".</summary>
    public bool? AddSpacePrefix { get; init; }
}
