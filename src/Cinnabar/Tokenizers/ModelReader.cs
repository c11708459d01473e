using System.Text;
using System.Text.Json;

namespace Cinnabar.Tokenizers;

/// <summary>Reads "model" of tokenizer.json; its vocabulary is read already.</summary>
internal sealed class ModelReader(TokenizerJson json, TokenizerVocabulary vocabulary)
{
    private const int MaxWordCharacters = 1000;

    /// <summary>Reads the component.</summary>
    /// <param name="model">The element.</param>
    /// <param name="byteLevel">Whether tokens are spelled in the byte-level alphabet.</param>
    public Model Read(JsonElement model, bool byteLevel)
    {
        // Older files, such as GPT-2's, do not say; only BPE has merges.
        bool isUnsaid = json.Optional(model, "type", "model") is null;
        string type = isUnsaid && json.Optional(model, "merges", "model") is not null ? "BPE" : json.TypeOf(model, "model");
        return type switch
        {
            "BPE" => ReadBpe(model, byteLevel),
            "WordPiece" when !byteLevel => ReadWordPiece(model),
            "WordPiece" => throw json.Bad("model.type", "'BPE' with a ByteLevel pre_tokenizer", $"'{type}'"),
            _ => throw json.Unsupported("model", type, "BPE", "WordPiece"),
        };
    }

    private WordPiece ReadWordPiece(JsonElement model)
    {
        string prefix = json.Text(model, "continuing_subword_prefix", "model");
        int unknown = Unknown(model) ?? throw json.Bad("model.unk_token", "a token of the vocabulary", "null");
        int most = json.Number(model, "max_input_chars_per_word", "model", 1, MaxWordCharacters, whenAbsent: 100);
        return new WordPiece(vocabulary.Ordinary.ToDictionary(), prefix, unknown, most);
    }

    private Bpe ReadBpe(JsonElement model, bool byteLevel)
    {
        foreach (string setting in (ReadOnlySpan<string>)["continuing_subword_prefix", "end_of_word_suffix", "dropout"])
        {
            if (json.Optional(model, setting, "model") is JsonElement value && value.GetRawText() is not ("\"\"" or "0" or "0.0"))
            {
                throw json.Bad($"model.{setting}", "null", TokenizerJson.Describe(value));
            }
        }

        int? unknown = Unknown(model);
        bool byteFallback = json.Flag(model, "byte_fallback", "model", whenAbsent: false);
        BpeSymbols symbols = byteLevel ? ByteSymbols() : new CharacterSymbols(TokensOfOneCharacter())
        {
            IdOfByte = byteFallback ? [.. Enumerable.Range(0, 256).Select(b => vocabulary.Find($"<0x{b:X2}>"))] : null,
            UnknownId = unknown,
            FuseUnknown = json.Flag(model, "fuse_unk", "model", whenAbsent: false),
        };
        Dictionary<byte[], int>? whole = json.Flag(model, "ignore_merges", "model", whenAbsent: false) ? WholePieces(byteLevel) : null;
        return new Bpe(symbols, ReadMerges(model), whole);
    }

    private int? Unknown(JsonElement model)
    {
        if (json.Optional(model, "unk_token", "model") is not JsonElement value)
        {
            return null;
        }

        string name = json.Text(value, "model.unk_token");
        return vocabulary.FindAny(name) ?? throw json.Bad("model.unk_token", "a token of the vocabulary", $"'{name}'");
    }

    private ByteSymbols ByteSymbols()
    {
        int[] ids = new int[256];
        for (int b = 0; b < ids.Length; b++)
        {
            ids[b] = vocabulary.Find(ByteLevel.Spell([(byte)b]));
        }

        int missing = Array.IndexOf(ids, -1);
        return missing < 0
            ? new ByteSymbols(ids)
            : throw json.Bad("model.vocab", "a token for each of the 256 bytes", $"none for byte {missing}");
    }

    private Dictionary<int, int> TokensOfOneCharacter()
    {
        return vocabulary.Ordinary
            .Where(entry => Rune.TryGetRuneAt(entry.Key, 0, out Rune rune) && rune.Utf16SequenceLength == entry.Key.Length)
            .ToDictionary(entry => Rune.GetRuneAt(entry.Key, 0).Value, entry => entry.Value);
    }

    private Dictionary<byte[], int> WholePieces(bool byteLevel)
    {
        Dictionary<byte[], int> pieces = new(ByteSequenceComparer.Instance);
        foreach ((string spelling, int id) in vocabulary.Ordinary)
        {
            byte[]? bytes = byteLevel ? ByteLevel.Parse(spelling) : Encoding.UTF8.GetBytes(spelling);
            if (bytes is not null)
            {
                pieces.TryAdd(bytes, id);
            }
        }

        return pieces;
    }

    private Merge[] ReadMerges(JsonElement model)
    {
        JsonElement[] lines = json.Array(json.Member(model, "merges", "model"), "model.merges");
        Merge[] merges = new Merge[lines.Length];
        HashSet<(int, int)> seen = [];
        for (int rank = 0; rank < lines.Length; rank++)
        {
            (string left, string right) = ReadMerge(lines[rank], rank);
            merges[rank] = new Merge(Find(left, rank), Find(right, rank), Find(left + right, rank), rank);
            if (!seen.Add((merges[rank].Left, merges[rank].Right)))
            {
                throw json.Bad($"model.merges[{rank}]", "a pair that was not merged before", $"'{left}' '{right}' again");
            }
        }

        return merges;
    }

    private int Find(string token, int rank)
    {
        int id = vocabulary.Find(token);
        return id >= 0 ? id : throw json.Bad($"model.merges[{rank}]", "ordinary tokens of the vocabulary", $"'{token}'");
    }

    // ["a", "b"], or "a b" in older files: there no token has a space.
    private (string Left, string Right) ReadMerge(JsonElement element, int rank)
    {
        if (element.ValueKind == JsonValueKind.Array && element.GetArrayLength() == 2)
        {
            return (json.Text(element[0], $"model.merges[{rank}]"), json.Text(element[1], $"model.merges[{rank}]"));
        }

        if (element.ValueKind == JsonValueKind.String
            && json.Text(element, $"model.merges[{rank}]").Split(' ') is [string left, string right])
        {
            return (left, right);
        }

        throw json.Bad($"model.merges[{rank}]", "two tokens, as [\"a\", \"b\"] or \"a b\"", TokenizerJson.Describe(element));
    }
}
