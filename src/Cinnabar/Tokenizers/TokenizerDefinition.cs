namespace Cinnabar.Tokenizers;

/// <summary>The parts of a tokenizer, named as in Hugging Face tokenizers, checked and with names resolved to ids.</summary>
internal sealed record TokenizerDefinition
{
    /// <summary>Tokens that are found as a whole.</summary>
    public required AddedTokens AddedTokens { get; init; }

    /// <summary>What changes the text between them; null for nothing.</summary>
    public Normalizer? Normalizer { get; init; }

    /// <summary>What cuts it into pieces, each cutting the pieces of the one before; none where the text is one piece.</summary>
    public required IReadOnlyList<PreTokenizer> PreTokenizers { get; init; }

    /// <summary>What turns a piece into ids.</summary>
    public required Model Model { get; init; }

    /// <summary>The special tokens around a text.</summary>
    public PostProcessor PostProcessor { get; init; } = PostProcessor.None;

    /// <summary>What ids stand for.</summary>
    public required TokenBytes Tokens { get; init; }

    /// <summary>Whether every word but the first has a space in front, whatever stands before it, as in WordPiece.</summary>
    public bool SpacesWords { get; init; }

    /// <summary>The ids of mask, end, padding and beginning.</summary>
    public required SpecialTokenIds SpecialIds { get; init; }

    /// <summary>The tokenizer.json that this was read from; null for a trained one and for a GGUF vocabulary.</summary>
    public byte[]? Json { get; init; }
}
