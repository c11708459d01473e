using System.Text.Json;

namespace Cinnabar.Tokenizers;

/// <summary>Reads the parts of tokenizer.json; whatever is not as expected becomes one clear error that names the place.</summary>
internal sealed class TokenizerJson
{
    /// <summary>What to do about a file that cannot be used.</summary>
    public const string Remedy =
        "Use a tokenizer.json saved by Cinnabar, or a byte-level BPE one of GPT-2's kind saved by Hugging Face tokenizers.";

    private const int MaxTokens = 1 << 24;
    private readonly string _path;

    /// <summary>Names the file in errors.</summary>
    public TokenizerJson(string path)
    {
        _path = path;
    }

    /// <summary>The property "type".</summary>
    public string TypeOf(JsonElement element, string where) => Text(Member(element, "type", where), $"{where}.type");

    /// <summary>Checks the property "type".</summary>
    public void ExpectType(JsonElement element, string where, string expected)
    {
        string found = TypeOf(element, where);
        if (found != expected)
        {
            throw Bad($"{where}.type", $"'{expected}'", $"'{found}'");
        }
    }

    /// <summary>Checks a property that must be true or false, or may be absent where that means the same.</summary>
    public void Expect(JsonElement element, string where, string name, bool expected, bool? whenAbsent = null)
    {
        bool present = Object(element, where).TryGetProperty(name, out JsonElement value);
        bool right = present ? value.ValueKind == (expected ? JsonValueKind.True : JsonValueKind.False) : whenAbsent == expected;
        if (!right)
        {
            throw Bad($"{where}.{name}", expected ? "true" : "false", present ? Describe(value) : "nothing");
        }
    }

    /// <summary>Checks a property that must be one text.</summary>
    public void Expect(JsonElement element, string where, string name, string expected)
    {
        string found = Text(Member(element, name, where), $"{where}.{name}");
        if (found != expected)
        {
            throw Bad($"{where}.{name}", $"'{expected}'", $"'{found}'");
        }
    }

    /// <summary>A property that must be there.</summary>
    public JsonElement Member(JsonElement element, string name, string where)
    {
        return Object(element, where).TryGetProperty(name, out JsonElement value)
            ? value
            : throw Bad(where, $"a property '{name}'", "none");
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
    public string Name(JsonProperty property)
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

    /// <summary>A token id.</summary>
    public int Id(JsonElement element, string where)
    {
        return element.ValueKind == JsonValueKind.Number && element.TryGetInt32(out int id) && id is >= 0 and < MaxTokens
            ? id
            : throw Bad(where, $"an id from 0 to {MaxTokens - 1}", Describe(element));
    }

    /// <summary>The error for something else than expected.</summary>
    public CinnabarException Bad(string where, string expected, string found)
    {
        return new CinnabarException($"{_path}, {where}: expected {expected}, found {Shorten(found)}.", Remedy);
    }

    /// <summary>An element in a few words.</summary>
    public static string Describe(JsonElement element)
    {
        return element.ValueKind is JsonValueKind.Object or JsonValueKind.Array
            ? $"an {element.ValueKind.ToString().ToLowerInvariant()}"
            : element.GetRawText();
    }

    private static string Shorten(string text) => text.Length <= 120 ? text : $"{text.AsSpan(0, 120)}…";
}
