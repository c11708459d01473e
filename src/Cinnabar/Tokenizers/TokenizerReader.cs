// Reads and checks tokenizer.json as Hugging Face tokenizers writes it: the root and the vocabulary here, each component in its own
// reader. Whatever would change the ids and is not supported is refused by name: a tokenizer that is nearly right makes a model that
// is quietly wrong.
//
//   normalizer      BertNormalizer, Lowercase, NFC, NFD, Prepend, Replace, Sequence, StripAccents
//   pre_tokenizer   BertPreTokenizer, ByteLevel, Metaspace, Sequence, Split
//   model           BPE, WordPiece
//   post_processor  BertProcessing, ByteLevel, RobertaProcessing, Sequence, TemplateProcessing
//   decoder         ByteFallback, ByteLevel, Fuse, Metaspace, Replace, Sequence, Strip, WordPiece
//
// Ids may have gaps, as in the files of LLaDA, but the highest is near the number of tokens.
using System.Text.Json;

namespace Cinnabar.Tokenizers;

/// <summary>tokenizer.json → <see cref="TokenizerDefinition"/>.</summary>
internal sealed class TokenizerReader
{
    private readonly TokenizerJson _json;

    private TokenizerReader(string file)
    {
        _json = new TokenizerJson(file);
    }

    /// <summary>Reads the file.</summary>
    /// <exception cref="CinnabarException">It cannot be used.</exception>
    public static TokenizerDefinition Read(string path)
    {
        string folder = Path.GetDirectoryName(path) ?? "";
        TokenizerDefinition definition = File.Exists(path) || !VocabularyFiles.Exist(folder)
            ? Parse(path, new TokenizerJson(path).ReadFile())
            : Parse(VocabularyFiles.VocabularyOf(folder), VocabularyFiles.ToTokenizerJson(folder));
        return definition with { SpecialIds = TokenizerConfig.SpecialIds(folder, definition.AddedTokens) };
    }

    /// <summary>Reads the text of a file that lies within another; special tokens are found by the names in use.</summary>
    /// <param name="file">Name for errors.</param>
    /// <param name="json">UTF-8 text.</param>
    /// <exception cref="CinnabarException">It cannot be used.</exception>
    public static TokenizerDefinition Parse(string file, byte[] json) => new TokenizerReader(file).Read(json);

    private TokenizerDefinition Read(byte[] file)
    {
        using JsonDocument document = _json.Parse(file);
        JsonElement root = _json.Object(document.RootElement, "the file");
        foreach (string setting in (ReadOnlySpan<string>)["truncation", "padding"])
        {
            if (_json.Optional(root, setting, "the file") is JsonElement value)
            {
                throw _json.Bad(setting, "null", TokenizerJson.Describe(value));
            }
        }

        Normalizer? normalizer = new NormalizerReader(_json).Read(_json.Optional(root, "normalizer", "the file"));
        PreTokenizerReader preTokenizers = new(_json);
        preTokenizers.Read(_json.Optional(root, "pre_tokenizer", "the file"));
        Decoder decoder = new DecoderReader(_json).Read(_json.Member(root, "decoder", "the file"));
        if (preTokenizers.IsByteLevel != decoder is ByteLevelDecoder)
        {
            throw _json.Bad(
                "decoder", preTokenizers.IsByteLevel ? "ByteLevel, as in pre_tokenizer" : "another one than ByteLevel", "the opposite");
        }

        AddedTokens added = new(ReadAddedTokens(root), normalizer);
        JsonElement model = _json.Object(_json.Member(root, "model", "the file"), "model");
        Dictionary<string, int> vocabulary = ReadVocabulary(model);
        string?[] spellings = NumberTokens(vocabulary, added);
        TokenizerVocabulary ordinary = new(vocabulary, added);
        PostProcessor postProcessor = new PostProcessorReader(_json, spellings.Length)
            .Read(_json.Optional(root, "post_processor", "the file"), "post_processor");
        return new TokenizerDefinition
        {
            AddedTokens = added,
            Normalizer = normalizer,
            PreTokenizers = preTokenizers.Stages,
            Model = new ModelReader(_json, ordinary).Read(model, preTokenizers.IsByteLevel),
            PostProcessor = postProcessor,
            Tokens = new TokenBytes(spellings, added.All, decoder),
            SpacesWords = decoder is WordPieceDecoder,
            SpecialIds = SpecialTokenIds.Of(added),
            Json = file,
        };
    }

    private List<AddedToken> ReadAddedTokens(JsonElement root)
    {
        List<AddedToken> found = [];
        HashSet<string> names = [];
        if (_json.Optional(root, "added_tokens", "the file") is not JsonElement list)
        {
            return found;
        }

        foreach ((int i, JsonElement element) in _json.Array(list, "added_tokens").Index())
        {
            string where = $"added_tokens[{i}]";
            string name = _json.Text(element, "content", where);
            if (name.Length == 0 || !names.Add(name))
            {
                throw _json.Bad($"{where}.content", "a name that no other token has", $"'{name}'");
            }

            bool special = _json.Flag(element, "special", where);
            found.Add(new AddedToken(_json.Id(_json.Member(element, "id", where), $"{where}.id"), name, special)
            {
                Normalized = _json.Flag(element, "normalized", where, whenAbsent: !special),
                SingleWord = _json.Flag(element, "single_word", where, whenAbsent: false),
                LStrip = _json.Flag(element, "lstrip", where, whenAbsent: false),
                RStrip = _json.Flag(element, "rstrip", where, whenAbsent: false),
            });
        }

        return found;
    }

    private Dictionary<string, int> ReadVocabulary(JsonElement model)
    {
        Dictionary<string, int> vocabulary = [];
        foreach (JsonProperty entry in _json.Object(_json.Member(model, "vocab", "model"), "model.vocab").EnumerateObject())
        {
            string name = _json.Name(entry, "model.vocab");
            vocabulary.Add(name, TokenizerJson.TryId(entry.Value) ?? _json.Id(entry.Value, $"model.vocab['{name}']"));
        }

        return vocabulary;
    }

    // The spelling of every id that is of the vocabulary and not added; no id twice, no token empty.
    private string?[] NumberTokens(Dictionary<string, int> vocabulary, AddedTokens added)
    {
        foreach (AddedToken token in added.All)
        {
            if (vocabulary.TryGetValue(token.Content, out int other) && other != token.Id)
            {
                throw _json.Bad($"model.vocab['{token.Content}']", $"id {token.Id}, as in added_tokens", $"{other}");
            }
        }

        KeyValuePair<string, int>[] all =
        [
            .. vocabulary.Where(entry => added.Find(entry.Key) is null),
            .. added.All.Select(token => new KeyValuePair<string, int>(token.Content, token.Id)),
        ];
        if (all.Length == 0)
        {
            throw _json.Bad("model.vocab", "at least one token", "none");
        }

        int count = 1 + all.Max(entry => entry.Value);
        if (count > 2 * all.Length + 1024)
        {
            string last = all.MaxBy(entry => entry.Value).Key;
            throw _json.Bad($"the id of '{last}'", $"one near the number of tokens, {all.Length}", $"{count - 1}");
        }

        string?[] spellings = new string?[count];
        bool[] taken = new bool[count];
        foreach ((string spelling, int id) in all)
        {
            if (taken[id])
            {
                throw _json.Bad($"the id of '{spelling}'", "an id that no other token has", $"{id} twice");
            }

            taken[id] = true;
            spellings[id] = added.Find(spelling) is null ? spelling : null;
            if (spelling.Length == 0)
            {
                throw _json.Bad("model.vocab", "tokens of at least one character", "an empty token");
            }
        }

        return spellings;
    }
}
