// Reads and checks tokenizer.json as Hugging Face tokenizers writes it.
//
// Supported: added_tokens that are special; normalizer null; pre_tokenizer ByteLevel (GPT-2's rule) or Split (the rule of
// CodePreTokenizer) followed by ByteLevel; model BPE over the byte alphabet; decoder ByteLevel. Whatever would change the ids and is
// not supported is refused by name: a tokenizer that is nearly right makes a model that is quietly wrong.
using System.Text.Json;

namespace Cinnabar.Tokenizers;

/// <summary>tokenizer.json → <see cref="TokenizerDefinition"/>.</summary>
internal sealed class TokenizerReader
{
    private const long MaxFileBytes = 256L << 20; // ten times the largest vocabulary in use
    private const int MaxDepth = 16;
    private readonly string _path;
    private readonly TokenizerJson _json;

    private TokenizerReader(string path)
    {
        _path = path;
        _json = new TokenizerJson(path);
    }

    /// <summary>Reads the file.</summary>
    /// <exception cref="CinnabarException">It cannot be used.</exception>
    public static TokenizerDefinition Read(string path) => new TokenizerReader(path).Read();

    private TokenizerDefinition Read()
    {
        using JsonDocument document = Parse();
        JsonElement root = _json.Object(document.RootElement, "the file");
        foreach (string setting in (ReadOnlySpan<string>)["truncation", "padding", "normalizer"])
        {
            if (root.TryGetProperty(setting, out JsonElement value) && value.ValueKind != JsonValueKind.Null)
            {
                throw _json.Bad(setting, "null", TokenizerJson.Describe(value));
            }
        }

        PreTokenizer preTokenizer = ReadPreTokenizer(_json.Member(root, "pre_tokenizer", "the file"));
        ExpectByteLevel(_json.Member(root, "decoder", "the file"), "decoder");
        if (root.TryGetProperty("post_processor", out JsonElement postProcessor) && postProcessor.ValueKind != JsonValueKind.Null)
        {
            ExpectByteLevel(postProcessor, "post_processor"); // which only moves offsets
        }

        Dictionary<string, int> special = ReadAddedTokens(root);
        JsonElement model = _json.Object(_json.Member(root, "model", "the file"), "model");
        CheckModel(model);
        Dictionary<string, int> vocabulary = ReadVocabulary(model);
        byte[][] tokens = NumberTokens(vocabulary, special);
        return new TokenizerDefinition(preTokenizer, tokens, special, ReadMerges(model, vocabulary, special));
    }

    private JsonDocument Parse()
    {
        try
        {
            FileInfo file = new(_path);
            if (!file.Exists)
            {
                throw new CinnabarException(
                    $"{_path}: there is no such file.", "Give the path of a tokenizer.json or of the folder that holds it.");
            }

            if (file.Length > MaxFileBytes)
            {
                throw _json.Bad("the file", $"at most {MaxFileBytes} bytes", $"{file.Length}");
            }

            return JsonDocument.Parse(
                File.ReadAllBytes(_path),
                new JsonDocumentOptions { MaxDepth = MaxDepth, AllowDuplicateProperties = false });
        }
        catch (Exception failure) when (failure is JsonException or InvalidOperationException)
        {
            throw new CinnabarException($"{_path}: expected JSON, found a fault: {failure.Message}", TokenizerJson.Remedy, failure);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new CinnabarException($"{_path} cannot be read: {failure.Message}", "Check the path and your rights to it.", failure);
        }
    }

    private PreTokenizer ReadPreTokenizer(JsonElement element)
    {
        const string Where = "pre_tokenizer";
        if (_json.TypeOf(element, Where) == "ByteLevel")
        {
            _json.Expect(element, Where, "add_prefix_space", false);
            _json.Expect(element, Where, "use_regex", true, whenAbsent: true);
            return new Gpt2PreTokenizer();
        }

        _json.ExpectType(element, Where, "Sequence");
        JsonElement[] parts = _json.Array(_json.Member(element, "pretokenizers", Where), $"{Where}.pretokenizers");
        if (parts.Length != 2)
        {
            throw _json.Bad($"{Where}.pretokenizers", "Split, then ByteLevel", $"{parts.Length} parts");
        }

        string split = $"{Where}.pretokenizers[0]";
        _json.ExpectType(parts[0], split, "Split");
        _json.Expect(parts[0], split, "behavior", "Isolated");
        _json.Expect(parts[0], split, "invert", false);
        _json.Expect(_json.Member(parts[0], "pattern", split), $"{split}.pattern", "Regex", CodePreTokenizer.Pattern);
        string byteLevel = $"{Where}.pretokenizers[1]";
        _json.ExpectType(parts[1], byteLevel, "ByteLevel");
        _json.Expect(parts[1], byteLevel, "add_prefix_space", false);
        _json.Expect(parts[1], byteLevel, "use_regex", false);
        return new CodePreTokenizer();
    }

    private Dictionary<string, int> ReadAddedTokens(JsonElement root)
    {
        Dictionary<string, int> special = [];
        if (!root.TryGetProperty("added_tokens", out JsonElement list))
        {
            return special;
        }

        JsonElement[] tokens = _json.Array(list, "added_tokens");
        for (int i = 0; i < tokens.Length; i++)
        {
            string where = $"added_tokens[{i}]";
            _json.Expect(tokens[i], where, "special", true);
            _json.Expect(tokens[i], where, "single_word", false, whenAbsent: false);
            _json.Expect(tokens[i], where, "lstrip", false, whenAbsent: false);
            _json.Expect(tokens[i], where, "rstrip", false, whenAbsent: false);
            string name = _json.Text(_json.Member(tokens[i], "content", where), $"{where}.content");
            int id = _json.Id(_json.Member(tokens[i], "id", where), $"{where}.id");
            if (name.Length == 0 || !special.TryAdd(name, id))
            {
                throw _json.Bad($"{where}.content", "a name that no other token has", $"'{name}'");
            }
        }

        return special;
    }

    private void CheckModel(JsonElement model)
    {
        _json.ExpectType(model, "model", "BPE");
        foreach (string setting in (ReadOnlySpan<string>)["dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix"])
        {
            bool plain = !model.TryGetProperty(setting, out JsonElement value)
                || value.ValueKind == JsonValueKind.Null
                || (value.ValueKind == JsonValueKind.String && value.ValueEquals(""));
            if (!plain)
            {
                throw _json.Bad($"model.{setting}", "null", TokenizerJson.Describe(value));
            }
        }

        foreach (string setting in (ReadOnlySpan<string>)["byte_fallback", "ignore_merges"])
        {
            _json.Expect(model, "model", setting, false, whenAbsent: false);
        }
    }

    private Dictionary<string, int> ReadVocabulary(JsonElement model)
    {
        Dictionary<string, int> vocabulary = [];
        JsonElement element = _json.Object(_json.Member(model, "vocab", "model"), "model.vocab");
        foreach (JsonProperty entry in element.EnumerateObject())
        {
            vocabulary.Add(_json.Name(entry), _json.Id(entry.Value, $"model.vocab['{_json.Name(entry)}']"));
        }

        return vocabulary;
    }

    // Every id from 0 to V − 1 once; every byte has a token; only special tokens may be outside the byte alphabet.
    private byte[][] NumberTokens(Dictionary<string, int> vocabulary, Dictionary<string, int> special)
    {
        foreach ((string name, int id) in special)
        {
            if (vocabulary.TryGetValue(name, out int other) && other != id)
            {
                throw _json.Bad($"model.vocab['{name}']", $"id {id}, as in added_tokens", $"{other}");
            }
        }

        KeyValuePair<string, int>[] all = [.. vocabulary.Where(entry => !special.ContainsKey(entry.Key)), .. special];
        byte[][] tokens = new byte[all.Length][];
        bool[] hasByte = new bool[256];
        foreach ((string spelling, int id) in all)
        {
            if (id >= tokens.Length)
            {
                throw _json.Bad($"the id of '{spelling}'", $"ids 0 … {tokens.Length - 1} without gaps", $"{id}");
            }

            if (tokens[id] is not null)
            {
                throw _json.Bad($"the id of '{spelling}'", "an id that no other token has", $"{id} twice");
            }

            tokens[id] = special.ContainsKey(spelling) ? [] : ByteLevel.Parse(spelling)
                ?? throw _json.Bad($"model.vocab['{spelling}']", "characters of the byte-level alphabet", "others");
            if (tokens[id] is [byte single])
            {
                hasByte[single] = true;
            }
            else if (tokens[id].Length == 0 && !special.ContainsKey(spelling))
            {
                throw _json.Bad("model.vocab", "tokens of at least one byte", "an empty token");
            }
        }

        int missing = Array.IndexOf(hasByte, false);
        return missing < 0 ? tokens : throw _json.Bad("model.vocab", "a token for each of the 256 bytes", $"none for byte {missing}");
    }

    private (int Left, int Right, int Merged)[] ReadMerges(
        JsonElement model, Dictionary<string, int> vocabulary, Dictionary<string, int> special)
    {
        JsonElement[] lines = _json.Array(_json.Member(model, "merges", "model"), "model.merges");
        (int, int, int)[] merges = new (int, int, int)[lines.Length];
        HashSet<(int, int)> seen = [];
        for (int rank = 0; rank < lines.Length; rank++)
        {
            string where = $"model.merges[{rank}]";
            (string left, string right) = ReadMerge(lines[rank], where);
            merges[rank] = (Find(left), Find(right), Find(left + right));
            if (!seen.Add((merges[rank].Item1, merges[rank].Item2)))
            {
                throw _json.Bad(where, "a pair that was not merged before", $"'{left}' '{right}' again");
            }

            int Find(string token)
            {
                return vocabulary.TryGetValue(token, out int id) && !special.ContainsKey(token)
                    ? id
                    : throw _json.Bad(where, "ordinary tokens of the vocabulary", $"'{token}'");
            }
        }

        return merges;
    }

    // ["a", "b"], or "a b" in older files: the alphabet has no space.
    private (string Left, string Right) ReadMerge(JsonElement element, string where)
    {
        if (element.ValueKind == JsonValueKind.Array && element.GetArrayLength() == 2)
        {
            return (_json.Text(element[0], where), _json.Text(element[1], where));
        }

        if (element.ValueKind == JsonValueKind.String && _json.Text(element, where).Split(' ') is [string left, string right])
        {
            return (left, right);
        }

        throw _json.Bad(where, "two tokens, as [\"a\", \"b\"] or \"a b\"", TokenizerJson.Describe(element));
    }

    private void ExpectByteLevel(JsonElement element, string where) => _json.ExpectType(element, where, "ByteLevel");
}
