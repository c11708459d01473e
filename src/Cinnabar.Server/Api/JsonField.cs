using System.Globalization;
using System.Text.Json;

namespace Cinnabar.Server.Api;

/// <summary>A value of a request, and the path that leads to it.</summary>
/// <param name="value">Not null.</param>
/// <param name="path">As errors name it: messages[2].content.</param>
/// <param name="owner">The object it is in, directly or through lists.</param>
internal sealed class JsonField(JsonElement value, string path, JsonFields owner)
{
    private const int MostShown = 40;

    /// <summary>As errors name it.</summary>
    public string Path => path;

    /// <summary>Whether it is text.</summary>
    public bool IsText => value.ValueKind == JsonValueKind.String;

    /// <summary>Whether it is a list.</summary>
    public bool IsList => value.ValueKind == JsonValueKind.Array;

    /// <summary>Text of 1 … <paramref name="most"/> characters, or none if it may be empty.</summary>
    public string Text(int most = int.MaxValue, bool mayBeEmpty = true)
    {
        string text = IsText ? value.GetString()! : throw Wrong("text");
        return text.Length > most ? throw Wrong($"text of at most {most} characters", $"one of {text.Length}")
            : text.Length == 0 && !mayBeEmpty ? throw Wrong("text that is not empty")
            : text;
    }

    /// <summary>A word out of several.</summary>
    public string Word(params ReadOnlySpan<string> words) =>
        IsText && words.Contains(value.GetString()) ? value.GetString()! : throw Wrong(string.Join(", ", words.ToArray()));

    /// <summary>A whole number in a range.</summary>
    public long Integer(long least, long most) =>
        value.ValueKind == JsonValueKind.Number && WholeOf(value) is long number && number >= least && number <= most
            ? number
            : throw Wrong($"a whole number {least} … {most}");

    /// <summary>A number in a range.</summary>
    /// <param name="least">The least.</param>
    /// <param name="most">The most.</param>
    /// <param name="aboveLeast">The least itself is too little.</param>
    public double Number(double least, double most, bool aboveLeast = false)
    {
        bool fits = value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out double number)
            && number <= most && (aboveLeast ? number > least : number >= least);
        string range = aboveLeast ? $"greater than {Shown(least)}, at most {Shown(most)}" : $"{Shown(least)} … {Shown(most)}";
        return fits ? value.GetDouble() : throw Wrong($"a number {range}");
    }

    /// <summary>True or false.</summary>
    public bool Flag() => value.ValueKind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => throw Wrong("true or false"),
    };

    /// <summary>An object; what nobody asks it for is refused with the rest of the request.</summary>
    public JsonFields Object()
    {
        JsonFields fields = new(value.ValueKind == JsonValueKind.Object ? value : throw Wrong("an object"), path);
        owner.Add(fields);
        return fields;
    }

    /// <summary>The value as JSON; whatever is in it is accepted.</summary>
    public string Json() => value.GetRawText();

    /// <summary>The items of a list, none of them null.</summary>
    /// <param name="least">The fewest there may be.</param>
    /// <param name="most">The most there may be.</param>
    public JsonField[] Items(int least, int most)
    {
        int count = IsList ? value.GetArrayLength() : throw Wrong("a list");
        return count < least || count > most
            ? throw Wrong($"a list of {least} … {most} items", $"one of {count}")
            : [.. value.EnumerateArray().Select((item, i) => new JsonField(item, $"{path}[{i}]", owner))];
    }

    /// <summary>Whether it says that something is not wanted, or asks for what always happens.</summary>
    /// <param name="also">JSON of further values that say so.</param>
    public bool IsOff(ReadOnlySpan<string> also) => value.ValueKind switch
    {
        JsonValueKind.False => true,
        JsonValueKind.Number when value.GetDouble() == 0 => true,
        JsonValueKind.Array when value.GetArrayLength() == 0 => true,
        JsonValueKind.Object when !value.EnumerateObject().Any() => true,
        JsonValueKind.String when value.GetString() is "" or "none" => true,
        _ => IsOneOf(also),
    };

    /// <summary>The error for a value that is not what was expected.</summary>
    public ApiException Wrong(string expected, string? found = null, string? remedy = null) => ApiException.Invalid(
        $"Expected {path} to be {expected}, found {found ?? Describe(value)}. {remedy ?? "Correct it, or leave it out."}", path);

    /// <summary>A value for people to read: short ones as they are, long ones by their kind and size.</summary>
    public static string Describe(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Null or JsonValueKind.Undefined => "null",
        JsonValueKind.Array => string.Create(CultureInfo.InvariantCulture, $"a list of {value.GetArrayLength()}"),
        JsonValueKind.Object => "an object",
        JsonValueKind.String when value.GetString()!.Length > MostShown =>
            string.Create(CultureInfo.InvariantCulture, $"text of {value.GetString()!.Length} characters"),
        _ => value.GetRawText() is { Length: <= 2 * MostShown } raw ? raw : "a long one",
    };

    // To JSON Schema 5.0 and 5e0 are integers, and some clients send every number so.
    private static long? WholeOf(JsonElement number)
    {
        if (number.TryGetInt64(out long whole))
        {
            return whole;
        }

        bool isWhole = number.TryGetDouble(out double found) && found == Math.Floor(found) && Math.Abs(found) < long.MaxValue;
        return isWhole ? (long)found : null;
    }

    private static string Shown(double number) => number.ToString(CultureInfo.InvariantCulture);

    private bool IsOneOf(ReadOnlySpan<string> texts)
    {
        foreach (string text in texts)
        {
            using JsonDocument other = JsonDocument.Parse(text);
            if (JsonElement.DeepEquals(value, other.RootElement))
            {
                return true;
            }
        }

        return false;
    }
}
