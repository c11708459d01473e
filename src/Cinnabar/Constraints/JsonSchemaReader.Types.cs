// The keywords of each type.
//
//   object   properties, required, additionalProperties, minProperties, maxProperties
//   array    items, prefixItems, minItems, maxItems
//   string   minLength, maxLength (code points of the value), pattern, format: where several are given, the product of their automata
//   number   minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf (JsonNumbers)
using System.Text.Json;
using Cinnabar.Checkpoints;

namespace Cinnabar.Constraints;

/// <content>Types.</content>
internal sealed partial class JsonSchemaReader
{
    private RegexNode ReadType(string type, SchemaKeywords keywords) => type switch
    {
        "object" => ReadObject(keywords),
        "array" => ReadArray(keywords),
        "string" => ReadString(keywords),
        "number" => ReadNumber(keywords, whole: false),
        "integer" => ReadNumber(keywords, whole: true),
        "boolean" => JsonValues.Boolean,
        _ => JsonValues.Null,
    };

    private RegexNode ReadObject(SchemaKeywords keywords)
    {
        int least = keywords.Count("minProperties") ?? 0;
        int most = keywords.Count("maxProperties") ?? RegexNode.Unbounded;
        SchemaElement? additional = keywords.Value("additionalProperties");
        bool closed = additional?.Value.ValueKind == JsonValueKind.False;
        if (keywords.Properties.Count == 0 && keywords.Required.Count == 0)
        {
            // Names are free, unless "properties" is there and empty. No automaton sees that one is there twice and counts once.
            bool empty = closed || (additional is null && keywords.Value("properties") is not null);
            bool isGiven = keywords.Value("const") is not null || keywords.Value("enum") is not null; // with each name once
            if (least > 1 && !empty && !isGiven)
            {
                throw keywords.Value("minProperties")!.Value.Place.Error(
                    "0 or 1 where names are free, as one name written twice would pass for two",
                    $"{least}",
                    "Lower it, or name the properties and which of them are required.");
            }

            RegexNode map = JsonValues.Map(empty ? RegexNode.Nothing : ReadAdditional(), least, most);
            return Possible(map, least <= most && !(empty && least > 0), keywords, "an object");
        }

        List<(string Name, RegexNode.Member Member)> members = [];
        foreach ((string name, List<SchemaElement> schemas) in keywords.Properties)
        {
            _budget.Spend(StepsOfPart * (1 + keywords.Rests.Count));
            bool required = keywords.IsRequired(name);
            SchemaElement[] rests = [.. keywords.Rests.Where(rest => !rest.Named.Contains(name)).Select(rest => rest.Schema)];
            int closing = Array.FindIndex(rests, rest => rest.Value.ValueKind == JsonValueKind.False);
            if (closing >= 0 && required)
            {
                throw rests[closing].Place.Error(
                    $"additionalProperties that allow the required property {ErrorText.Quote(name)}, which a schema beside it names",
                    "false",
                    "Name the property in this schema, too, or remove additionalProperties.");
            }

            if (closing < 0)
            {
                members.Add((name, new(JsonValues.Member(Name(name), ReadSchema([.. schemas, .. rests])), required)));
            }
        }

        HashSet<string> declared = [.. keywords.Properties.Select(property => property.Name)];
        foreach (string name in keywords.Required.Where(name => !declared.Contains(name)))
        {
            if (closed)
            {
                throw keywords.Place.Error(
                    "required properties among the properties", ErrorText.Quote(name), "Add it to properties, or remove it from required.");
            }

            members.Add((name, new(JsonValues.Member(Name(name), ReadAdditional()), Required: true)));
        }

        if (least > keywords.Required.Count || most < members.Count)
        {
            throw keywords.Place.Error(
                "minProperties and maxProperties that properties and required imply, or none",
                "others",
                "Remove them and name what is required.");
        }

        IEnumerable<(string Name, RegexNode.Member Member)> written =
            _isCanonical ? members.OrderBy(member => member.Name, StringComparer.Ordinal) : members;
        return JsonValues.Object(RegexNode.Join(written.Select(member => member.Member), JsonValues.Comma));

        RegexNode Name(string name)
        {
            _budget.Spend(name.Length);
            return JsonStrings.Literal(name);
        }

        RegexNode ReadAdditional() => additional is SchemaElement schema ? ReadSchema(schema) : JsonValues.AnyInside;
    }

    private RegexNode ReadArray(SchemaKeywords keywords)
    {
        if (keywords.Value("uniqueItems") is SchemaElement unique && unique.Value.ValueKind != JsonValueKind.False)
        {
            throw unique.Place.Error(
                "false or nothing", ErrorText.Quote(unique.Value.GetRawText()), "Remove it: no finite automaton compares items.");
        }

        int least = keywords.Count("minItems") ?? 0;
        int most = keywords.Count("maxItems") ?? RegexNode.Unbounded;
        IReadOnlyList<SchemaElement> prefix = keywords.List("prefixItems") ?? [];
        SchemaElement? items = keywords.Value("items");
        if (items is { Value.ValueKind: JsonValueKind.Array })
        {
            throw items.Value.Place.Error("a schema", "a list of schemas", "Since draft 2020-12 such a list is called prefixItems.");
        }

        RegexNode item = items is SchemaElement schema ? ReadSchema(schema) : prefix.Count == 0 ? JsonValues.AnyInside : RegexNode.Nothing;
        RegexNode tree = RegexNode.Repeat([.. prefix.Select(each => ReadSchema(each)), item], least, most, JsonValues.Comma);
        bool open = items is SchemaElement given ? given.Value.ValueKind != JsonValueKind.False : prefix.Count == 0;
        return Possible(JsonValues.Array(tree), least <= most && (open || least <= prefix.Count), keywords, "an array");
    }

    private RegexNode ReadString(SchemaKeywords keywords)
    {
        List<RegexNode> conditions = [];
        int least = keywords.Count("minLength") ?? 0;
        int most = keywords.Count("maxLength") ?? RegexNode.Unbounded;
        if (keywords.Text("pattern") is string pattern)
        {
            SchemaPlace place = keywords.Value("pattern")!.Value.Place;
            RegexNode content = RegexParser.Parse(
                pattern, $"{place}: regular expression {ErrorText.Quote(pattern)}", OneOf, _budget);
            conditions.Add(!content.IsNothing ? content : throw place.Error("a pattern that matches a text", "one without", "Correct it."));
        }

        if (keywords.Text("format") is string format)
        {
            SchemaPlace place = keywords.Value("format")!.Value.Place;
            conditions.Add(StringFormats.TreeOf(format)
                ?? throw place.Error($"one of {StringFormats.Names}", ErrorText.Quote(format), "Remove it or write a pattern."));
        }

        if (least > most)
        {
            return Possible(RegexNode.Nothing, possible: false, keywords, "a text");
        }

        if (least > 0 || most < RegexNode.Unbounded)
        {
            conditions.Add(RegexNode.Repeat(JsonStrings.Character, least, most));
        }

        return conditions.Count == 0 ? JsonStrings.Any : Satisfying(conditions, keywords, "a text", JsonStrings.Quoted);
    }

    // A character of a pattern.
    private RegexNode OneOf(CharacterSet set)
    {
        _budget.Spend(JsonStrings.HasEscapes(set) ? StepsOfEscapes : 0);
        return JsonStrings.OneOf(set);
    }

    private RegexNode ReadNumber(SchemaKeywords keywords, bool whole)
    {
        List<JsonNumbers.Limit> limits = [];
        foreach (string keyword in (ReadOnlySpan<string>)["minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum"])
        {
            if (keywords.Value(keyword) is SchemaElement limit)
            {
                bool isLeast = keyword is "minimum" or "exclusiveMinimum";
                limits.Add(new JsonNumbers.Limit(Number(limit), isLeast, keyword.StartsWith("exclusive", StringComparison.Ordinal)));
            }
        }

        DecimalNumber? divisor = null;
        if (keywords.Value("multipleOf") is SchemaElement multiple)
        {
            divisor = Number(multiple);
            if (divisor.Negative || divisor.IsZero)
            {
                throw multiple.Place.Wrong("a number above 0", multiple.Value);
            }
        }

        IReadOnlyList<RegexNode> conditions = JsonNumbers.Within(whole, limits, divisor, _budget)
            ?? throw keywords.Value("multipleOf")!.Value.Place.Wrong(
                $"a whole number up to {DigitsModulo.MaxDivisor}, or 0.1, 0.01, …", keywords.Value("multipleOf")!.Value.Value);
        return Satisfying(conditions, keywords, whole ? "a whole number" : "a number", tree => tree);
    }

    private static DecimalNumber Number(SchemaElement value) =>
        value.Value.ValueKind == JsonValueKind.Number && DecimalNumber.Parse(value.Value.GetRawText()) is DecimalNumber number
            ? number
            : throw value.Place.Wrong("a number of at most 400 digits", value.Value);

    private RegexNode Satisfying(
        IReadOnlyList<RegexNode> conditions, SchemaKeywords keywords, string what, Func<RegexNode, RegexNode> inside)
    {
        RegexNode common = RegexCompiler.Intersect(conditions, _budget);
        return Possible(inside(common), !common.IsNothing, keywords, what);
    }

    // Contradictions are mistakes of the schema's author, unlike ∅ where recursion ends.
    private static RegexNode Possible(RegexNode tree, bool possible, SchemaKeywords keywords, string what) => possible
        ? tree
        : throw keywords.Place.Error(
            $"{what} that satisfies all keywords at once", "none", "Correct the limits that contradict each other.");
}
