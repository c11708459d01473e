using System.Text.Json;

namespace Cinnabar.Training.Corpora;

/// <summary>Takes documents out of JSON lines (<see cref="DocumentCut"/>).</summary>
internal static class JsonLinesCut
{
    private static readonly JsonDocumentOptions s_strict = new() { AllowDuplicateProperties = false, MaxDepth = 16 };

    /// <summary>The documents of a file, in their order; those without visible characters are left out.</summary>
    /// <param name="text">JSON objects, one a line; blank lines are passed over.</param>
    /// <param name="cut">Has a text property.</param>
    /// <param name="path">The file, for messages.</param>
    /// <exception cref="CinnabarException">A line is no object, or lacks a property.</exception>
    public static IEnumerable<CutDocument> Documents(string text, DocumentCut cut, string path)
    {
        List<string> joined = [];
        (string? Join, string? Whole) open = default;
        foreach ((int index, string line) in Lines(text).Index())
        {
            if (string.IsNullOrWhiteSpace(line))
            {
                continue;
            }

            Row row = Read(line, cut, $"{path}, line {index + 1}");
            if (joined.Count > 0 && (cut.Join is null || row.Join != open.Join))
            {
                yield return new CutDocument(string.Join('\n', joined), open.Whole);
                joined.Clear();
            }

            if (string.IsNullOrWhiteSpace(row.Text))
            {
                continue;
            }

            if (joined.Count == 0)
            {
                open = (row.Join, row.Whole);
            }

            joined.Add(joined.Count == 0 && !string.IsNullOrWhiteSpace(row.Title) ? $"{row.Title}\n\n{row.Text}" : row.Text);
        }

        if (joined.Count > 0)
        {
            yield return new CutDocument(string.Join('\n', joined), open.Whole);
        }
    }

    private static Row Read(string line, DocumentCut cut, string place)
    {
        try
        {
            using JsonDocument json = JsonDocument.Parse(line, s_strict);
            JsonElement row = json.RootElement;
            if (row.ValueKind != JsonValueKind.Object)
            {
                throw Wrong(place, "a JSON object", $"{row.ValueKind}");
            }

            string text = Property(row, cut.Text!, place) is { ValueKind: JsonValueKind.Array } turns
                ? string.Join('\n', turns.EnumerateArray().Select(turn => Turn(turn, cut.Text!, place)))
                : String(row, cut.Text!, place);
            return new Row(text, Of(cut.Title), Of(cut.Join), Of(cut.Whole));

            string? Of(string? name) => name is null ? null : String(row, name, place);
        }
        catch (Exception failure) when (failure is JsonException or InvalidOperationException)
        {
            // InvalidOperationException: the escape of half a surrogate pair.
            throw new CinnabarException(
                $"{place}: expected valid JSON without a property twice, found a fault.",
                "Correct the line, or fetch the file again.",
                failure);
        }
    }

    private static JsonElement Property(JsonElement row, string name, string place) =>
        row.TryGetProperty(name, out JsonElement value) ? value : throw Wrong(place, $"the property \"{name}\"", "none");

    private static string String(JsonElement row, string name, string place) =>
        Property(row, name, place) is { ValueKind: JsonValueKind.String } value
            ? value.GetString()!
            : throw Wrong(place, $"a text as \"{name}\"", $"{Property(row, name, place).ValueKind}");

    private static string Turn(JsonElement turn, string name, string place) =>
        turn.ValueKind == JsonValueKind.Array && turn.GetArrayLength() == 2
            && turn[0].ValueKind == JsonValueKind.String && turn[1].ValueKind == JsonValueKind.String
            ? $"{turn[0].GetString()}: {turn[1].GetString()}"
            : throw Wrong(place, $"turns [speaker, words] in \"{name}\"", "another value");

    private static CinnabarException Wrong(string place, string expected, string found) =>
        new($"{place}: expected {expected}, found {found}.", "Correct the line or the cut, or fetch the file again.");

    private static IEnumerable<string> Lines(string text)
    {
        using StringReader reader = new(text);
        while (reader.ReadLine() is { } line)
        {
            yield return line;
        }
    }

    private readonly record struct Row(string Text, string? Title, string? Join, string? Whole);
}
