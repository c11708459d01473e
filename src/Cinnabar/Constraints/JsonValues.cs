// JSON values as syntax trees: white space, arrays, objects, given values, and any value at all.
//
// White space: one space or none behind ',' and ':', nowhere else. Models write it so, and white space without bound would let them idle.
//
// Any value is not a regular language, since brackets may nest without bound: a state would have to remember all that are open. At depth d
// there are 2^d sequences of open ones, hence the bound.
using System.Text.Json;

namespace Cinnabar.Constraints;

/// <summary>JSON values as syntax trees.</summary>
internal static class JsonValues
{
    /// <summary>How many objects and arrays may be open at once where a schema allows any value.</summary>
    public const int MaxDepth = 4;

    private static readonly RegexNode s_space = RegexNode.Optional(RegexNode.Text(" "));

    /// <summary>Between members and items.</summary>
    public static RegexNode Comma { get; } = RegexNode.Concatenate(RegexNode.Text(","), s_space);

    /// <summary>null.</summary>
    public static RegexNode Null { get; } = RegexNode.Text("null");

    /// <summary>true or false.</summary>
    public static RegexNode Boolean { get; } = RegexNode.Either(RegexNode.Text("true"), RegexNode.Text("false"));

    /// <summary>Any value, up to <see cref="MaxDepth"/> deep.</summary>
    public static RegexNode Any { get; } = AnyOfDepth(MaxDepth);

    /// <summary>Any value but objects and arrays nest one less deep: what may stand in one of them.</summary>
    public static RegexNode AnyInside { get; } = AnyOfDepth(MaxDepth - 1);

    /// <summary>Any object, up to <see cref="MaxDepth"/> deep.</summary>
    public static RegexNode AnyObject { get; } = Map(AnyInside, 0, RegexNode.Unbounded);

    /// <summary>{ members }.</summary>
    public static RegexNode Object(RegexNode members) => RegexNode.Concatenate(RegexNode.Text("{"), members, RegexNode.Text("}"));

    /// <summary>[ items ].</summary>
    public static RegexNode Array(RegexNode items) => RegexNode.Concatenate(RegexNode.Text("["), items, RegexNode.Text("]"));

    /// <summary>name: value.</summary>
    public static RegexNode Member(RegexNode name, RegexNode value) => RegexNode.Concatenate(name, RegexNode.Text(":"), s_space, value);

    /// <summary>An object with any names.</summary>
    public static RegexNode Map(RegexNode value, int least, int most) =>
        Object(RegexNode.Repeat(Member(JsonStrings.Any, value), least, most, Comma));

    /// <summary>Exactly this value: strings in one form, numbers as they are written, members in their order.</summary>
    public static RegexNode Literal(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => JsonStrings.Literal(value.GetString()!),
        JsonValueKind.Object => Object(Joined(
            value.EnumerateObject().Select(member => Member(JsonStrings.Literal(member.Name), Literal(member.Value))))),
        JsonValueKind.Array => Array(Joined(value.EnumerateArray().Select(Literal))),
        _ => RegexNode.Text(value.GetRawText()),
    };

    /// <summary>
    /// This value so that all its spellings are one: members sorted by name, numbers without exponent and without zeros that say nothing.
    /// </summary>
    /// <param name="value">The value.</param>
    /// <param name="budget">What it may cost, as a short number may have many digits.</param>
    public static RegexNode Canonical(JsonElement value, CompilationBudget budget) => value.ValueKind switch
    {
        JsonValueKind.Object => Object(Joined(
            value.EnumerateObject().OrderBy(member => member.Name, StringComparer.Ordinal)
                .Select(member => Member(JsonStrings.Literal(member.Name), Canonical(member.Value, budget))))),
        JsonValueKind.Array => Array(Joined(value.EnumerateArray().Select(item => Canonical(item, budget)))),
        JsonValueKind.Number => RegexNode.Text(CanonicalNumber(value.GetRawText(), budget)),
        _ => Literal(value),
    };

    // One with more digits than others are compared by stays as it is written.
    private static string CanonicalNumber(string written, CompilationBudget budget)
    {
        string spelling = DecimalNumber.Parse(written)?.Spelling ?? written;
        budget.Spend(spelling.Length);
        return spelling;
    }

    private static RegexNode Joined(IEnumerable<RegexNode> parts) =>
        RegexNode.Join(parts.Select(part => new RegexNode.Member(part, Required: true)), Comma);

    private static RegexNode AnyOfDepth(int depth)
    {
        List<RegexNode> choices = [JsonStrings.Any, JsonNumbers.Any, Boolean, Null];
        if (depth > 0)
        {
            RegexNode inside = AnyOfDepth(depth - 1);
            choices.Add(Map(inside, 0, RegexNode.Unbounded));
            choices.Add(Array(RegexNode.Repeat(inside, 0, RegexNode.Unbounded, Comma)));
        }

        return RegexNode.Either(choices);
    }
}
