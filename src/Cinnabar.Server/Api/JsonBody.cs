// The body of a request, read strictly. What JSON libraries let through and no client means is refused, and by the name of its field:
//
//   a name twice in one object            1e999, which would become infinity
//   half of a surrogate pair (\ud800)     U+0000, which no text holds and many programs take for its end
//   more than 64 levels                   bytes that are not UTF-8
//
// One pass over the tokens looks for these and keeps the path to where it stands; only then is the document built.
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;
using Microsoft.AspNetCore.Http;

namespace Cinnabar.Server.Api;

/// <summary>Reads the JSON object that a request brings.</summary>
internal static class JsonBody
{
    private const int LevelsShown = 6;

    /// <summary>Reads the body of a request.</summary>
    /// <exception cref="ApiException">400: it is no strict JSON object.</exception>
    public static async Task<JsonFields> ReadAsync(HttpContext http)
    {
        using MemoryStream body = new();
        await http.Request.Body.CopyToAsync(body, http.RequestAborted).ConfigureAwait(false);
        return Parse(body.GetBuffer().AsSpan(0, (int)body.Length));
    }

    /// <summary>Reads a body.</summary>
    /// <exception cref="ApiException">400: it is no strict JSON object.</exception>
    public static JsonFields Parse(ReadOnlySpan<byte> body)
    {
        if (!Utf8.IsValid(body))
        {
            throw ApiException.Invalid("Expected a body in UTF-8, found bytes that are not. Send UTF-8.", param: null);
        }

        Check(body);
        Utf8JsonReader reader = new(body, new JsonReaderOptions { MaxDepth = ServerOptions.MaxJsonDepth });
        JsonElement root = JsonElement.ParseValue(ref reader);
        return root.ValueKind == JsonValueKind.Object ? new JsonFields(root, path: "") : throw ApiException.Invalid(
            $"Expected a JSON object as the body, found {JsonField.Describe(root)}. Send {{\"model\": …}} and the like.", param: null);
    }

    private static void Check(ReadOnlySpan<byte> body)
    {
        Utf8JsonReader reader = new(body, new JsonReaderOptions { MaxDepth = ServerOptions.MaxJsonDepth });
        List<Level> levels = [];
        try
        {
            while (reader.Read())
            {
                CheckToken(ref reader, levels);
            }
        }
        catch (JsonException error)
        {
            throw ApiException.Invalid(
                $"Expected JSON of at most {ServerOptions.MaxJsonDepth} levels, found a mistake at byte {reader.BytesConsumed}: "
                + $"{FirstSentence(error.Message)} Correct the body.",
                PathOf(levels));
        }
        catch (InvalidOperationException)
        {
            throw ApiException.Invalid(
                "Expected Unicode text, found half of a surrogate pair. Send both halves, or the character itself.", PathOf(levels));
        }
    }

    private static void CheckToken(ref Utf8JsonReader reader, List<Level> levels)
    {
        switch (reader.TokenType)
        {
            case JsonTokenType.PropertyName:
                levels[^1].Enter(reader.GetString()!);
                if (!levels[^1].IsNew)
                {
                    throw ApiException.Invalid("Expected each field once, found this one twice. Remove one of them.", PathOf(levels));
                }

                return;
            case JsonTokenType.EndObject or JsonTokenType.EndArray:
                levels.RemoveAt(levels.Count - 1);
                break;
            case JsonTokenType.StartObject or JsonTokenType.StartArray:
                levels.Add(new Level(isList: reader.TokenType == JsonTokenType.StartArray));
                return;
            case JsonTokenType.String when reader.ValueIsEscaped && reader.GetString()!.Contains('\0'):
                throw ApiException.Invalid("Expected text, found the character U+0000 in it. Remove it.", PathOf(levels));
            case JsonTokenType.Number when !(reader.TryGetDouble(out double number) && double.IsFinite(number)):
                throw ApiException.Invalid("Expected a number that fits into 64 bits, found a larger one. Correct it.", PathOf(levels));
        }

        if (levels.Count > 0)
        {
            levels[^1].Leave();
        }
    }

    // messages[2].content; no deeper than any field of ours.
    private static string? PathOf(List<Level> levels)
    {
        StringBuilder path = new();
        foreach (Level level in levels.Take(LevelsShown))
        {
            path.Append(level.IsList ? string.Create(CultureInfo.InvariantCulture, $"[{level.Index}]")
                : path.Length > 0 && level.Name.Length > 0 ? $".{ShortText.Of(level.Name)}" : ShortText.Of(level.Name));
        }

        return path.Length == 0 ? null : path.ToString();
    }

    // Behind it come a path and a position of the library's own.
    private static string FirstSentence(string message)
    {
        int end = message.IndexOf(". ", StringComparison.Ordinal);
        return end < 0 ? message : message[..(end + 1)];
    }

    // An object or a list that is being read, and the value in it.
    private sealed class Level(bool isList)
    {
        private readonly HashSet<string> _names = [];

        public bool IsList => isList;

        public string Name { get; private set; } = "";

        public int Index { get; private set; }

        public bool IsNew { get; private set; }

        public void Enter(string name) => (Name, IsNew) = (name, _names.Add(name));

        public void Leave() => Index++;
    }
}
