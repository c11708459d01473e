// The split patterns of the families that run here, as their tokenizer.json write them.
//
// Code is Cinnabar's own. A piece is the first of
//
//   word     [ ]? (letter | mark | _)+             "return", " _field"
//   number   [ ]? digit{1,3}                       " 123" then "456"
//   symbols  [ ]? (anything not named here)+       "();", " =>", " {"
//   newlines (CR | LF)+ (space | tab)*             the indentation belongs to the line break before it
//   blanks   (space | tab)+                        alignment inside a line; takes all of the run
//
// A word after an indentation or after two blanks therefore has no leading space, and no look-ahead is needed. Only space, tab, CR
// and LF are white space here; the other Unicode spaces are symbols. That keeps the classes of every regular-expression engine the
// same (they differ on what \s is).
//
// In the others a run of white space leaves its last character to the piece after it.
// Sources: openai/gpt-2 src/encoder.py; openai/tiktoken (cl100k_base, which Llama 3 and the Bailing models vary); Qwen2's and
// Llama 3's tokenizer.json; llama.cpp src/llama-vocab.cpp for the names in GGUF files and for Gemma 4's lines.
namespace Cinnabar.Tokenizers;

/// <summary>Regular expressions that tokenizers cut with.</summary>
internal static class SplitPatterns
{
    /// <summary>Of the tokenizers trained here.</summary>
    public const string Code = @" ?[\p{L}\p{M}_]+| ?\p{N}{1,3}| ?[^\p{L}\p{M}\p{N}_ \t\r\n]+|[\r\n]+[ \t]*|[ \t]+";

    /// <summary>GPT-2, which "ByteLevel" in tokenizer.json stands for: MDLM, SEDD, BD3-LM; OLMo and ModernBERT.</summary>
    public const string Gpt2 = @"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

    /// <summary>Qwen 2 to 3: Dream, DiffuCoder, Fast-dLLM v2, SDAR, RND1. Every digit by itself.</summary>
    public const string Qwen2 =
        @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    /// <summary>Llama 3, which llama.cpp takes for LLaDA as well. Digits in threes.</summary>
    public const string Llama3 =
        @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    /// <summary>Bailing: LLaDA-MoE, LLaDA 2.</summary>
    public const string BailingMoe =
        @"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+";

    /// <summary>Gemma 4 in GGUF files: lines and runs of line feeds.</summary>
    public const string Lines = @"[^\n]+|[\n]+";

    /// <summary>The <c>tokenizer.ggml.pre</c> that stands for a pattern; null where there is none.</summary>
    public static string? GgufNameOf(string pattern)
    {
        return pattern switch
        {
            Gpt2 => "gpt-2",
            Qwen2 => "qwen2",
            Llama3 => "llama-bpe",
            BailingMoe => "llada-moe",
            _ => null,
        };
    }

    /// <summary>The pattern of a <c>tokenizer.ggml.pre</c>; null for an unknown one.</summary>
    public static string? OfGguf(string pre)
    {
        return pre switch
        {
            "gpt-2" or "olmo" => Gpt2,
            "qwen2" or "deepseek-r1-qwen" => Qwen2,
            "llama-bpe" or "llama3" or "llama-v3" => Llama3,
            "bailingmoe" or "bailingmoe2" or "llada-moe" => BailingMoe,
            _ => null,
        };
    }
}
