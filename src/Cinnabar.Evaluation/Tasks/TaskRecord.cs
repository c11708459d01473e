using System.Globalization;
using System.Text.Json;

namespace Cinnabar.Evaluation.Tasks;

/// <summary>A JSON object of a task's file; faults are told by file and line, or by file and number of the object.</summary>
internal sealed class TaskRecord
{
    private readonly string _place;
    private readonly JsonElement _object;

    private TaskRecord(string place, JsonElement value)
    {
        _place = place;
        _object = value.ValueKind == JsonValueKind.Object ? value : throw Wrong("a JSON object", Kind(value));
    }

    /// <summary>The objects of a file that has one on each line.</summary>
    /// <exception cref="CinnabarException">A line is no JSON object.</exception>
    public static IEnumerable<TaskRecord> OfLines(TaskFile file) =>
        file.Lines.Select((line, i) =>
        {
            string place = $"'{file.Name}', line {i + 1}";
            return new TaskRecord(place, Parse(place, line));
        });

    /// <summary>The objects of a file that is one JSON list.</summary>
    /// <exception cref="CinnabarException">It is none, or it is empty, or an element is no object.</exception>
    public static IEnumerable<TaskRecord> OfList(TaskFile file)
    {
        JsonElement list = Parse($"'{file.Name}'", string.Join('\n', file.Lines));
        return list.ValueKind == JsonValueKind.Array && list.GetArrayLength() > 0
            ? list.EnumerateArray().Select((value, i) => new TaskRecord($"'{file.Name}', object {i + 1}", value))
            : throw Wrong($"'{file.Name}'", "a JSON list of objects", list.ValueKind == JsonValueKind.Array ? "an empty list" : Kind(list));
    }

    /// <summary>The text under a key.</summary>
    /// <exception cref="CinnabarException">There is none.</exception>
    public string Text(string key)
    {
        try
        {
            if (!_object.TryGetProperty(key, out JsonElement value))
            {
                throw Wrong($"the key \"{key}\"", "none");
            }

            return value.ValueKind == JsonValueKind.String ? value.GetString()! : throw Wrong($"a text as \"{key}\"", Kind(value));
        }
        catch (InvalidOperationException e)
        {
            throw Wrong($"a text as \"{key}\"", "the escape of half a surrogate pair", e);
        }
    }

    /// <summary>The exception for an object that is not as expected.</summary>
    public CinnabarException Wrong(string expected, string found, Exception? inner = null) => Wrong(_place, expected, found, inner);

    private static CinnabarException Wrong(string place, string expected, string found, Exception? inner = null) =>
        new($"{place}: expected {expected}, found {found}.", "Correct it, or fetch the file again.", inner);

    private static JsonElement Parse(string place, string json)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(json, new JsonDocumentOptions { AllowDuplicateProperties = false });
            return document.RootElement.Clone();
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // InvalidOperationException: a key with the escape of half a surrogate pair. What the file holds is not repeated: it may
            // be anything.
            string where = e is JsonException { LineNumber: long line, BytePositionInLine: long at }
                ? string.Create(CultureInfo.InvariantCulture, $" at byte {at + 1} of line {line + 1} of it")
                : "";
            throw Wrong(place, "valid JSON without a key twice", $"a fault{where}", e);
        }
    }

    private static string Kind(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => "an object",
        JsonValueKind.Array => "a list",
        JsonValueKind.String => "a text",
        JsonValueKind.Number => "a number",
        JsonValueKind.Null => "null",
        _ => "true or false",
    };
}
