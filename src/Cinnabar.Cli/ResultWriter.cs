// The machine-readable contract of the commands: with --json one object on standard output, nothing else, keys in snake_case.
// A key may be added, never renamed or removed.
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Cinnabar.Cli;

internal static class ResultWriter
{
    private const int MostHolesShown = 8;

    // Keeps letters of all scripts readable; control characters are escaped all the same.
    private static readonly JsonWriterOptions s_options = new()
    {
        Indented = true,
        NewLine = "\n",
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>Writes one object to standard output.</summary>
    public static void WriteJson(Action<Utf8JsonWriter> members)
    {
        using MemoryStream stream = new();
        using (Utf8JsonWriter json = new(stream, s_options))
        {
            json.WriteStartObject();
            members(json);
            json.WriteEndObject();
        }

        Console.Out.Write(Encoding.UTF8.GetString(stream.ToArray()) + "\n");
    }

    /// <summary>The members for a finished text.</summary>
    public static void WriteMembers(Utf8JsonWriter json, GenerationResult result)
    {
        json.WriteString("text", result.Text);
        json.WriteStartArray("holes");
        foreach (FilledHole hole in result.Holes)
        {
            json.WriteStartObject();
            json.WriteNumber("index", hole.Index);
            json.WriteString("text", hole.Text);
            WriteIds(json, hole.TokenIds);
            json.WriteNumber("tokens", hole.TokenIds.Count);
            json.WriteNumber("canvas_length", hole.CanvasLength);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        WriteIds(json, result.TokenIds);
        json.WriteNumber("omitted_tokens", result.OmittedTokens);
        json.WriteNumber("new_tokens", result.NewTokens);
        json.WriteNumber("steps", result.Steps);
        json.WriteNumber("forward_passes", result.ForwardPasses);
        json.WriteNumber("length_passes", result.LengthPasses);
        json.WriteNumber("computed_positions", result.ComputedPositions);
        if (result.CacheDrift is float drift)
        {
            json.WriteNumber("cache_drift", Math.Round(drift, 4));
        }

        json.WriteNumber("seconds", Math.Round(result.Elapsed.TotalSeconds, 4));
        json.WriteNumber("tokens_per_second", Math.Round(result.TokensPerSecond, 2));
        json.WriteNumber("seed", result.Seed);
        json.WriteString("model", result.Model);
    }

    /// <summary>What the result cost, for people.</summary>
    public static string Summary(GenerationResult result) =>
        $"{result.NewTokens} tokens{LengthsText(result)} in {result.Steps} steps, {result.Elapsed.TotalSeconds:F1} s, "
        + $"{result.TokensPerSecond:F0} tokens/s, "
        + $"{result.Elapsed.TotalSeconds / Math.Max(1, result.ForwardPasses + result.LengthPasses):G2} s per pass "
        + $"(model {result.Model}, seed {result.Seed})";

    /// <summary>What the passes computed, and how far a cache has drifted.</summary>
    public static string Details(GenerationResult result)
    {
        string drift = result.CacheDrift is float change
            ? $"the logit of a committed token had changed by at most {change:F2} at a refresh"
            : "no cache was refreshed";
        return $"{result.ForwardPasses} passes over {result.ComputedPositions} positions in all; {drift}";
    }

    // Of several holes the tokens of each, if they fit on a line; and what finding the lengths took.
    private static string LengthsText(GenerationResult result)
    {
        bool lists = result.Holes.Count is > 1 and <= MostHolesShown;
        string each = lists ? $" ({string.Join(" + ", result.Holes.Select(hole => hole.TokenIds.Count))})" : "";
        return result.LengthPasses > 0 ? $"{each}, lengths found in {result.LengthPasses} passes," : each;
    }

    private static void WriteIds(Utf8JsonWriter json, IReadOnlyList<int> ids)
    {
        json.WritePropertyName("token_ids");
        json.WriteRawValue($"[{string.Join(", ", ids)}]", skipInputValidation: true);
    }
}
