// The other way round: a byte-level BPE as the keys of a GGUF file. Special tokens are control tokens (3), other added ones user-defined
// (4), ids without a token are unused (5) and called [PAD42] as llama.cpp's converters do.
//
// Programs that know only these keys cut text by tokenizer.ggml.pre, a name for one of llama.cpp's patterns. A pattern without a name gets
// "gpt-2": like the patterns trained here it lets a word begin with a space and nothing else, so most pieces are those the merges were
// learned on. Ids mean the same then, but texts get other ids than in training, and the note says so. Where the keys do not tell all
// (such a pattern, a normalizer, other rules of added tokens), tokenizer.huggingface.json holds the whole tokenizer.
using System.Text;
using Cinnabar.Checkpoints.Gguf;

namespace Cinnabar.Tokenizers;

/// <summary><see cref="TokenizerDefinition"/> → <see cref="GgufVocabulary"/>.</summary>
internal static class GgufVocabularyWriter
{
    private const string NearestName = "gpt-2";
    private const int Normal = 1;
    private const int Control = 3;
    private const int UserDefined = 4;
    private const int Unused = 5;

    /// <summary>Converts.</summary>
    /// <param name="definition">The tokenizer.</param>
    /// <param name="count">Number of ids of the network, at least that of the tokenizer.</param>
    /// <param name="file">Where the tokenizer is from, for messages.</param>
    /// <returns>The vocabulary without special ids, and what other programs will do otherwise; null: nothing.</returns>
    /// <exception cref="CinnabarException">The tokenizer is of another kind.</exception>
    public static (GgufVocabulary Vocabulary, string? Note) Write(TokenizerDefinition definition, int count, string file)
    {
        if (definition.Model is not Bpe { Symbols: ByteSymbols } model)
        {
            throw new CinnabarException(
                $"{file}: expected a byte-level BPE tokenizer, "
                + $"found {(definition.Model is Bpe ? "one over characters" : "another model")}.",
                "GGUF files of diffusion models with other tokenizers are not written.");
        }

        string[] tokens = new string[count];
        int[] types = new int[count];
        for (int id = 0; id < count; id++)
        {
            byte[] bytes = id < definition.Tokens.Count ? definition.Tokens[id, first: false].ToArray() : [];
            (tokens[id], types[id]) = bytes.Length > 0 ? (ByteLevel.Spell(bytes), Normal) : ($"[PAD{id}]", Unused);
        }

        foreach (AddedToken token in definition.AddedTokens.All)
        {
            (tokens[token.Id], types[token.Id]) = (token.Content, token.Special ? Control : UserDefined);
        }

        string? name = NameOf(definition, model);
        bool isWhole = name is not null && definition.Normalizer is null && definition.AddedTokens.All.All(IsPlain);
        string? json = isWhole ? null : Encoding.UTF8.GetString(TokenizerWriter.ToJson(definition));
        json = json is not null && Encoding.UTF8.GetByteCount(json) <= GgufHeader.MaxTextBytes ? json : null;
        GgufVocabulary vocabulary = new()
        {
            Model = "gpt2",
            Pre = name ?? NearestName,
            Tokens = tokens,
            TokenTypes = types,
            Merges = [.. model.Merges.OrderBy(merge => merge.Rank).Select(merge => $"{tokens[merge.Left]} {tokens[merge.Right]}")],
            HuggingFaceJson = json,
        };
        return (vocabulary, name is not null ? null :
            $"the tokenizer cuts text by a pattern that GGUF has no name for; other programs will use that of {NearestName}, which gives "
            + "some texts other ids than in training, while the ids mean the same"
            + (json is null ? "" : "; the exact tokenizer is in the file too, for programs that read tokenizer.huggingface.json"));
    }

    // With Llama 3's pattern a piece that is a token needs no merges, with the others it does.
    private static string? NameOf(TokenizerDefinition definition, Bpe model) =>
        definition.PreTokenizers is [RegexSplit split] && split.Prepare("a", first: true) == "a"
        && model.KeepsWholePieces == (split.Pattern == SplitPatterns.Llama3)
            ? SplitPatterns.GgufNameOf(split.Pattern)
            : null;

    private static bool IsPlain(AddedToken token) => token is { SingleWord: false, LStrip: false, RStrip: false };
}
