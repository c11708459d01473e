// Whether a JSON text satisfies a schema, for the keywords that ConstraintSampler uses. Written without the automata of
// Cinnabar.Constraints, so that it can judge them.
using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Cinnabar.Evaluation.Constrained;

/// <summary>Checks values against schemas.</summary>
internal static class SchemaCheck
{
    /// <summary>Whether a text is JSON that satisfies a schema.</summary>
    public static bool Holds(JsonElement schema, string text)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(text);
            return Holds(schema, document.RootElement);
        }
        catch (JsonException)
        {
            return false;
        }
    }

    private static bool Holds(JsonElement schema, JsonElement value)
    {
        if (schema.TryGetProperty("enum", out JsonElement choices))
        {
            return choices.EnumerateArray().Any(choice => JsonElement.DeepEquals(choice, value));
        }

        JsonElement type = schema.GetProperty("type");
        string[] types = type.ValueKind == JsonValueKind.Array
            ? [.. type.EnumerateArray().Select(name => name.GetString()!)]
            : [type.GetString()!];
        return value.ValueKind switch
        {
            JsonValueKind.Null => types.Contains("null"),
            JsonValueKind.True or JsonValueKind.False => types.Contains("boolean"),
            JsonValueKind.Number => HoldsNumber(schema, types, value),
            JsonValueKind.String => types.Contains("string") && HoldsString(schema, value.GetString()!),
            JsonValueKind.Array => types.Contains("array") && value.GetArrayLength() <= schema.GetProperty("maxItems").GetInt32()
                && value.EnumerateArray().All(item => Holds(schema.GetProperty("items"), item)),
            _ => types.Contains("object") && HoldsObject(schema, value),
        };
    }

    private static bool HoldsNumber(JsonElement schema, string[] types, JsonElement value)
    {
        bool isWhole = !value.GetRawText().AsSpan().ContainsAny('.', 'e', 'E');
        double number = value.GetDouble();
        return (types.Contains("number") || (isWhole && types.Contains("integer")))
            && number >= schema.GetProperty("minimum").GetDouble()
            && number <= schema.GetProperty("maximum").GetDouble();
    }

    private static bool HoldsString(JsonElement schema, string value)
    {
        int length = value.EnumerateRunes().Count();
        return (!schema.TryGetProperty("minLength", out JsonElement least) || length >= least.GetInt32())
            && (!schema.TryGetProperty("maxLength", out JsonElement most) || length <= most.GetInt32())
            && (!schema.TryGetProperty("pattern", out JsonElement pattern) || Regex.IsMatch(value, ForNet(pattern.GetString()!)))
            && (!schema.TryGetProperty("format", out _) || IsDate(value));
    }

    // A $ at the end of a schema's pattern is the end; that of .NET is also before a line feed at the end.
    private static string ForNet(string pattern)
    {
        string rest = pattern.EndsWith('$') ? pattern[..^1] : pattern;
        bool isEscaped = (rest.Length - rest.TrimEnd('\\').Length) % 2 == 1;
        return rest.Length < pattern.Length && !isEscaped ? $@"{rest}\z" : pattern;
    }

    // .NET has no year 0.
    private static bool IsDate(string value) => DateOnly.TryParseExact(
        value.StartsWith("0000", StringComparison.Ordinal) ? $"2000{value[4..]}" : value,
        "yyyy-MM-dd",
        CultureInfo.InvariantCulture,
        DateTimeStyles.None,
        out _);

    private static bool HoldsObject(JsonElement schema, JsonElement value)
    {
        JsonElement properties = schema.GetProperty("properties");
        string[] names = [.. value.EnumerateObject().Select(member => member.Name)];
        return names.Distinct().Count() == names.Length
            && schema.GetProperty("required").EnumerateArray().All(name => names.Contains(name.GetString()))
            && value.EnumerateObject().All(member =>
                properties.TryGetProperty(member.Name, out JsonElement property) && Holds(property, member.Value));
    }
}
