// Draws regular expressions and JSON Schemas as people write them, small enough that some text of each fits into 64 tokens.
//
//   expression   1 … 4 parts (classes, words, groups), most of them with a quantifier; one in four has two alternatives
//   schema       an object of 1 … 4 properties, each a string (any, of a length, a pattern, a date), a number in a range, a truth value, a
//                choice, a list, or another object; of the properties about half are required
//
// Texts are checked by the regular expressions of .NET, and by its JSON parser and SchemaCheck. A part has two spellings where .NET means
// something else: characters of its expressions are halves of surrogate pairs.
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Cinnabar.Constraints;
using Cinnabar.Diffusion;

namespace Cinnabar.Evaluation.Constrained;

/// <summary>Makes constraints up; not thread-safe.</summary>
/// <param name="random">Decides everything.</param>
public sealed class ConstraintSampler(DeterministicRandom random)
{
    private const int Depth = 2; // of objects
    private const string Pair = "[\\ud800-\\udbff][\\udc00-\\udfff]";

    private static readonly (string Ours, string Theirs)[] s_parts =
    [
        ("[a-z]", "[a-z]"), ("[A-Z]", "[A-Z]"), ("\\d", "[0-9]"), ("\\w", "[0-9A-Za-z_]"), ("(?:int|string|é+)", "(?:int|string|é+)"),
        ("(?:return )", "(?:return )"), ("[^;\"]", $"(?:{Pair}|[^;\"\\ud800-\\udfff])"), (".", $"(?:{Pair}|[^\\n\\ud800-\\udfff])"),
        ("(?:日本|🙂)", "(?:日本|🙂)"), ("[à-ÿ ]", "[à-ÿ ]"), ("(?:\\([a-z]*\\))", "(?:\\([a-z]*\\))"), ("-", "-"),
    ];

    private static readonly string[] s_quantifiers = ["", "", "+", "*", "?", "{3}", "{2,5}", "{0,12}"];
    private static readonly string[] s_names = ["name", "id", "city", "is_open", "größe", "a \"b\"", "items", "x"];
    private static readonly string[] s_patterns = ["^[A-Z]{2}-[0-9]{3}$", "^(red|green|blue)$", "^[a-z]+(_[a-z]+)*$"];

    /// <summary>The next regular expression.</summary>
    public SampledConstraint NextRegex()
    {
        (string ours, string theirs) = Sequence();
        if (random.NextInt(4) == 0)
        {
            (string Ours, string Theirs) other = Sequence();
            (ours, theirs) = ($"{ours}|{other.Ours}", $"{theirs}|{other.Theirs}");
        }

        Regex regex = new($"\\A(?:{theirs})\\z", RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);
        return new SampledConstraint(ConstraintKind.Regex, ours, regex.IsMatch);
    }

    /// <summary>The next JSON Schema.</summary>
    public SampledConstraint NextSchema()
    {
        string source = Object(Depth).ToJsonString();
        JsonElement schema = JsonElement.Parse(source);
        return new SampledConstraint(ConstraintKind.JsonSchema, source, text => SchemaCheck.Holds(schema, text));
    }

    private (string Ours, string Theirs) Sequence()
    {
        (string ours, string theirs) = ("", "");
        for (int i = 1 + random.NextInt(4); i > 0; i--)
        {
            (string Ours, string Theirs) part = s_parts[random.NextInt(s_parts.Length)];
            string quantifier = s_quantifiers[random.NextInt(s_quantifiers.Length)];
            (ours, theirs) = (ours + part.Ours + quantifier, theirs + part.Theirs + quantifier);
        }

        return (ours, theirs);
    }

    private JsonObject Any(int depth) => random.NextInt(depth > 0 ? 8 : 6) switch
    {
        0 => new JsonObject { ["type"] = "boolean" },
        1 => String(),
        2 => Number("integer", random.NextInt(1000)),
        3 => Number("number", random.NextInt(1000) / 10m),
        4 => new JsonObject { ["enum"] = new JsonArray("yes", "no", random.NextInt(100), null) },
        5 => new JsonObject { ["type"] = new JsonArray("string", "null"), ["maxLength"] = 1 + random.NextInt(12) },
        6 => new JsonObject { ["type"] = "array", ["items"] = Any(depth - 1), ["maxItems"] = 1 + random.NextInt(4) },
        _ => Object(depth - 1),
    };

    private JsonObject Object(int depth)
    {
        string[] names = [.. s_names];
        random.Shuffle<string>(names);
        names = names[..(1 + random.NextInt(4))];
        JsonArray required = [.. names.Where(_ => random.NextInt(2) == 0).Select(name => (JsonNode)name)];
        return new JsonObject
        {
            ["type"] = "object",
            ["properties"] = new JsonObject(names.Select(name => KeyValuePair.Create(name, (JsonNode?)Any(depth - 1)))),
            ["required"] = required,
            ["additionalProperties"] = false,
        };
    }

    private JsonObject String() => random.NextInt(4) switch
    {
        0 => new JsonObject { ["type"] = "string", ["pattern"] = s_patterns[random.NextInt(s_patterns.Length)] },
        1 => new JsonObject { ["type"] = "string", ["format"] = "date" },
        2 => new JsonObject { ["type"] = "string", ["minLength"] = random.NextInt(3), ["maxLength"] = 3 + random.NextInt(20) },
        _ => new JsonObject { ["type"] = "string" },
    };

    private static JsonObject Number(string type, decimal most) =>
        new() { ["type"] = type, ["minimum"] = -most, ["maximum"] = most + 7 };
}
