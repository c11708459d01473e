using System.Text;
using System.Text.Json;

namespace Cinnabar.Tokenizers;

/// <summary>Reads the parts of tokenizer.json; whatever is not as expected becomes one clear error that names the place.</summary>
internal sealed class TokenizerJson
{
    /// <summary>What to do about a file that cannot be used.</summary>
    public const string Remedy =
        "Use the tokenizer.json of a supported family (BPE or WordPiece), saved by Cinnabar or by Hugging Face tokenizers.";

    /// <summary>Ids are below this.</summary>
    public const int MaxTokens = 1 << 24;

    private const long MaxFileBytes = 256L << 20; // ten times the largest vocabulary in use
    private const int MaxDepth = 16;
    private readonly string _path;

    /// <summary>Names the file in errors.</summary>
    public TokenizerJson(string path)
    {
        _path = path;
    }

    /// <summary>Reads a file into memory.</summary>
    public byte[] ReadFile()
    {
        try
        {
            FileInfo file = new(_path);
            if (!file.Exists)
            {
                throw new CinnabarException(
                    $"{_path}: there is no such file.", "Give the path of a tokenizer.json or of the folder that holds it.");
            }

            return file.Length <= MaxFileBytes
                ? File.ReadAllBytes(_path)
                : throw Bad("the file", $"at most {MaxFileBytes} bytes", $"{file.Length}");
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new CinnabarException($"{_path} cannot be read: {failure.Message}", "Check the path and your rights to it.", failure);
        }
    }

    /// <summary>Parses JSON without duplicate properties and without deep nesting.</summary>
    public JsonDocument Parse(byte[] json, int maxDepth = MaxDepth)
    {
        try
        {
            return JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = maxDepth, AllowDuplicateProperties = false });
        }
        catch (Exception failure) when (failure is JsonException or InvalidOperationException)
        {
            throw new CinnabarException($"{_path}: expected JSON, found a fault: {Shown(failure.Message)}", Remedy, failure);
        }
    }

    /// <summary>A property that may be absent or null.</summary>
    public JsonElement? Optional(JsonElement element, string name, string where)
    {
        return Object(element, where).TryGetProperty(name, out JsonElement value) && value.ValueKind != JsonValueKind.Null ? value : null;
    }

    /// <summary>A property that must be there.</summary>
    public JsonElement Member(JsonElement element, string name, string where)
    {
        return Object(element, where).TryGetProperty(name, out JsonElement value)
            ? value
            : throw Bad(where, $"a property '{name}'", "none");
    }

    /// <summary>The property "type".</summary>
    public string TypeOf(JsonElement element, string where) => Text(Member(element, "type", where), $"{where}.type");

    /// <summary>A text property.</summary>
    public string Text(JsonElement element, string name, string where) => Text(Member(element, name, where), $"{where}.{name}");

    /// <summary>A property that is true or false.</summary>
    /// <param name="element">The object.</param>
    /// <param name="name">The property.</param>
    /// <param name="where">The object's place.</param>
    /// <param name="whenAbsent">What it is when it is absent or null; null if it must be there.</param>
    public bool Flag(JsonElement element, string name, string where, bool? whenAbsent = null)
    {
        JsonElement? value = whenAbsent is null ? Member(element, name, where) : Optional(element, name, where);
        return value?.ValueKind switch
        {
            null => whenAbsent!.Value,
            JsonValueKind.True => true,
            JsonValueKind.False => false,
            _ => throw Bad($"{where}.{name}", "true or false", Describe(value.Value)),
        };
    }

    /// <summary>A whole number property.</summary>
    public int Number(JsonElement element, string name, string where, int least, int most, int? whenAbsent = null)
    {
        JsonElement? value = whenAbsent is null ? Member(element, name, where) : Optional(element, name, where);
        if (value is null)
        {
            return whenAbsent!.Value;
        }

        return value.Value.ValueKind == JsonValueKind.Number && value.Value.TryGetInt32(out int number) && number >= least && number <= most
            ? number
            : throw Bad($"{where}.{name}", $"a whole number from {least} to {most}", Describe(value.Value));
    }

    /// <summary>The element, which must be an object.</summary>
    public JsonElement Object(JsonElement element, string where)
    {
        return element.ValueKind == JsonValueKind.Object ? element : throw Bad(where, "an object", Describe(element));
    }

    /// <summary>The items of an element that must be an array.</summary>
    public JsonElement[] Array(JsonElement element, string where)
    {
        return element.ValueKind == JsonValueKind.Array ? [.. element.EnumerateArray()] : throw Bad(where, "an array", Describe(element));
    }

    /// <summary>A string that must be Unicode.</summary>
    public string Text(JsonElement element, string where)
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

    /// <summary>The name of a property, which must be Unicode.</summary>
    public string Name(JsonProperty property, string where)
    {
        try
        {
            return property.Name;
        }
        catch (InvalidOperationException failure)
        {
            throw new CinnabarException($"{_path}, {where}: expected Unicode names, found a broken character.", Remedy, failure);
        }
    }

    /// <summary>A token id.</summary>
    public int Id(JsonElement element, string where)
    {
        return TryId(element) ?? throw Bad(where, $"an id from 0 to {MaxTokens - 1}", Describe(element));
    }

    /// <summary>A token id; null where the element is none.</summary>
    public static int? TryId(JsonElement element)
    {
        return element.ValueKind == JsonValueKind.Number && element.TryGetInt32(out int id) && id is >= 0 and < MaxTokens ? id : null;
    }

    /// <summary>The error for something else than expected.</summary>
    public CinnabarException Bad(string where, string expected, string found)
    {
        return new CinnabarException($"{_path}, {Shown(where)}: expected {expected}, found {Shown(found)}.", Remedy);
    }

    /// <summary>The error for a component that is not supported.</summary>
    public CinnabarException Unsupported(string where, string found, params ReadOnlySpan<string> supported)
    {
        return Bad($"{where}.type", $"one of {string.Join(", ", supported)}", $"'{found}'");
    }

    /// <summary>An element in a few words.</summary>
    public static string Describe(JsonElement element)
    {
        return element.ValueKind is JsonValueKind.Object or JsonValueKind.Array
            ? $"an {element.ValueKind.ToString().ToLowerInvariant()}"
            : element.GetRawText();
    }

    // What came out of a file, without control characters and at a readable length.
    private static string Shown(string text)
    {
        StringBuilder shown = new();
        foreach (char c in text.AsSpan(0, Math.Min(text.Length, 200)))
        {
            shown.Append(char.IsControl(c) || char.IsSurrogate(c) ? '?' : c);
        }

        return text.Length <= 200 ? shown.ToString() : shown.Append('…').ToString();
    }
}
