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

/// <summary>A part of a schema, where it stands, and the references that led to it.</summary>
/// <param name="Value">The part.</param>
/// <param name="Place">Where it stands.</param>
/// <param name="Through">The innermost reference that led to it; null: none did.</param>
internal readonly record struct SchemaElement(JsonElement Value, SchemaPlace Place, ReferenceChain? Through = null)
{
    /// <summary>A part of this one.</summary>
    public SchemaElement Inside(JsonElement part, string step) => new(part, Place.Inside(step), Through);

    /// <summary>An item of this list.</summary>
    public SchemaElement Inside(JsonElement part, int item) => new(part, Place.Inside(item), Through);
}

/// <summary>References that lie inside one another, from the innermost to the outermost.</summary>
/// <param name="name">What it refers to; the same object for all references to the same.</param>
/// <param name="outer">The reference around it; null: none.</param>
internal sealed class ReferenceChain(string name, ReferenceChain? outer)
{
    private readonly string _name = name;
    private readonly ReferenceChain? _outer = outer;

    /// <summary>Number of references.</summary>
    public int Length { get; } = 1 + (outer?.Length ?? 0);

    /// <summary>How many of them refer to this.</summary>
    public int CountOf(string referred)
    {
        int count = 0;
        for (ReferenceChain? at = this; at is not null; at = at._outer)
        {
            count += ReferenceEquals(at._name, referred) ? 1 : 0;
        }

        return count;
    }
}
