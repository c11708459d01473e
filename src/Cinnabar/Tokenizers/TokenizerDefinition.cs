namespace Cinnabar.Tokenizers;

/// <summary>What tokenizer.json says, checked and with names resolved to ids.</summary>
/// <param name="PreTokenizer">How text is cut into pieces.</param>
/// <param name="Tokens">By id: the bytes of a token; empty for a special token.</param>
/// <param name="SpecialTokens">The tokens that stand for no text, by name.</param>
/// <param name="Merges">By rank: two ids and the id they become.</param>
internal sealed record TokenizerDefinition(
    PreTokenizer PreTokenizer,
    byte[][] Tokens,
    IReadOnlyDictionary<string, int> SpecialTokens,
    (int Left, int Right, int Merged)[] Merges);
