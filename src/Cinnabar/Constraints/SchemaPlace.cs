// Where in a schema something stands, as a chain of steps from the root; spelled out as a JSON Pointer (RFC 6901) only for messages, since
// a schema has many places.
using System.Text.Json;
using Cinnabar.Checkpoints;

namespace Cinnabar.Constraints;

/// <summary>A place in a JSON schema.</summary>
/// <param name="Parent">The place around it; null at the root.</param>
/// <param name="Step">The name or number that leads here.</param>
internal sealed record SchemaPlace(SchemaPlace? Parent, string Step)
{
    private const int MaxShown = 20; // last steps, in messages

    /// <summary>The whole schema.</summary>
    public static SchemaPlace Root { get; } = new(null, "");

    /// <summary>A place inside this one.</summary>
    public SchemaPlace Inside(string step) => new(this, step);

    /// <summary>A place inside this list.</summary>
    public SchemaPlace Inside(int item) => new(this, item.ToString(System.Globalization.CultureInfo.InvariantCulture));

    /// <summary>As messages begin: "JSON schema, #/properties/a".</summary>
    public override string ToString()
    {
        Stack<string> steps = new();
        for (SchemaPlace place = this; place.Parent is not null; place = place.Parent)
        {
            if (steps.Count == MaxShown)
            {
                steps.Push("/…");
                break;
            }

            string step = ErrorText.Quote(place.Step)[1..^1]; // cut, and without control characters
            steps.Push("/" + step.Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal));
        }

        return $"JSON schema, #{string.Concat(steps)}";
    }

    /// <summary>The exception for what stands here.</summary>
    public CinnabarException Error(string expected, string found, string remedy) =>
        new($"{this}: expected {expected}, found {found}.", remedy);

    /// <summary>The exception for a value of the wrong kind or out of range.</summary>
    public CinnabarException Wrong(string expected, JsonElement found) =>
        Error(expected, ErrorText.Quote(found.GetRawText()), "Correct the schema.");
}

/// <summary>A part of a schema and where it stands.</summary>
internal readonly record struct SchemaElement(JsonElement Value, SchemaPlace Place);
