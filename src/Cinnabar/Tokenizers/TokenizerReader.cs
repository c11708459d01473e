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
    private const int MaxTokens = 1 << 24;
    private readonly string _path;

    private TokenizerReader(string path)
    {
        _path = path;
    }

    /// <summary>Reads the file.</summary>
    /// <exception cref="CinnabarException">It cannot be used.</exception>
    public static TokenizerDefinition Read(string path) => new TokenizerReader(path).Read();

    private TokenizerDefinition Read()
    {
        using JsonDocument document = Parse();
        JsonElement root = Object(document.RootElement, "the file");
        foreach (string setting in (ReadOnlySpan<string>)["truncation", "padding", "normalizer"])
        {
            if (root.TryGetProperty(setting, out JsonElement value) && value.ValueKind != JsonValueKind.Null)
            {
                throw Bad(setting, "null", Describe(value));
            }
        }

        PreTokenizer preTokenizer = ReadPreTokenizer(Member(root, "pre_tokenizer", "the file"));
        ExpectByteLevel(Member(root, "decoder", "the file"), "decoder");
        if (root.TryGetProperty("post_processor", out JsonElement postProcessor) && postProcessor.ValueKind != JsonValueKind.Null)
        {
            ExpectByteLevel(postProcessor, "post_processor"); // which only moves offsets
        }

        Dictionary<string, int> special = ReadAddedTokens(root);
        JsonElement model = Object(Member(root, "model", "the file"), "model");
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
                throw new CinnabarException($"{_path}: there is no such file.", "Give the path of a tokenizer.json or of the folder that holds it.");
            }

            if (file.Length > MaxFileBytes)
            {
                throw Bad("the file", $"at most {MaxFileBytes} bytes", $"{file.Length}");
            }

            return JsonDocument.Parse(
                File.ReadAllBytes(_path),
                new JsonDocumentOptions { MaxDepth = MaxDepth, AllowDuplicateProperties = false });
        }
        catch (Exception failure) when (failure is JsonException or InvalidOperationException)
        {
            throw new CinnabarException($"{_path}: expected JSON, found a fault: {failure.Message}", Remedy, failure);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new CinnabarException($"{_path} cannot be read: {failure.Message}", "Check the path and your rights to it.", failure);
        }
    }

    private PreTokenizer ReadPreTokenizer(JsonElement element)
    {
        const string Where = "pre_tokenizer";
        if (TypeOf(element, Where) == "ByteLevel")
        {
            Expect(element, Where, "add_prefix_space", false);
            Expect(element, Where, "use_regex", true, whenAbsent: true);
            return new Gpt2PreTokenizer();
        }

        ExpectType(element, Where, "Sequence");
        JsonElement[] parts = Array(Member(element, "pretokenizers", Where), $"{Where}.pretokenizers");
        if (parts.Length != 2)
        {
            throw Bad($"{Where}.pretokenizers", "Split, then ByteLevel", $"{parts.Length} parts");
        }

        string split = $"{Where}.pretokenizers[0]";
        ExpectType(parts[0], split, "Split");
        Expect(parts[0], split, "behavior", "Isolated");
        Expect(parts[0], split, "invert", false);
        Expect(Member(parts[0], "pattern", split), $"{split}.pattern", "Regex", CodePreTokenizer.Pattern);
        string byteLevel = $"{Where}.pretokenizers[1]";
        ExpectType(parts[1], byteLevel, "ByteLevel");
        Expect(parts[1], byteLevel, "add_prefix_space", false);
        Expect(parts[1], byteLevel, "use_regex", false);
        return new CodePreTokenizer();
    }

    private Dictionary<string, int> ReadAddedTokens(JsonElement root)
    {
        Dictionary<string, int> special = [];
        if (!root.TryGetProperty("added_tokens", out JsonElement list))
        {
            return special;
        }

        JsonElement[] tokens = Array(list, "added_tokens");
        for (int i = 0; i < tokens.Length; i++)
        {
            string where = $"added_tokens[{i}]";
            Expect(tokens[i], where, "special", true);
            Expect(tokens[i], where, "single_word", false, whenAbsent: false);
            Expect(tokens[i], where, "lstrip", false, whenAbsent: false);
            Expect(tokens[i], where, "rstrip", false, whenAbsent: false);
            string name = Text(Member(tokens[i], "content", where), $"{where}.content");
            int id = Id(Member(tokens[i], "id", where), $"{where}.id");
            if (name.Length == 0 || !special.TryAdd(name, id))
            {
                throw Bad($"{where}.content", "a name that no other token has", $"'{name}'");
            }
        }

        return special;
    }

    private void CheckModel(JsonElement model)
    {
        ExpectType(model, "model", "BPE");
        foreach (string setting in (ReadOnlySpan<string>)["dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix"])
        {
            bool plain = !model.TryGetProperty(setting, out JsonElement value)
                || value.ValueKind == JsonValueKind.Null
                || (value.ValueKind == JsonValueKind.String && value.ValueEquals(""));
            if (!plain)
            {
                throw Bad($"model.{setting}", "null", Describe(value));
            }
        }

        foreach (string setting in (ReadOnlySpan<string>)["byte_fallback", "ignore_merges"])
        {
            Expect(model, "model", setting, false, whenAbsent: false);
        }
    }

    private Dictionary<string, int> ReadVocabulary(JsonElement model)
    {
        Dictionary<string, int> vocabulary = [];
        JsonElement element = Object(Member(model, "vocab", "model"), "model.vocab");
        foreach (JsonProperty entry in element.EnumerateObject())
        {
            vocabulary.Add(Name(entry), Id(entry.Value, $"model.vocab['{Name(entry)}']"));
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
                throw Bad($"model.vocab['{name}']", $"id {id}, as in added_tokens", $"{other}");
            }
        }

        KeyValuePair<string, int>[] all = [.. vocabulary.Where(entry => !special.ContainsKey(entry.Key)), .. special];
        byte[][] tokens = new byte[all.Length][];
        bool[] hasByte = new bool[256];
        foreach ((string spelling, int id) in all)
        {
            if (id >= tokens.Length)
            {
                throw Bad($"the id of '{spelling}'", $"ids 0 … {tokens.Length - 1} without gaps, for {tokens.Length} tokens", $"{id}");
            }

            if (tokens[id] is not null)
            {
                throw Bad($"the id of '{spelling}'", "an id that no other token has", $"{id} twice");
            }

            tokens[id] = special.ContainsKey(spelling) ? [] : ByteLevel.Parse(spelling)
                ?? throw Bad($"model.vocab['{spelling}']", "characters of the byte-level alphabet", "others");
            if (tokens[id] is [byte single])
            {
                hasByte[single] = true;
            }
            else if (tokens[id].Length == 0 && !special.ContainsKey(spelling))
            {
                throw Bad("model.vocab", "tokens of at least one byte", "an empty token");
            }
        }

        int missing = System.Array.IndexOf(hasByte, false);
        return missing < 0 ? tokens : throw Bad("model.vocab", "a token for each of the 256 bytes", $"none for byte {missing}");
    }

    private (int Left, int Right, int Merged)[] ReadMerges(
        JsonElement model, Dictionary<string, int> vocabulary, Dictionary<string, int> special)
    {
        JsonElement[] lines = Array(Member(model, "merges", "model"), "model.merges");
        (int, int, int)[] merges = new (int, int, int)[lines.Length];
        HashSet<(int, int)> seen = [];
        for (int rank = 0; rank < lines.Length; rank++)
        {
            string where = $"model.merges[{rank}]";
            (string left, string right) = ReadMerge(lines[rank], where);
            merges[rank] = (Find(left), Find(right), Find(left + right));
            if (!seen.Add((merges[rank].Item1, merges[rank].Item2)))
            {
                throw Bad(where, "a pair that was not merged before", $"'{left}' '{right}' again");
            }

            int Find(string token)
            {
                return vocabulary.TryGetValue(token, out int id) && !special.ContainsKey(token)
                    ? id
                    : throw Bad(where, "ordinary tokens of the vocabulary", $"'{token}'");
            }
        }

        return merges;
    }

    // ["a", "b"], or "a b" in older files: the alphabet has no space.
    private (string Left, string Right) ReadMerge(JsonElement element, string where)
    {
        if (element.ValueKind == JsonValueKind.Array && element.GetArrayLength() == 2)
        {
            return (Text(element[0], where), Text(element[1], where));
        }

        if (element.ValueKind == JsonValueKind.String && Text(element, where).Split(' ') is [string left, string right])
        {
            return (left, right);
        }

        throw Bad(where, "two tokens, as [\"a\", \"b\"] or \"a b\"", Describe(element));
    }

    private void ExpectByteLevel(JsonElement element, string where) => ExpectType(element, where, "ByteLevel");

    private string TypeOf(JsonElement element, string where) => Text(Member(element, "type", where), $"{where}.type");

    private void ExpectType(JsonElement element, string where, string expected)
    {
        string found = TypeOf(element, where);
        if (found != expected)
        {
            throw Bad($"{where}.type", $"'{expected}'", $"'{found}'");
        }
    }

    private void Expect(JsonElement element, string where, string name, bool expected, bool? whenAbsent = null)
    {
        bool present = Object(element, where).TryGetProperty(name, out JsonElement value);
        bool right = present ? value.ValueKind == (expected ? JsonValueKind.True : JsonValueKind.False) : whenAbsent == expected;
        if (!right)
        {
            throw Bad($"{where}.{name}", expected ? "true" : "false", present ? Describe(value) : "nothing");
        }
    }

    private void Expect(JsonElement element, string where, string name, string expected)
    {
        string found = Text(Member(element, name, where), $"{where}.{name}");
        if (found != expected)
        {
            throw Bad($"{where}.{name}", $"'{expected}'", $"'{found}'");
        }
    }

    private JsonElement Member(JsonElement element, string name, string where)
    {
        return Object(element, where).TryGetProperty(name, out JsonElement value) ? value : throw Bad(where, $"a property '{name}'", "none");
    }

    private JsonElement Object(JsonElement element, string where)
    {
        return element.ValueKind == JsonValueKind.Object ? element : throw Bad(where, "an object", Describe(element));
    }

    private JsonElement[] Array(JsonElement element, string where)
    {
        return element.ValueKind == JsonValueKind.Array ? [.. element.EnumerateArray()] : throw Bad(where, "an array", Describe(element));
    }

    private string Text(JsonElement element, string where)
    {
        try
        {
            return element.ValueKind == JsonValueKind.String ? element.GetString()! : throw Bad(where, "a string", Describe(element));
        }
        catch (InvalidOperationException failure)
        {
            throw new CinnabarException($"{_path}, {where}: expected Unicode text, found a broken character.", Remedy, failure);
        }
    }

    private string Name(JsonProperty property)
    {
        try
        {
            return property.Name;
        }
        catch (InvalidOperationException failure)
        {
            throw new CinnabarException($"{_path}, model.vocab: expected Unicode names, found a broken character.", Remedy, failure);
        }
    }

    private int Id(JsonElement element, string where)
    {
        return element.ValueKind == JsonValueKind.Number && element.TryGetInt32(out int id) && id is >= 0 and < MaxTokens
            ? id
            : throw Bad(where, $"an id from 0 to {MaxTokens - 1}", Describe(element));
    }

    private CinnabarException Bad(string where, string expected, string found)
    {
        return new CinnabarException($"{_path}, {where}: expected {expected}, found {Shorten(found)}.", Remedy);
    }

    private static string Describe(JsonElement element)
    {
        return element.ValueKind is JsonValueKind.Object or JsonValueKind.Array
            ? $"an {element.ValueKind.ToString().ToLowerInvariant()}"
            : element.GetRawText();
    }

    private static string Shorten(string text) => text.Length <= 120 ? text : $"{text.AsSpan(0, 120)}…";

    private const string Remedy =
        "Use a tokenizer.json saved by Cinnabar, or a byte-level BPE one of GPT-2's kind saved by Hugging Face tokenizers.";
}
