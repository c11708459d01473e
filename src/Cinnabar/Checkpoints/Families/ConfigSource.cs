// What a family reads its configuration from: config.json and, for ids that many checkpoints leave out of it, the tokens of the tokenizer.
using System.Globalization;
using System.Text.Json;

namespace Cinnabar.Checkpoints.Families;

/// <summary>A config.json and the tokens beside it.</summary>
/// <param name="Json">The file.</param>
/// <param name="TokenId">The id of an added token by its text, or null; see <see cref="AddedTokens(string)"/>.</param>
internal sealed record ConfigSource(JsonSettings Json, Func<string, int?> TokenId)
{
    private const int MaxTokenizerBytes = 64 << 20;

    /// <summary>What the folder or, in the cache of the hub, the repository is called; null: the file lies in neither.</summary>
    public string? ModelName { get; init; }

    /// <summary>A configuration without a tokenizer.</summary>
    public static ConfigSource Alone(JsonSettings json) => new(json, _ => null);

    /// <summary>
    /// Finds added tokens of a tokenizer.json or, where there is none, of the tokenizer_config.json beside it; read when first asked.
    /// </summary>
    public static Func<string, int?> AddedTokens(string tokenizerPath) => Finder(() => ReadAddedTokens(tokenizerPath));

    /// <summary>Finds added tokens of the text of a tokenizer.json; read when first asked.</summary>
    public static Func<string, int?> AddedTokens(string file, byte[] tokenizerJson) =>
        Finder(() => ReadAddedTokens(JsonSettings.Parse(file, tokenizerJson)));

    /// <summary>The first of <paramref name="keys"/> that is set, or the first of <paramref name="tokens"/> that exists.</summary>
    /// <param name="keys">Keys of config.json.</param>
    /// <param name="tokens">Texts of added tokens.</param>
    /// <param name="otherwise">The id that the published checkpoints of the family have; null: an error.</param>
    /// <exception cref="CinnabarException">Neither is there.</exception>
    public int Id(IReadOnlyList<string> keys, IReadOnlyList<string> tokens, int? otherwise)
    {
        foreach (string key in keys)
        {
            if (Json.OptionalInt32(key, 0, int.MaxValue) is int id)
            {
                return id;
            }
        }

        int? found = tokens.Select(TokenId).FirstOrDefault(id => id is not null);
        return found ?? otherwise ?? throw new CinnabarException(
            $"{Json.File}: expected the key {string.Join(" or ", keys)}, or an added token {string.Join(" or ", tokens)} "
            + "in tokenizer.json, found none.",
            $"Add the key {keys[0]}.");
    }

    private static Func<string, int?> Finder(Func<Dictionary<string, int>> read)
    {
        Lazy<Dictionary<string, int>> tokens = new(read);
        return text => tokens.Value.TryGetValue(text, out int id) ? id : null;
    }

    private static Dictionary<string, int> ReadAddedTokens(string path) => File.Exists(path)
        ? ReadAddedTokens(JsonSettings.Parse(path, InputFile.ReadAll(path, "the tokenizer", MaxTokenizerBytes)))
        : ReadDecoder(Path.Combine(Path.GetDirectoryName(path) ?? "", "tokenizer_config.json"));

    private static Dictionary<string, int> ReadAddedTokens(JsonSettings json)
    {
        Dictionary<string, int> tokens = [];
        if (json.Value("added_tokens") is { ValueKind: JsonValueKind.Array } added)
        {
            foreach (JsonElement token in added.EnumerateArray())
            {
                if (token.ValueKind == JsonValueKind.Object
                    && token.TryGetProperty("content", out JsonElement content) && content.ValueKind == JsonValueKind.String
                    && token.TryGetProperty("id", out JsonElement id) && id.ValueKind == JsonValueKind.Number
                    && id.TryGetInt32(out int number))
                {
                    tokens[content.GetString()!] = number;
                }
            }
        }

        return tokens;
    }

    // "added_tokens_decoder": {"151645": {"content": "<|im_end|>", …}, …}
    private static Dictionary<string, int> ReadDecoder(string path)
    {
        Dictionary<string, int> tokens = [];
        if (!File.Exists(path))
        {
            return tokens;
        }

        JsonSettings json = JsonSettings.Parse(path, InputFile.ReadAll(path, "the tokenizer", MaxTokenizerBytes));
        if (json.Value("added_tokens_decoder") is { ValueKind: JsonValueKind.Object } added)
        {
            foreach (JsonProperty token in added.EnumerateObject())
            {
                if (int.TryParse(token.Name, NumberStyles.None, CultureInfo.InvariantCulture, out int id)
                    && token.Value.ValueKind == JsonValueKind.Object
                    && token.Value.TryGetProperty("content", out JsonElement content) && content.ValueKind == JsonValueKind.String)
                {
                    tokens[content.GetString()!] = id;
                }
            }
        }

        return tokens;
    }
}
