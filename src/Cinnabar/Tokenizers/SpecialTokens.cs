namespace Cinnabar.Tokenizers;

/// <summary>The names of the four tokens that stand for no text. A tokenizer trained here has them at ids 0 … 3, in this order.</summary>
public static class SpecialTokens
{
    /// <summary>Noise: a position that is still to be denoised.</summary>
    public const string Mask = "<|mask|>";

    /// <summary>The end of a document.</summary>
    public const string EndOfText = "<|endoftext|>";

    /// <summary>Padding, and the unused rest of a hole that was larger than its content.</summary>
    public const string Padding = "<|pad|>";

    /// <summary>The beginning of a document.</summary>
    public const string BeginOfText = "<|begin|>";

    /// <summary>All four, in the order of their ids.</summary>
    public static IReadOnlyList<string> All { get; } = [Mask, EndOfText, Padding, BeginOfText];
}

/// <summary>The ids of the four tokens, as far as a tokenizer has them.</summary>
/// <param name="Mask">Noise.</param>
/// <param name="EndOfText">The end of a document.</param>
/// <param name="Padding">Padding.</param>
/// <param name="BeginOfText">The beginning of a document.</param>
internal sealed record SpecialTokenIds(int? Mask, int? EndOfText, int? Padding, int? BeginOfText)
{
    // What published tokenizers call them, after our own names: LLaDA, SDAR, BERT, Gemma; Llama 2, Gemma, BERT; Dream.
    private static readonly string[] s_mask = [SpecialTokens.Mask, "<|mdm_mask|>", "<|MASK|>", "<MASK>", "[MASK]", "<[MASK]>", "<mask>"];
    private static readonly string[] s_end = [SpecialTokens.EndOfText, "</s>", "<eos>", "[SEP]"];
    private static readonly string[] s_padding = [SpecialTokens.Padding, "<pad>", "[PAD]", "<|dlm_pad|>"];
    private static readonly string[] s_begin =
        [SpecialTokens.BeginOfText, "<|startoftext|>", "<|beginoftext|>", "<s>", "<bos>", "[CLS]"];

    /// <summary>Finds the tokens by the names that are in use.</summary>
    public static SpecialTokenIds Of(AddedTokens tokens)
    {
        return new SpecialTokenIds(First(s_mask), First(s_end), First(s_padding), First(s_begin));

        int? First(string[] names) => names.Select(tokens.Find).FirstOrDefault(token => token is { Special: true })?.Id;
    }
}
