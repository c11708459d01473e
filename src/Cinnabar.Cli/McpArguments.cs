using System.Text.Json;

namespace Cinnabar.Cli;

/// <summary>The arguments of a tool call, read once each by name; null counts as absent.</summary>
/// <param name="given">As they came; null: none.</param>
internal sealed class McpArguments(IDictionary<string, JsonElement>? given)
{
    private const int MostShown = 60;

    private readonly Dictionary<string, JsonElement> _left = new(given ?? new Dictionary<string, JsonElement>());
    private readonly List<string> _known = [];

    /// <summary>A text that must be there.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="most">Its length in characters, at most.</param>
    /// <exception cref="CinnabarException">It is absent, too long, no text, or no Unicode text.</exception>
    public string RequiredText(string name, int most)
    {
        JsonElement? element = Take(name);
        if (element is not { ValueKind: JsonValueKind.String } text)
        {
            throw Wrong(name, "a text", element);
        }

        string value;
        try
        {
            value = text.GetString()!;
        }
        catch (InvalidOperationException error)
        {
            throw new CinnabarException(
                $"Expected the argument {name} to be Unicode text, found half of a surrogate pair.", "Remove it.", error);
        }

        return value.Length <= most ? value : throw new CinnabarException(
            $"Expected the argument {name} to have at most {most} characters, found {value.Length}.", "Shorten it.");
    }

    /// <summary>A whole number; null: absent.</summary>
    /// <exception cref="CinnabarException">It is no whole number, or out of range.</exception>
    public long? Whole(string name, long least, long most)
    {
        JsonElement? element = Take(name);
        if (element is null)
        {
            return null;
        }

        long? value = element is { ValueKind: JsonValueKind.Number } number ? WholeOf(number) : null;
        return value >= least && value <= most
            ? value
            : throw Wrong(name, $"a whole number, {least} … {most}", element);
    }

    /// <summary>A number; null: absent.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="least">At least.</param>
    /// <param name="most">At most.</param>
    /// <exception cref="CinnabarException">It is no number, or out of range.</exception>
    public double? Number(string name, double least, double most)
    {
        JsonElement? element = Take(name);
        if (element is null)
        {
            return null;
        }

        double value = element is { ValueKind: JsonValueKind.Number } number && number.TryGetDouble(out double found) ? found : double.NaN;
        return value >= least && value <= most
            ? value
            : throw Wrong(name, $"a number, {least} … {most}", element);
    }

    /// <summary>Throws if there is an argument that was not asked for.</summary>
    /// <exception cref="CinnabarException">It names it.</exception>
    public void RequireNoOther()
    {
        if (_left.Count > 0)
        {
            throw new CinnabarException(
                $"Expected the arguments {string.Join(", ", _known)}, found '{Shown(_left.Keys.First())}'.", "Leave it out.");
        }
    }

    private JsonElement? Take(string name)
    {
        _known.Add(name);
        return _left.Remove(name, out JsonElement element) && element.ValueKind != JsonValueKind.Null ? element : null;
    }

    // To JSON Schema 5.0 is an integer, and some clients send every number so.
    private static long? WholeOf(JsonElement number)
    {
        if (number.TryGetInt64(out long whole))
        {
            return whole;
        }

        bool isWhole = number.TryGetDouble(out double value) && value == Math.Floor(value) && Math.Abs(value) < long.MaxValue;
        return isWhole ? (long)value : null;
    }

    private static CinnabarException Wrong(string name, string expected, JsonElement? found) => new(
        $"Expected the argument {name} to be {expected}, "
        + $"found {(found is JsonElement element ? Shown(element.GetRawText()) : "nothing")}.",
        $"Change {name}.");

    private static string Shown(string text) => TerminalText.Shortened(text, MostShown);
}
