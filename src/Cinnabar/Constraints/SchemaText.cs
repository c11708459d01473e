// The text of a JSON schema → a document that is safe to walk: of bounded size and depth, every string whole (no half surrogate pairs),
// no name twice in an object, no exponent that an int does not hold. JsonDocument lets some of this through and does not say where the rest
// is, so a reader looks first.
using System.Globalization;
using System.Text;
using System.Text.Json;
using Cinnabar.Checkpoints;

namespace Cinnabar.Constraints;

/// <summary>Reads the text of a schema.</summary>
internal static class SchemaText
{
    private const int MaxLength = 1 << 20;
    private const int MaxDepth = 128;
    private const int MaxExponent = 1_000_000_000; // JsonElement.DeepEquals throws on those beyond an int

    /// <summary>The document.</summary>
    /// <exception cref="CinnabarException">It is not JSON, or too large or deep, a name occurs twice, or an exponent is huge.</exception>
    public static JsonDocument Parse(string schema)
    {
        if (schema.Length > MaxLength)
        {
            throw SchemaPlace.Root.Error($"at most {MaxLength} characters", $"{schema.Length}", "Shorten it.");
        }

        try
        {
            byte[] utf8 = new UTF8Encoding(false, throwOnInvalidBytes: true).GetBytes(schema);
            Check(utf8);
            return JsonDocument.Parse(utf8, new JsonDocumentOptions { MaxDepth = MaxDepth });
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or EncoderFallbackException)
        {
            // InvalidOperationException: the escape of half a surrogate pair; EncoderFallbackException: such a half as it is.
            throw SchemaPlace.Root.Error("a valid JSON text", ErrorText.Quote(e.Message), "Correct it.");
        }
    }

    private static void Check(byte[] utf8)
    {
        Utf8JsonReader reader = new(utf8, new JsonReaderOptions { MaxDepth = MaxDepth + 1 });
        Stack<HashSet<string>?> open = new(); // the names of each open object; null for an array
        SchemaPlace place = SchemaPlace.Root; // of the value that is read next, or of its array
        while (reader.Read())
        {
            switch (reader.TokenType)
            {
                case JsonTokenType.PropertyName:
                    string name = reader.GetString()!;
                    place = place.Inside(name);
                    if (!open.Peek()!.Add(name))
                    {
                        throw place.Error("each name once in an object", "it twice", "Remove one of the two.");
                    }

                    break;
                case JsonTokenType.StartObject or JsonTokenType.StartArray when open.Count == MaxDepth:
                    throw place.Error($"at most {MaxDepth} objects and arrays in one another", "more", "Write inner schemas in $defs.");
                case JsonTokenType.StartObject:
                    open.Push([]);
                    break;
                case JsonTokenType.StartArray:
                    open.Push(null);
                    place = place.Inside("-"); // any item; stepped out of at its end
                    break;
                case JsonTokenType.EndArray:
                    open.Pop();
                    place = Behind(place.Parent!, open);
                    break;
                case JsonTokenType.EndObject:
                    open.Pop();
                    place = Behind(place, open);
                    break;
                case JsonTokenType.Number:
                    CheckExponent(reader.ValueSpan, place);
                    place = Behind(place, open);
                    break;
                case JsonTokenType.String:
                    reader.GetString();
                    place = Behind(place, open);
                    break;
                default:
                    place = Behind(place, open);
                    break;
            }
        }
    }

    private static void CheckExponent(ReadOnlySpan<byte> number, SchemaPlace place)
    {
        int e = number.IndexOfAny((byte)'e', (byte)'E');
        if (e < 0)
        {
            return;
        }

        bool isRead = int.TryParse(number[(e + 1)..], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int exponent);
        if (!isRead || Math.Abs((long)exponent) > MaxExponent)
        {
            throw place.Error(
                $"an exponent from -{MaxExponent} to {MaxExponent}",
                ErrorText.Quote(Encoding.UTF8.GetString(number)),
                "Write a number that is nearer to 1.");
        }
    }

    // Behind a value that was a member, the place is its object again; items share a place.
    private static SchemaPlace Behind(SchemaPlace place, Stack<HashSet<string>?> open) =>
        open.TryPeek(out HashSet<string>? names) && names is not null ? place.Parent! : place;
}
