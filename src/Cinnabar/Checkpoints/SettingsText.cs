using System.Buffers;
using System.Globalization;
using System.Text.Encodings.Web;
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
    /// A file with one key set, all others as they are. A new key goes before the first that is greater, which is its place where the keys
    /// are in order.
    /// </summary>
    /// <param name="settings">The file.</param>
    /// <param name="key">The key.</param>
    /// <param name="value">Its value as JSON.</param>
    public static byte[] With(JsonSettings settings, string key, string value)
    {
        List<KeyValuePair<string, string>> values = [.. settings.RawValues];
        int at = values.FindIndex(pair => pair.Key == key);
        if (at >= 0)
        {
            values[at] = KeyValuePair.Create(key, value);
        }
        else
        {
            at = values.FindIndex(pair => string.CompareOrdinal(pair.Key, key) > 0);
            values.Insert(at < 0 ? values.Count : at, KeyValuePair.Create(key, value));
        }

        return ObjectOf(values);
    }

    /// <summary>
    /// One value as JSON: null, true, false, a text, a whole number, or a number that keeps its point ("500000.0"), as Python expects of
    /// a float.
    /// </summary>
    public static string ValueOf(object? value) => value switch
    {
        null => "null",
        bool flag => flag ? "true" : "false",
        string text => $"\"{JsonEncodedText.Encode(text, JavaScriptEncoder.UnsafeRelaxedJsonEscaping)}\"",
        double number when double.IsInteger(number) && Math.Abs(number) < 1e15 => number.ToString("F1", CultureInfo.InvariantCulture),
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        _ => throw new ArgumentException($"No JSON for {value.GetType()}.", nameof(value)),
    };
}
