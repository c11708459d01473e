// JSON Schema (draft 2020-12) → syntax tree of the JSON texts that satisfy it, as far as they form a regular language.
//
// What is read: type (one or a list), enum, const, anyOf, oneOf, allOf, $ref, nullable (OpenAPI), true and false, and the keywords of
// each type (JsonSchemaReader.Types.cs). Annotations are ignored, every other keyword is refused by name. Every text that is accepted
// satisfies the schema; these are narrower than the standard, so that a model writes what the author of the schema means:
//
//   properties  in the order of the schema; no others, unless there are none: then an object with any names
//   items       only as many as prefixItems, if there are any and items is absent
//   pattern     the whole value must match, where the standard searches in it
//   type        if absent, the types that the other keywords speak of
//   oneOf       as anyOf, of branches that exclude each other as they are read here; others are refused (JsonSchemaReader.Branches.cs)
//   $ref        recursion is unrolled: a reference may be inside of itself 5 times, what would go deeper is left out; beside itself,
//               as where several schemas build on one, it counts once. In a branch of what it refers to it is inside of itself
//   any value   (true, {}, an object without properties) nests at most 4 deep
//
// Several schemas that must hold together are merged keyword by keyword (SchemaKeywords). Beside other keywords, anyOf is distributed:
// K ∧ (A ∨ B) = (K ∧ A) ∨ (K ∧ B).
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace Cinnabar.Constraints;

/// <summary>Reads JSON schemas.</summary>
internal sealed partial class JsonSchemaReader
{
    /// <summary>How often a reference may be inside of itself.</summary>
    public const int MaxRecursion = 5;

    private const int MaxNesting = 100;
    private const int StepsOfSchema = 100; // reading one, or one of its keywords, takes a few microseconds

    private const int StepsOfPart = 10; // of a list or object
    private const int StepsOfEscapes = 300; // those of a set of characters are worked out one by one

    private readonly SchemaReferences _references;
    private readonly CompilationBudget _budget;
    private int _nesting;

    private JsonSchemaReader(JsonElement root, CompilationBudget budget) => (_references, _budget) = (new SchemaReferences(root), budget);

    /// <summary>The texts that satisfy a schema; at least one.</summary>
    /// <exception cref="CinnabarException">It is no schema, is not supported, or nothing satisfies it.</exception>
    public static RegexNode Read(string schema, CompilationBudget budget)
    {
        using JsonDocument document = SchemaText.Parse(schema);
        JsonSchemaReader reader = new(document.RootElement, budget);
        RegexNode tree = reader.ReadSchema(new SchemaElement(document.RootElement, SchemaPlace.Root));
        return !tree.IsNothing
            ? tree
            : throw SchemaPlace.Root.Error(
                string.Create(CultureInfo.InvariantCulture, $"a value that satisfies it within {MaxRecursion} levels of recursion"),
                "none",
                "Look for false, or for a $ref to itself that is required at every level.");
    }

    private RegexNode ReadSchema(params IReadOnlyList<SchemaElement> schemas) => Read(new SchemaKeywords(schemas[0].Place), schemas);

    // Keywords and schemas that must all hold.
    private RegexNode Read(SchemaKeywords keywords, IReadOnlyList<SchemaElement> schemas)
    {
        Enter(keywords.Place);
        foreach (SchemaElement schema in schemas)
        {
            Collect(schema, keywords);
        }

        RegexNode tree = keywords.IsFalse ? RegexNode.Nothing : ReadKeywords(keywords);
        _nesting--;
        return tree;
    }

    // Schemas in one another, by keywords or by references.
    private void Enter(SchemaPlace place)
    {
        if (++_nesting > MaxNesting)
        {
            throw place.Error($"schemas at most {MaxNesting} deep, references followed", "a deeper one", "Make it flatter.");
        }
    }

    private void Collect(SchemaElement schema, SchemaKeywords into)
    {
        _budget.Spend(StepsOfSchema);
        Enter(schema.Place);
        switch (schema.Value.ValueKind)
        {
            case JsonValueKind.True:
                break;
            case JsonValueKind.False:
                into.IsFalse = true;
                break;
            case JsonValueKind.Object:
                foreach (JsonProperty keyword in schema.Value.EnumerateObject())
                {
                    _budget.Spend(StepsOfSchema + (StepsOfPart * Parts(keyword.Value)));
                    Collect(schema, keyword.Name, schema.Inside(keyword.Value, keyword.Name), into);
                }

                into.AddRest(schema);
                break;
            default:
                throw schema.Place.Wrong("a schema: an object, true or false", schema.Value);
        }

        _nesting--;
    }

    private static int Parts(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Array => value.GetArrayLength(),
        JsonValueKind.Object => value.GetPropertyCount(),
        _ => 0,
    };

    private void Collect(SchemaElement schema, string keyword, SchemaElement value, SchemaKeywords into)
    {
        switch (keyword)
        {
            case "$ref":
                Follow(value, into);
                break;
            case "allOf":
                foreach (SchemaElement part in SchemaKeywords.ListOf(value))
                {
                    Collect(part, into);
                }

                break;
            case "type" when IsNullable(schema):
                into.AddTypes([.. SchemaKeywords.TypesOf(value).Union(["null"])]);
                break;
            case "nullable":
                IsNullable(schema);
                break;
            default:
                _budget.Spend(into.IsCompared(keyword) ? JsonMarshal.GetRawUtf8Value(value.Value).Length : 0);
                into.Add(keyword, value);
                break;
        }
    }

    // What counts is how often a reference is inside of itself, not how often it is beside itself.
    private void Follow(SchemaElement reference, SchemaKeywords into)
    {
        string name = reference.Value.ValueKind == JsonValueKind.String
            ? reference.Value.GetString()!
            : throw reference.Place.Wrong("a reference such as \"#/$defs/name\"", reference.Value);
        _budget.Spend(name.Length + (reference.Through?.Length ?? 0));
        string referred = _references.NameOf(name);
        if (reference.Through?.CountOf(referred) == MaxRecursion)
        {
            into.IsFalse = true;
        }
        else if (!into.HasMerged(referred))
        {
            Collect(_references.Resolve(name, reference.Place) with { Through = new(referred, reference.Through) }, into);
            into.AddMerged(referred);
        }
    }

    // OpenAPI 3.0: with "nullable": true, null is one more of the types.
    private static bool IsNullable(SchemaElement schema)
    {
        if (!schema.Value.TryGetProperty("nullable", out JsonElement nullable))
        {
            return false;
        }

        SchemaPlace place = schema.Place.Inside("nullable");
        if (nullable.ValueKind is not (JsonValueKind.True or JsonValueKind.False))
        {
            throw place.Wrong("true or false", nullable);
        }

        return schema.Value.TryGetProperty("type", out _) || nullable.ValueKind == JsonValueKind.False
            ? nullable.ValueKind == JsonValueKind.True
            : throw place.Error("a type beside nullable", "none", "Write anyOf with {\"type\": \"null\"} instead.");
    }

    private RegexNode ReadKeywords(SchemaKeywords keywords)
    {
        foreach (string choice in (ReadOnlySpan<string>)["anyOf", "oneOf"])
        {
            if (keywords.List(choice) is IReadOnlyList<SchemaElement> branches)
            {
                return ReadBranches(keywords, choice, branches);
            }
        }

        if (keywords.Value("const") is not null || keywords.Value("enum") is not null)
        {
            return ReadValues(keywords);
        }

        IReadOnlyList<string> types = keywords.Types ?? keywords.ImpliedTypes;
        return types.Count == 0 ? JsonValues.Any : RegexNode.Either([.. types.Select(type => ReadType(type, keywords))]);
    }

    // The given values that have an allowed type and satisfy the keywords of their type.
    private RegexNode ReadValues(SchemaKeywords keywords)
    {
        List<RegexNode> conditions = [];
        if (keywords.Value("const") is SchemaElement only)
        {
            conditions.Add(Literals(keywords, [only]));
        }

        if (keywords.List("enum") is IReadOnlyList<SchemaElement> values)
        {
            conditions.Add(Literals(keywords, values));
        }

        if (keywords.ImpliedTypes.Count > 0)
        {
            conditions.Add(RegexNode.Either([.. (keywords.Types ?? keywords.ImpliedTypes).Select(type => ReadType(type, keywords))]));
        }

        RegexNode tree = RegexCompiler.Intersect(conditions, _budget);
        return !tree.IsNothing
            ? tree
            : throw keywords.Place.Error(
                "a given value that has the type and satisfies the other keywords", "none", "Remove the keywords beside const and enum.");
    }

    private RegexNode Literals(SchemaKeywords keywords, IReadOnlyList<SchemaElement> values)
    {
        List<RegexNode> literals = [];
        foreach (SchemaElement value in values)
        {
            _budget.Spend(StepsOfPart + value.Value.GetRawText().Length);
            if (keywords.Types is null || keywords.Types.Any(type => HasType(value.Value, type)))
            {
                literals.Add(_isCanonical ? JsonValues.Canonical(value.Value, _budget) : JsonValues.Literal(value.Value));
            }
        }

        return RegexNode.Either(literals);
    }

    private static bool HasType(JsonElement value, string type) => value.ValueKind switch
    {
        JsonValueKind.String => type == "string",
        JsonValueKind.Object => type == "object",
        JsonValueKind.Array => type == "array",
        JsonValueKind.Null => type == "null",
        JsonValueKind.True or JsonValueKind.False => type == "boolean",
        _ => type == "number" || (type == "integer" && DecimalNumber.Parse(value.GetRawText()) is { Fraction: "" }),
    };
}
