// $ref: "#" is the whole schema, "#/$defs/a" a part of it by JSON Pointer (RFC 6901: ~1 is '/', ~0 is '~'; and as a URI, %24 is '$').
using System.Text.Json;
using Cinnabar.Checkpoints;

namespace Cinnabar.Constraints;

/// <summary>Finds what references point to.</summary>
/// <param name="root">The whole schema.</param>
internal sealed class SchemaReferences(JsonElement root)
{
    private readonly Dictionary<string, SchemaElement> _found = [];
    private readonly HashSet<string> _names = [];
    private readonly Dictionary<string, Dictionary<string, JsonElement>> _parts = []; // of each container on the way, by its pointer

    /// <summary>A reference without escapes: the same object however it is escaped, so that two are compared at once.</summary>
    public string NameOf(string reference)
    {
        string name = Uri.UnescapeDataString(reference);
        if (!_names.TryGetValue(name, out string? known))
        {
            _names.Add(name);
            known = name;
        }

        return known;
    }

    /// <summary>The part that a reference points to.</summary>
    /// <exception cref="CinnabarException">There is none.</exception>
    public SchemaElement Resolve(string reference, SchemaPlace from)
    {
        if (_found.TryGetValue(reference, out SchemaElement found))
        {
            return found;
        }

        if (reference != "#" && !reference.StartsWith("#/", StringComparison.Ordinal))
        {
            throw from.Error(
                "a reference into this schema, such as #/$defs/name", ErrorText.Quote(reference), "Copy what it points to into $defs.");
        }

        found = new SchemaElement(root, SchemaPlace.Root);
        string pointer = "#";
        foreach (string step in reference.Split('/').Skip(1))
        {
            if (!Parts(pointer, found.Value).TryGetValue(Unescaped(step), out JsonElement part))
            {
                throw from.Error(
                    "a reference to a part that exists", $"{ErrorText.Quote(reference)} without {ErrorText.Quote(step)}", "Correct it.");
            }

            found = new SchemaElement(part, found.Place.Inside(Unescaped(step)));
            pointer = $"{pointer}/{step}";
        }

        return _found[reference] = found;
    }

    private Dictionary<string, JsonElement> Parts(string pointer, JsonElement container)
    {
        if (!_parts.TryGetValue(pointer, out Dictionary<string, JsonElement>? parts))
        {
            parts = container.ValueKind switch
            {
                JsonValueKind.Object => container.EnumerateObject().ToDictionary(member => member.Name, member => member.Value),
                JsonValueKind.Array => container.EnumerateArray().Index().ToDictionary(item => $"{item.Index}", item => item.Item),
                _ => [],
            };
            _parts[pointer] = parts;
        }

        return parts;
    }

    private static string Unescaped(string step) =>
        Uri.UnescapeDataString(step).Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal);
}
