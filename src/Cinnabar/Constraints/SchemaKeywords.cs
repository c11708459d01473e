// The keywords of a schema, or of several that must hold together (allOf, $ref beside other keywords, a branch of anyOf beside them).
// Merging keeps what holds in all:
//
//   properties   those of all, in the order met; of a name met twice both schemas must hold, and of one that a schema does not name
//                itself its additionalProperties
//   required     those of all
//   type         the types that all allow; an integer is a number
//   others       must be the same wherever they occur
//
// Annotations say nothing about values and are left out. What is neither known nor an annotation is refused: it would promise what the
// automaton does not keep.
using System.Text.Json;
using Cinnabar.Checkpoints;

namespace Cinnabar.Constraints;

/// <summary>The keywords that must hold together.</summary>
internal sealed class SchemaKeywords
{
    private static readonly HashSet<string> s_annotations =
    [
        "title", "description", "default", "example", "examples", "deprecated", "readOnly", "writeOnly",
        "$schema", "$id", "$comment", "$defs", "definitions",
    ];

    // Keywords that speak of one type only, and the type: a schema without "type" is meant for the types that its keywords speak of.
    private static readonly Dictionary<string, string> s_typeOf = new()
    {
        ["properties"] = "object", ["required"] = "object", ["additionalProperties"] = "object", ["minProperties"] = "object",
        ["maxProperties"] = "object", ["items"] = "array", ["prefixItems"] = "array", ["minItems"] = "array", ["maxItems"] = "array",
        ["uniqueItems"] = "array", ["minLength"] = "string", ["maxLength"] = "string", ["pattern"] = "string", ["format"] = "string",
        ["minimum"] = "number", ["maximum"] = "number", ["exclusiveMinimum"] = "number", ["exclusiveMaximum"] = "number",
        ["multipleOf"] = "number",
    };

    private static readonly string[] s_types = ["object", "array", "string", "number", "integer", "boolean", "null"];

    private readonly Dictionary<string, SchemaElement> _values = [];
    private readonly List<(string Name, List<SchemaElement> Schemas)> _properties = [];
    private readonly Dictionary<string, int> _propertyNumbers = [];
    private readonly List<(HashSet<string> Named, SchemaElement Schema)> _rests = [];
    private readonly List<string> _required = [];
    private readonly HashSet<string> _isRequired = [];
    private readonly HashSet<string> _merged = []; // references, all keywords of which are here
    private int _propertySchemas; // of all properties
    private bool _hasOneOfItems; // some schema has items or prefixItems without the other

    /// <summary>None yet.</summary>
    /// <param name="place">Where what must hold stands, for messages.</param>
    public SchemaKeywords(SchemaPlace place) => Place = place;

    /// <summary>A copy without one keyword. What a reference points to may lack it now, so none counts as added any more.</summary>
    /// <param name="other">The keywords.</param>
    /// <param name="left">The one to leave out.</param>
    /// <param name="place">Where what is added stands.</param>
    public SchemaKeywords(SchemaKeywords other, string left, SchemaPlace place)
        : this(place)
    {
        _values = new Dictionary<string, SchemaElement>(other._values);
        _values.Remove(left);
        _properties = [.. other._properties.Select(property => (property.Name, new List<SchemaElement>(property.Schemas)))];
        _propertyNumbers = new Dictionary<string, int>(other._propertyNumbers);
        (_rests, _required, _isRequired) = ([.. other._rests], [.. other._required], [.. other._isRequired]);
        (Types, IsFalse, _hasOneOfItems, _propertySchemas) = (other.Types, other.IsFalse, other._hasOneOfItems, other._propertySchemas);
    }

    /// <summary>Where they stand.</summary>
    public SchemaPlace Place { get; }

    /// <summary>Whether nothing satisfies them: one was the schema false, or recursion ends here.</summary>
    public bool IsFalse { get; set; }

    /// <summary>The types allowed by "type"; null: all.</summary>
    public IReadOnlyList<string>? Types { get; private set; }

    /// <summary>Properties in order, with the schemas that must hold for each.</summary>
    public IReadOnlyList<(string Name, List<SchemaElement> Schemas)> Properties => _properties;

    /// <summary>The additionalProperties of each schema that has them, and the properties that this schema names itself.</summary>
    public IReadOnlyList<(HashSet<string> Named, SchemaElement Schema)> Rests => _rests;

    /// <summary>Names of required properties, in order.</summary>
    public IReadOnlyList<string> Required => _required;

    /// <summary>How much there is to copy.</summary>
    public int Size => _values.Count + _propertySchemas + _required.Count + _rests.Count;

    /// <summary>The types that the keywords speak of; empty if they speak of none.</summary>
    public IReadOnlyList<string> ImpliedTypes =>
        [.. _values.Keys.Where(s_typeOf.ContainsKey).Select(keyword => s_typeOf[keyword]).Distinct()];

    /// <summary>Whether a property is required.</summary>
    public bool IsRequired(string name) => _isRequired.Contains(name);

    /// <summary>The value of a keyword, or null.</summary>
    public SchemaElement? Value(string keyword) => _values.TryGetValue(keyword, out SchemaElement value) ? value : null;

    /// <summary>A whole number that is not negative, or null.</summary>
    public int? Count(string keyword) =>
        Value(keyword) is not SchemaElement found
            ? null
            : found.Value.ValueKind == JsonValueKind.Number && found.Value.TryGetInt32(out int count) && count >= 0
                ? count
                : throw found.Place.Wrong("a whole number from 0", found.Value);

    /// <summary>A text, or null.</summary>
    public string? Text(string keyword) =>
        Value(keyword) is not SchemaElement found
            ? null
            : found.Value.ValueKind == JsonValueKind.String ? found.Value.GetString() : throw found.Place.Wrong("a text", found.Value);

    /// <summary>The parts of a list that is not empty, or null.</summary>
    public IReadOnlyList<SchemaElement>? List(string keyword) => Value(keyword) is SchemaElement found ? ListOf(found) : null;

    /// <summary>The parts of a list that is not empty.</summary>
    public static IReadOnlyList<SchemaElement> ListOf(SchemaElement list) =>
        list.Value.ValueKind == JsonValueKind.Array && list.Value.GetArrayLength() > 0
            ? [.. list.Value.EnumerateArray().Select((item, i) => list.Inside(item, i))]
            : throw list.Place.Wrong("a list that is not empty", list.Value);

    /// <summary>Whether all that a reference points to was added: once more would change nothing.</summary>
    public bool HasMerged(string reference) => _merged.Contains(reference);

    /// <summary>Says that all that a reference points to was added.</summary>
    public void AddMerged(string reference) => _merged.Add(reference);

    /// <summary>Whether a further value of a keyword is compared with the one that is there.</summary>
    public bool IsCompared(string keyword) => keyword is not ("properties" or "required") && _values.ContainsKey(keyword);

    /// <summary>Adds a keyword of a schema.</summary>
    /// <exception cref="CinnabarException">It is not supported, or its value is wrong or differs from one that is there.</exception>
    public void Add(string keyword, SchemaElement value)
    {
        switch (keyword)
        {
            case "type":
                AddTypes([.. TypesOf(value)]);
                return;
            case "properties":
                AddProperties(value);
                break;
            case "required":
                AddRequired(value);
                break;
            case "anyOf" or "oneOf" or "const" or "enum":
                break;
            default:
                if (s_annotations.Contains(keyword) || keyword.StartsWith("x-", StringComparison.Ordinal))
                {
                    return;
                }

                if (!s_typeOf.ContainsKey(keyword))
                {
                    throw value.Place.Error(
                        "a keyword that is supported",
                        ErrorText.Quote(keyword),
                        "Remove it or express it with type, properties, items, enum, anyOf, pattern and limits.");
                }

                break;
        }

        bool isCompared = IsCompared(keyword);
        if (!_values.TryAdd(keyword, value) && isCompared && !JsonElement.DeepEquals(_values[keyword].Value, value.Value))
        {
            throw value.Place.Error(
                $"the same value as at {_values[keyword].Place}, since both must hold",
                ErrorText.Quote(value.Value.GetRawText()),
                "Merge the two.");
        }
    }

    /// <summary>
    /// Adds what a schema says of properties and items by what it does not name itself: that depends on its own keywords, not on those of
    /// the others that must hold with it.
    /// </summary>
    /// <exception cref="CinnabarException">Its items would have to hold behind another schema's prefixItems.</exception>
    public void AddRest(SchemaElement schema)
    {
        if (schema.Value.TryGetProperty("additionalProperties", out JsonElement rest) && rest.ValueKind != JsonValueKind.True)
        {
            HashSet<string> named = schema.Value.TryGetProperty("properties", out JsonElement own) && own.ValueKind == JsonValueKind.Object
                ? [.. own.EnumerateObject().Select(property => property.Name)]
                : [];
            _rests.Add((named, schema.Inside(rest, "additionalProperties")));
        }

        bool hasItems = schema.Value.TryGetProperty("items", out _);
        _hasOneOfItems |= hasItems != schema.Value.TryGetProperty("prefixItems", out _);
        if (_hasOneOfItems && Value("items") is SchemaElement items && Value("prefixItems") is not null)
        {
            throw items.Place.Error(
                "items and prefixItems in one schema, since items speaks of what is behind its own prefixItems",
                "them in two that must hold together",
                "Merge the two.");
        }
    }

    /// <summary>Allows only some types.</summary>
    public void AddTypes(IReadOnlyList<string> types)
    {
        string[] common =
        [
            .. types.Where(type => Types is null || Types.Contains(type) || (type == "integer" && Types.Contains("number"))),
            .. Types?.Where(type => type == "integer" && types.Contains("number") && !types.Contains(type)) ?? [],
        ];
        Types = common.Length > 0
            ? common
            : throw Place.Error(
                $"a type that all of its parts allow, {string.Join(" or ", Types!)}",
                string.Join(" or ", types),
                "Correct one of the two.");
    }

    /// <summary>The value of "type" as a list, each type once: one named twice would be read twice.</summary>
    public static IEnumerable<string> TypesOf(SchemaElement type)
    {
        IReadOnlyList<SchemaElement> names = type.Value.ValueKind == JsonValueKind.String ? [type] : ListOf(type);
        IEnumerable<string> types = names.Select(
            name => name.Value.ValueKind == JsonValueKind.String && s_types.Contains(name.Value.GetString())
                ? name.Value.GetString()!
                : throw name.Place.Wrong(string.Join(", ", s_types), name.Value));
        return types.Distinct();
    }

    private void AddProperties(SchemaElement properties)
    {
        if (properties.Value.ValueKind != JsonValueKind.Object)
        {
            throw properties.Place.Wrong("an object of schemas", properties.Value);
        }

        foreach (JsonProperty property in properties.Value.EnumerateObject())
        {
            SchemaElement schema = properties.Inside(property.Value, property.Name);
            _propertySchemas++;
            if (_propertyNumbers.TryGetValue(property.Name, out int number))
            {
                _properties[number].Schemas.Add(schema);
            }
            else
            {
                _propertyNumbers.Add(property.Name, _properties.Count);
                _properties.Add((property.Name, [schema]));
            }
        }
    }

    private void AddRequired(SchemaElement required)
    {
        if (required.Value.ValueKind != JsonValueKind.Array)
        {
            throw required.Place.Wrong("a list of names", required.Value);
        }

        int i = 0;
        foreach (JsonElement name in required.Value.EnumerateArray())
        {
            SchemaPlace place = required.Place.Inside(i++);
            string text = name.ValueKind == JsonValueKind.String ? name.GetString()! : throw place.Wrong("a name", name);
            if (_isRequired.Add(text))
            {
                _required.Add(text);
            }
        }
    }
}
