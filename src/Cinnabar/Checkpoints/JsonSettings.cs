// A settings file (config.json, generation_config.json) read with every value checked: UTF-8 and escapes first, since
// JsonDocument would let texts that are none through and fail later, then JSON without duplicate keys, then each value for kind
// and range. Keys that nobody asks for are ignored, as Hugging Face files hold many.
using System.Globalization;
using System.Text.Json;
using System.Text.Unicode;

namespace Cinnabar.Checkpoints;

/// <summary>The top-level object of a JSON settings file.</summary>
internal sealed class JsonSettings
{
    private const int MaxBytes = 1 << 20;
    private const int MaxIds = 1 << 12;

    private readonly JsonElement _root;

    private JsonSettings(string file, JsonElement root)
    {
        File = file;
        _root = root;
    }

    /// <summary>Name for messages.</summary>
    public string File { get; }

    /// <summary>Reads a file of at most 1 MiB.</summary>
    /// <exception cref="CinnabarException">It cannot be read or is not a JSON object.</exception>
    public static JsonSettings Load(string path, string purpose) => Parse(path, InputFile.ReadAll(path, purpose, MaxBytes));

    /// <summary>Reads JSON bytes.</summary>
    /// <exception cref="CinnabarException">They are not UTF-8 or not a JSON object, or a key occurs twice.</exception>
    public static JsonSettings Parse(string file, byte[] json)
    {
        if (!Utf8.IsValid(json))
        {
            throw new CinnabarException($"{file}: expected UTF-8 text, found an invalid byte sequence.", "Save the file as UTF-8.");
        }

        try
        {
            CheckTexts(json);
            using JsonDocument document = JsonDocument.Parse(
                json, new JsonDocumentOptions { AllowDuplicateProperties = false, MaxDepth = 64 });
            return document.RootElement.ValueKind == JsonValueKind.Object
                ? new JsonSettings(file, document.RootElement.Clone())
                : throw new CinnabarException(
                    $"{file}: expected a JSON object, found {Shown(document.RootElement)}.", "Check that it is the right file.");
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // InvalidOperationException: the escape of half a surrogate pair.
            string shown = string.Concat(e.Message.Select(c => char.IsControl(c) ? '?' : c));
            throw new CinnabarException($"{file}: expected a valid JSON object, found: {shown}", "Correct the file or fetch it again.", e);
        }
    }

    /// <summary>True if the key is there and not null.</summary>
    public bool Has(string key) => TryFind(key, out _);

    /// <summary>All keys and their values as JSON text, in the order of the file.</summary>
    public IEnumerable<KeyValuePair<string, string>> RawValues =>
        _root.EnumerateObject().Select(property => KeyValuePair.Create(property.Name, property.Value.GetRawText()));

    /// <summary>The value, whatever it is; null if the key is absent or null.</summary>
    public JsonElement? Value(string key) => TryFind(key, out JsonElement value) ? value : null;

    /// <summary>A whole number, or null if the key is absent or null.</summary>
    public int? OptionalInt32(string key, int least, int most)
    {
        if (!TryFind(key, out JsonElement value))
        {
            return null;
        }

        return value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out int number) && number >= least && number <= most
            ? number
            : throw Wrong(key, $"a whole number from {least} to {most}", value);
    }

    /// <summary>A whole number that must be there.</summary>
    /// <param name="key">The key.</param>
    /// <param name="meaning">What it is for, for the message when it is missing.</param>
    /// <param name="least">Smallest value.</param>
    /// <param name="most">Largest value.</param>
    public int Int32(string key, string meaning, int least, int most) => OptionalInt32(key, least, most) ?? throw Missing(key, meaning);

    /// <summary>A finite number, or null if the key is absent or null.</summary>
    /// <param name="key">The key.</param>
    /// <param name="least">Smallest value.</param>
    /// <param name="most">Largest value.</param>
    /// <param name="aboveLeast">Whether <paramref name="least"/> itself is refused.</param>
    public double? OptionalNumber(string key, double least, double most, bool aboveLeast = false)
    {
        if (!TryFind(key, out JsonElement value))
        {
            return null;
        }

        return value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out double number)
            && (aboveLeast ? number > least : number >= least) && number <= most
            ? number
            : throw Wrong(
                key, string.Create(CultureInfo.InvariantCulture, $"a number {(aboveLeast ? "above" : "from")} {least} to {most}"), value);
    }

    /// <summary>A finite number that must be there.</summary>
    public double Number(string key, string meaning, double least, double most) =>
        OptionalNumber(key, least, most) ?? throw Missing(key, meaning);

    /// <summary>True or false, or null if the key is absent or null.</summary>
    public bool? OptionalBoolean(string key)
    {
        if (!TryFind(key, out JsonElement value))
        {
            return null;
        }

        return value.ValueKind switch
        {
            JsonValueKind.True => true,
            JsonValueKind.False => false,
            _ => throw Wrong(key, "true or false", value),
        };
    }

    /// <summary>True or false, must be there.</summary>
    public bool Boolean(string key, string meaning) => OptionalBoolean(key) ?? throw Missing(key, meaning);

    /// <summary>One of some words, or null if the key is absent or null.</summary>
    public string? OptionalWord(string key, params IReadOnlyList<string> words)
    {
        if (!TryFind(key, out JsonElement value))
        {
            return null;
        }

        foreach (string word in words)
        {
            if (value.ValueKind == JsonValueKind.String && value.ValueEquals(word))
            {
                return word;
            }
        }

        throw Wrong(key, string.Join(" or ", words.Select(word => $"\"{word}\"")), value);
    }

    /// <summary>A text, or null if the key is absent or null.</summary>
    public string? OptionalText(string key)
    {
        if (!TryFind(key, out JsonElement value))
        {
            return null;
        }

        return value.ValueKind == JsonValueKind.String ? value.GetString() : throw Wrong(key, "a text", value);
    }

    /// <summary>The first text of a list, or null if the key is absent or null or the list is empty.</summary>
    public string? FirstText(string key)
    {
        if (!TryFind(key, out JsonElement value))
        {
            return null;
        }

        bool isList = value.ValueKind == JsonValueKind.Array;
        JsonElement[] items = isList ? [.. value.EnumerateArray().Take(1)] : [];
        return isList && items.All(item => item.ValueKind == JsonValueKind.String)
            ? items.FirstOrDefault() is { ValueKind: JsonValueKind.String } first ? first.GetString() : null
            : throw Wrong(key, "a list of texts", value);
    }

    /// <summary>One whole number or a list of them, none negative; null if the key is absent or null or the list is empty.</summary>
    public int[]? OptionalIds(string key)
    {
        if (!TryFind(key, out JsonElement value))
        {
            return null;
        }

        JsonElement[] items = value.ValueKind == JsonValueKind.Array ? [.. value.EnumerateArray().Take(MaxIds + 1)] : [value];
        int[] ids = new int[items.Length];
        for (int i = 0; i < ids.Length; i++)
        {
            if (items.Length > MaxIds || items[i].ValueKind != JsonValueKind.Number || !items[i].TryGetInt32(out ids[i]) || ids[i] < 0)
            {
                throw Wrong(key, $"a whole number, or a list of at most {MaxIds}, none negative", value);
            }
        }

        return ids.Length == 0 ? null : ids;
    }

    /// <summary>An object inside this one, or null if the key is absent, null or no object.</summary>
    public JsonSettings? Member(string key) =>
        TryFind(key, out JsonElement value) && value.ValueKind == JsonValueKind.Object ? new JsonSettings($"{File}: {key}", value) : null;

    /// <summary>Refuses any value but one, given as JSON text.</summary>
    /// <param name="key">The key.</param>
    /// <param name="json">The only supported value; "null" is supported besides when <paramref name="required"/> is false.</param>
    /// <param name="required">Whether the key must be there.</param>
    /// <param name="meaning">What the key is for.</param>
    public void RequireOnly(string key, string json, bool required, string meaning)
    {
        if (!TryFind(key, out JsonElement value))
        {
            if (required)
            {
                throw Missing(key, meaning);
            }

            return;
        }

        using JsonDocument only = JsonDocument.Parse(json);
        if (!JsonElement.DeepEquals(value, only.RootElement))
        {
            throw new CinnabarException(
                $"{File}: {key} ({meaning}): expected {json}, found {Shown(value)}.",
                "This variant of the architecture is not supported.");
        }
    }

    /// <summary>The exception for a value of the wrong kind or out of range.</summary>
    public CinnabarException Wrong(string key, string expected, string found) =>
        new($"{File}: {key}: expected {expected}, found {found}.", "Correct the value, or fetch the file again.");

    private static void CheckTexts(byte[] json)
    {
        Utf8JsonReader reader = new(json);
        while (reader.Read())
        {
            if (reader.TokenType is JsonTokenType.PropertyName or JsonTokenType.String)
            {
                reader.GetString();
            }
        }
    }

    private CinnabarException Wrong(string key, string expected, JsonElement found) => Wrong(key, expected, Shown(found));

    private CinnabarException Missing(string key, string meaning) =>
        new($"{File}: expected the key {key} ({meaning}), found none.", "Add it, or fetch the file again.");

    private bool TryFind(string key, out JsonElement value) =>
        _root.TryGetProperty(key, out value) && value.ValueKind != JsonValueKind.Null;

    private static string Shown(JsonElement value) => ErrorText.Quote(value.GetRawText());
}
