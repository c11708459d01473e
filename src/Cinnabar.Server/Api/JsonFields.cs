using System.Text.Json;

namespace Cinnabar.Server.Api;

/// <summary>
/// The fields of a JSON object. Each is asked for by name, with its type and range; <see cref="Finish"/> then refuses those that nobody
/// asked for, so that no field of a request is ignored without a word.
/// </summary>
/// <param name="source">A JSON object without a name twice.</param>
/// <param name="path">What leads to it; empty: it is the body.</param>
internal sealed class JsonFields(JsonElement source, string path)
{
    private readonly HashSet<string> _asked = [];
    private readonly List<JsonFields> _inside = [];

    /// <summary>Whether there is a field of this name, even null.</summary>
    public bool Has(string name) => source.TryGetProperty(name, out _);

    /// <summary>A field; null: there is none, or it is null.</summary>
    public JsonField? Get(string name)
    {
        _asked.Add(name);
        return source.TryGetProperty(name, out JsonElement value) && value.ValueKind != JsonValueKind.Null
            ? new JsonField(value, PathOf(name), this)
            : null;
    }

    /// <summary>A field that must be there.</summary>
    /// <exception cref="ApiException">400: it is not.</exception>
    public JsonField Require(string name) => Get(name) ?? throw ApiException.Invalid(
        $"Expected the field {PathOf(name)}, found {(Has(name) ? "null" : "none of that name")}. Add it.", PathOf(name));

    /// <inheritdoc cref="JsonField.Integer"/>
    public int? Integer(string name, int least, int most) => (int?)Get(name)?.Integer(least, most);

    /// <inheritdoc cref="JsonField.Number"/>
    public double? Number(string name, double least, double most, bool aboveLeast = false) => Get(name)?.Number(least, most, aboveLeast);

    /// <inheritdoc cref="JsonField.Flag"/>
    public bool? Flag(string name) => Get(name)?.Flag();

    /// <summary>Accepts a field of any value: a hint that changes nothing here.</summary>
    public void Accept(params ReadOnlySpan<string> names)
    {
        foreach (string name in names)
        {
            _asked.Add(name);
        }
    }

    /// <summary>Accepts whatever the object holds.</summary>
    public void AcceptAll() => Accept([.. source.EnumerateObject().Select(property => property.Name)]);

    /// <summary>Accepts a field only if it says that something is not wanted: null, false, 0, "", "none", [] or {}.</summary>
    /// <param name="name">The field.</param>
    /// <param name="remedy">What to do instead.</param>
    /// <param name="also">JSON of further values that are accepted.</param>
    /// <exception cref="ApiException">400: it asks for what this server does not do.</exception>
    public void Refuse(string name, string remedy, params ReadOnlySpan<string> also)
    {
        if (Get(name) is JsonField field && !field.IsOff(also))
        {
            throw field.Wrong(also.IsEmpty ? "off" : $"off or {string.Join(" or ", also.ToArray())}", remedy: remedy);
        }
    }

    /// <summary>Refuses what was not asked for.</summary>
    /// <exception cref="ApiException">400: there is such a field.</exception>
    public void Finish()
    {
        foreach (JsonProperty property in source.EnumerateObject())
        {
            if (!_asked.Contains(property.Name))
            {
                throw ApiException.Invalid(
                    $"Expected only fields of this endpoint, found {PathOf(property.Name)}, which is none of them. "
                    + "Remove it, or look in GET /openapi.json for its right name.",
                    PathOf(property.Name));
            }
        }

        _inside.ForEach(fields => fields.Finish());
    }

    /// <summary>Finishes with this object one that is inside of it.</summary>
    public void Add(JsonFields inside) => _inside.Add(inside);

    private string PathOf(string name) => path.Length == 0 ? ShortText.Of(name) : $"{path}.{ShortText.Of(name)}";
}
