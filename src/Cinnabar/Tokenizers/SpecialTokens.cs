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
