using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Cinnabar.Tests.Constraints;

// Random schemas, values that satisfy them by construction, and a validator that knows nothing of automata.
internal sealed class RandomSchema(Random random)
{
    private static readonly string[] s_names = ["a", "b", "ab", "é", "q\"", "long name", "a\\"];
    private static readonly string[] s_patterns = ["^[a-c]{2,4}$", "^(x|yz)+$", "^\\d{3}-\\d{2}$", "^[^\"]*$", "^$"];

    public string Next(int depth)
    {
        int kinds = depth > 0 ? 9 : 6;
        return random.Next(kinds) switch
        {
            0 => """{"type":"boolean"}""",
            1 => Text(),
            2 => $$"""{"type":"integer","minimum":{{random.Next(-50, 50)}},"maximum":{{random.Next(50, 500)}}}""",
            3 => $$"""{"type":"number","exclusiveMinimum":{{Decimal()}},"maximum":{{random.Next(60, 90)}}.25}""",
            4 => $$"""{"enum":[{{random.Next(9)}},"{{(char)('a' + random.Next(26))}}",null,{"a":[{{random.Next(9)}},"\n"]}]}""",
            5 => $$"""{"type":["null","integer"],"multipleOf":{{random.Next(1, 9)}}}""",
            6 => Object(depth),
            7 => Array(depth),
            _ when random.Next(2) == 0 => $$"""{"anyOf":[{{Next(depth - 1)}},{{Next(depth - 1)}}]}""",
            _ => $$"""{"oneOf":[{"type":"array","items":{{Next(depth - 1)}},"minItems":0},{{Object(depth)}}]}""",
        };
    }

    private string Text() => random.Next(4) switch
    {
        0 => $$"""{"type":"string","minLength":{{random.Next(3)}},"maxLength":{{random.Next(3, 9)}}}""",
        1 => $$"""{"type":"string","pattern":{{JsonSerializer.Serialize(s_patterns[random.Next(s_patterns.Length)])}}}""",
        2 => """{"type":"string","format":"date"}""",
        _ => """{"type":"string"}""",
    };

    private string Object(int depth)
    {
        string[] names = [.. s_names.OrderBy(_ => random.Next()).Take(random.Next(1, 5)).Select(name => JsonSerializer.Serialize(name))];
        string properties = string.Join(',', names.Select(name => $"{name}:{Next(depth - 1)}"));
        string required = string.Join(',', names.Where(_ => random.Next(2) == 0));
        string closed = random.Next(2) == 0 ? ",\"additionalProperties\":false" : "";
        return $$"""{"type":"object","properties":{{{properties}}},"required":[{{required}}]{{closed}}}""";
    }

    private string Array(int depth)
    {
        int least = random.Next(3);
        string most = random.Next(2) == 0 ? $",\"maxItems\":{least + random.Next(3)}" : "";
        string prefix = random.Next(3) == 0 ? $",\"prefixItems\":[{Next(depth - 1)},{Next(depth - 1)}]" : "";
        return $$"""{"type":"array","items":{{Next(depth - 1)}},"minItems":{{least}}{{most}}{{prefix}}}""";
    }

    private string Decimal() => (random.Next(-500, 500) / 10m).ToString(CultureInfo.InvariantCulture);

    // A value as a model may write it.
    public string Instance(JsonElement schema)
    {
        if (schema.TryGetProperty("anyOf", out JsonElement branches) || schema.TryGetProperty("oneOf", out branches))
        {
            return Instance(branches[random.Next(branches.GetArrayLength())]);
        }

        if (schema.TryGetProperty("enum", out JsonElement values))
        {
            return Written(values[random.Next(values.GetArrayLength())]);
        }

        JsonElement type = schema.GetProperty("type");
        switch (type.ValueKind == JsonValueKind.Array ? "null or integer" : type.GetString())
        {
            case "boolean":
                return random.Next(2) == 0 ? "true" : "false";
            case "integer":
                return $"{random.Next(schema.GetProperty("minimum").GetInt32(), schema.GetProperty("maximum").GetInt32() + 1)}";
            case "null or integer":
                return random.Next(3) == 0 ? "null" : $"{schema.GetProperty("multipleOf").GetInt32() * random.Next(-1000, 1000)}";
            case "number":
                decimal above = schema.GetProperty("exclusiveMinimum").GetDecimal();
                decimal most = schema.GetProperty("maximum").GetDecimal();
                return (above + Math.Round((most - above) * random.Next(1, 1001) / 1000m, 6)).ToString(CultureInfo.InvariantCulture);
            case "string":
                return String(schema);
            case "array":
                int least = schema.GetProperty("minItems").GetInt32();
                int last = schema.TryGetProperty("maxItems", out JsonElement maxItems) ? maxItems.GetInt32() : least + 4;
                IEnumerable<string> items = Enumerable.Range(0, random.Next(least, last + 1)).Select(i => Instance(ItemSchema(schema, i)));
                return $"[{string.Join(Comma(), items)}]";
            default:
                JsonElement[] required = [.. schema.GetProperty("required").EnumerateArray()];
                IEnumerable<string> members = schema.GetProperty("properties").EnumerateObject()
                    .Where(member => random.Next(2) == 0 || required.Any(name => name.ValueEquals(member.Name)))
                    .Select(member => Quoted(member.Name) + (random.Next(2) == 0 ? ":" : ": ") + Instance(member.Value));
                return $"{{{string.Join(Comma(), members)}}}";
        }
    }

    // Names what a value breaks, or null.
    public static string? Fault(JsonElement schema, JsonElement value)
    {
        if (schema.TryGetProperty("anyOf", out JsonElement branches) || schema.TryGetProperty("oneOf", out branches))
        {
            return branches.EnumerateArray().All(branch => Fault(branch, value) is not null) ? "no branch holds" : null;
        }

        if (schema.TryGetProperty("enum", out JsonElement values))
        {
            return values.EnumerateArray().Any(each => JsonElement.DeepEquals(each, value)) ? null : "not in enum";
        }

        JsonElement type = schema.GetProperty("type");
        JsonElement[] named = type.ValueKind == JsonValueKind.Array ? [.. type.EnumerateArray()] : [type];
        string[] types = [.. named.Select(each => each.GetString()!)];
        string? found = value.ValueKind switch
        {
            JsonValueKind.True or JsonValueKind.False => "boolean",
            JsonValueKind.Number => value.GetRawText().Contains('.', StringComparison.Ordinal) ? "number" : "integer",
            _ => value.ValueKind.ToString().ToLowerInvariant(),
        };
        if (!types.Contains(found) && !(found == "integer" && types.Contains("number")))
        {
            return $"{found} is not {type}";
        }

        return found switch
        {
            "string" => StringFault(schema, value.GetString()!),
            "integer" or "number" => NumberFault(schema, value.GetRawText()),
            "array" => ArrayFault(schema, [.. value.EnumerateArray()]),
            "object" => ObjectFault(schema, value),
            _ => null,
        };
    }

    private static string? StringFault(JsonElement schema, string value)
    {
        int length = value.EnumerateRunes().Count();
        bool holds = (!schema.TryGetProperty("minLength", out JsonElement least) || length >= least.GetInt32())
            && (!schema.TryGetProperty("maxLength", out JsonElement most) || length <= most.GetInt32())
            && (!schema.TryGetProperty("pattern", out JsonElement pattern)
                || Regex.IsMatch(value, pattern.GetString()!, RegexOptions.ECMAScript))
            && (!schema.TryGetProperty("format", out _) || value.StartsWith("0000", StringComparison.Ordinal)
                || DateOnly.TryParseExact(value, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out _));
        return holds ? null : $"string {value}";
    }

    private static string? NumberFault(JsonElement schema, string text)
    {
        // Digits that a decimal does not hold do not change on which side of these limits a number lies, but for those equal to a limit.
        double value = double.Parse(text, CultureInfo.InvariantCulture);
        bool holds = (!schema.TryGetProperty("minimum", out JsonElement least) || value >= least.GetDouble())
            && (!schema.TryGetProperty("exclusiveMinimum", out JsonElement above) || value > above.GetDouble() || text.Length > 17)
            && (!schema.TryGetProperty("maximum", out JsonElement most) || value <= most.GetDouble())
            && (!schema.TryGetProperty("multipleOf", out JsonElement divisor)
                || System.Numerics.BigInteger.Parse(text, CultureInfo.InvariantCulture) % divisor.GetInt32() == 0);
        return holds ? null : $"number {text}";
    }

    private static string? ArrayFault(JsonElement schema, JsonElement[] items) =>
        items.Length < schema.GetProperty("minItems").GetInt32()
            || (schema.TryGetProperty("maxItems", out JsonElement most) && items.Length > most.GetInt32())
            ? $"{items.Length} items"
            : items.Select((item, i) => Fault(ItemSchema(schema, i), item)).FirstOrDefault(fault => fault is not null);

    private static string? ObjectFault(JsonElement schema, JsonElement value)
    {
        JsonElement properties = schema.GetProperty("properties");
        string[] names = [.. value.EnumerateObject().Select(member => member.Name)];
        string[] order = [.. properties.EnumerateObject().Select(member => member.Name).Where(names.Contains)];
        return !names.SequenceEqual(order) ? $"members {string.Join(", ", names)}"
            : schema.GetProperty("required").EnumerateArray().Any(name => !names.Contains(name.GetString())) ? "one is missing"
            : value.EnumerateObject().Select(member => Fault(properties.GetProperty(member.Name), member.Value))
                .FirstOrDefault(fault => fault is not null);
    }

    private static JsonElement ItemSchema(JsonElement schema, int i) =>
        schema.TryGetProperty("prefixItems", out JsonElement prefix) && i < prefix.GetArrayLength()
            ? prefix[i]
            : schema.GetProperty("items");

    private string String(JsonElement schema)
    {
        if (schema.TryGetProperty("format", out _))
        {
            return $"\"{new DateOnly(2000, 1, 1).AddDays(random.Next(20_000)):yyyy-MM-dd}\"";
        }

        if (schema.TryGetProperty("pattern", out JsonElement pattern))
        {
            return pattern.GetString()! switch
            {
                "^[a-c]{2,4}$" => $"\"{"abcb"[..random.Next(2, 5)]}\"",
                "^(x|yz)+$" => $"\"{string.Concat(Enumerable.Range(0, random.Next(1, 5)).Select(i => random.Next(2) == 0 ? "x" : "yz"))}\"",
                "^\\d{3}-\\d{2}$" => $"\"{random.Next(100, 999)}-{random.Next(10, 99)}\"",
                "^$" => "\"\"",
                _ => $"\"é{random.Next(99)}\\\\😀\\n\"",
            };
        }

        int least = schema.TryGetProperty("minLength", out JsonElement minLength) ? minLength.GetInt32() : 0;
        int most = schema.TryGetProperty("maxLength", out JsonElement maxLength) ? maxLength.GetInt32() : 20;
        string[] characters = ["a", "é", "😀", "\\\"", "\\u00e9", "\\ud83d\\ude00", " ", "\\/", "/", "\\\\", "}"];
        int length = random.Next(least, most + 1);
        return $"\"{string.Concat(Enumerable.Range(0, length).Select(_ => characters[random.Next(characters.Length)]))}\"";
    }

    private string Written(JsonElement value) => value.ValueKind == JsonValueKind.Object
        ? value.GetRawText().Replace(",", Comma(), StringComparison.Ordinal).Replace(":", ": ", StringComparison.Ordinal)
        : value.GetRawText();

    private string Comma() => random.Next(2) == 0 ? "," : ", ";

    private static string Quoted(string name)
    {
        StringBuilder text = new("\"");
        foreach (char c in name)
        {
            text.Append(c is '"' or '\\' ? "\\" : "").Append(c);
        }

        return text.Append('"').ToString();
    }
}
