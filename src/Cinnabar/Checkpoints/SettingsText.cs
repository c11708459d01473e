using System.Buffers;
using System.Globalization;
using System.Text.Json;

namespace Cinnabar.Checkpoints;

/// <summary>Writes settings files: one key per line, in the order given, two spaces, a line feed at the end.</summary>
internal static class SettingsText
{
    /// <summary>An object from keys and values that are already JSON.</summary>
    public static byte[] ObjectOf(IEnumerable<KeyValuePair<string, string>> values)
    {
        ArrayBufferWriter<byte> text = new();
        using (Utf8JsonWriter json = new(text, new JsonWriterOptions { Indented = true, NewLine = "\n" }))
        {
            json.WriteStartObject();
            foreach ((string key, string value) in values)
            {
                json.WritePropertyName(key);
                json.WriteRawValue(value);
            }

            json.WriteEndObject();
        }

        text.Write("\n"u8);
        return text.WrittenSpan.ToArray();
    }

    /// <summary>
    /// One value as JSON: null, true, false, a whole number, or a number that keeps its point ("500000.0"), as Python expects of a
    /// float.
    /// </summary>
    public static string ValueOf(object? value) => value switch
    {
        null => "null",
        bool flag => flag ? "true" : "false",
        double number when double.IsInteger(number) && Math.Abs(number) < 1e15 => number.ToString("F1", CultureInfo.InvariantCulture),
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        _ => throw new ArgumentException($"No JSON for {value.GetType()}.", nameof(value)),
    };
}
