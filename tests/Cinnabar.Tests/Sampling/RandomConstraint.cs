using System.Text.Json;
using System.Text.RegularExpressions;
using Cinnabar.Constraints;
using Cinnabar.Tests.Constraints;

namespace Cinnabar.Tests.Sampling;

/// <summary>A constraint, and a check without automata: the engine of .NET, or its JSON parser and a small validator.</summary>
internal sealed record RandomConstraint(Constraint Constraint, Func<string, bool> Holds)
{
    // How .NET writes a part where it means something else: its characters are halves of surrogate pairs.
    private const string Pair = "[\\ud800-\\udbff][\\udc00-\\udfff]";

    private static readonly (string Ours, string Theirs)[] s_parts =
    [
        ("a", "a"), ("[a-z]", "[a-z]"), ("\\d", "[0-9]"), ("\\w", "[0-9A-Za-z_]"), (" ", " "), ("\\n", "\\n"), ("é", "é"), ("日本", "日本"),
        ("🙂", "(?:🙂)"), ("[à-ÿ]", "[à-ÿ]"),
        (".", $"(?:{Pair}|[^\\n\\ud800-\\udfff])"), ("[^a-y\"]", $"(?:{Pair}|[^a-y\"\\ud800-\\udfff])"),
        ("\\s", "[\\t-\\r \\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000\\ufeff]"),
        ("(?:ab|c)", "(?:ab|c)"), ("int", "int"), ("=\\{", "=\\{"),
    ];

    private static readonly string[] s_quantifiers = ["", "", "", "*", "+", "?", "{2}", "{1,3}", "{0,9}"];

    public static RandomConstraint Next(Random random) => random.Next(2) == 0 ? Pattern(random) : Schema(random);

    public static RandomConstraint Pattern(Random random)
    {
        (string ours, string theirs) = Sequence(random);
        if (random.Next(4) == 0)
        {
            (string Ours, string Theirs) other = Sequence(random);
            (ours, theirs) = ($"{ours}|{other.Ours}", $"{theirs}|{other.Theirs}");
        }

        Regex regex = new($"\\A(?:{theirs})\\z", RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);
        return new RandomConstraint(Constraint.FromRegex(ours), regex.IsMatch);
    }

    public static RandomConstraint Schema(Random random)
    {
        string text = new RandomSchema(random).Next(depth: random.Next(3));
        JsonElement schema = JsonElement.Parse(text);
        return new RandomConstraint(Constraint.FromJsonSchema(text), json =>
        {
            try
            {
                return RandomSchema.Fault(schema, JsonElement.Parse(json)) is null;
            }
            catch (JsonException)
            {
                return false;
            }
        });
    }

    private static (string Ours, string Theirs) Sequence(Random random)
    {
        (string ours, string theirs) = ("", "");
        for (int i = 1 + random.Next(4); i > 0; i--)
        {
            (string Ours, string Theirs) part = s_parts[random.Next(s_parts.Length)];
            string quantifier = s_quantifiers[random.Next(s_quantifiers.Length)];
            bool isWord = part.Ours is "日本" or "int" or "=\\{" && quantifier.Length > 0;
            ours += (isWord ? $"({part.Ours})" : part.Ours) + quantifier;
            theirs += (isWord ? $"(?:{part.Theirs})" : part.Theirs) + quantifier;
        }

        return (ours, theirs);
    }

    public override string ToString() => $"{Constraint.Kind} {Constraint.Source}";
}
