// value | tojson: Python's json.dumps(value, ensure_ascii=False, indent=None, separators=None, sort_keys=False), as transformers has it.
//
//   no indent   {"a": 1, "b": [1, 2]}
//   indent=2    a line for each element, "," without a space at line ends; [] and {} stay so
//
// Escaped are ", \ and control characters below U+0020 only. Not a JSON value (undefined, a macro …): a fault, as in Python.
// And the way back: JSON to values, for messages, tools and variables. JSON that models read as text without a template (descriptions of
// tools, calls of earlier turns) goes both ways, so that it looks the same (TextOf).
using System.Globalization;
using System.Numerics;
using System.Text;
using System.Text.Json;

namespace Cinnabar.Chat.Jinja;

/// <summary>Values to JSON and back.</summary>
internal static class PythonJson
{
    private const int MaxDigits = 400;

    /// <summary>json.dumps.</summary>
    /// <param name="context">For limits and errors.</param>
    /// <param name="value">What to write.</param>
    /// <param name="layout">Indent and separators.</param>
    public static string Dumps(JinjaContext context, object? value, JsonLayout layout)
    {
        StringBuilder builder = new();
        Write(context, builder, value, layout, depth: 0);
        return builder.ToString();
    }

    /// <summary>A JSON element as models are shown it: what the filter writes without arguments.</summary>
    /// <param name="element">The element.</param>
    /// <param name="where">Where it is from, for messages.</param>
    /// <exception cref="CinnabarException">
    /// A text holds half a surrogate pair, a number has too many digits, or it is too deep or too long.
    /// </exception>
    public static string TextOf(JsonElement element, string where) =>
        Dumps(new JinjaContext(where, new JinjaScope(null), TimeProvider.System), FromJson(element, where), JsonLayout.OneLine);

    /// <summary>The value of a JSON element.</summary>
    /// <exception cref="CinnabarException">A text holds half a surrogate pair, a number has too many digits, or it is too deep.</exception>
    public static object? FromJson(JsonElement element, string where) => FromJson(element, where, depth: 0);

    private static object? FromJson(JsonElement element, string where, int depth)
    {
        if (depth > JinjaLimits.Nesting)
        {
            throw Wrong(where, $"lists and objects inside each other at most {JinjaLimits.Nesting} deep", "deeper ones");
        }

        switch (element.ValueKind)
        {
            case JsonValueKind.Object:
                JinjaDict dict = new();
                foreach (JsonProperty property in element.EnumerateObject())
                {
                    dict[Text(() => property.Name, where)] = FromJson(property.Value, where, depth + 1);
                }

                return dict;
            case JsonValueKind.Array:
                return new JinjaList([.. element.EnumerateArray().Select(item => FromJson(item, where, depth + 1))]);
            case JsonValueKind.String:
                return Text(() => element.GetString()!, where);
            case JsonValueKind.True or JsonValueKind.False:
                return element.ValueKind == JsonValueKind.True;
            case JsonValueKind.Number:
                return Number(element.GetRawText(), where);
            case JsonValueKind.Null:
                return null;
            default:
                throw Wrong(where, "a JSON value", "none");
        }
    }

    private static object Number(string digits, string where)
    {
        if (digits.Length > MaxDigits)
        {
            throw Wrong(where, $"numbers of at most {MaxDigits} digits", $"one of {digits.Length}");
        }

        if (digits.AsSpan().ContainsAny(".eE"))
        {
            return double.Parse(digits, CultureInfo.InvariantCulture);
        }

        return long.TryParse(digits, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long number)
            ? (object)number // without the cast it would become a BigInteger
            : BigInteger.Parse(digits, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
    }

    private static string Text(Func<string> read, string where)
    {
        try
        {
            return read();
        }
        catch (InvalidOperationException e)
        {
            throw new CinnabarException(
                $"{where}: expected texts of whole characters, found half a surrogate pair.", "Correct the text.", e);
        }
    }

    private static CinnabarException Wrong(string where, string expected, string found) =>
        new($"{where}: expected {expected}, found {found}.", "Correct the message, tool or variable.");

    private static void Write(JinjaContext context, StringBuilder builder, object? value, JsonLayout layout, int depth)
    {
        if (depth > JinjaLimits.Nesting)
        {
            throw context.Fault($"lists and dicts inside each other at most {JinjaLimits.Nesting} deep", "deeper ones");
        }

        int before = builder.Length;
        switch (value)
        {
            case string text:
                Quote(builder, text, layout.EnsureAscii);
                break;
            case bool flag:
                builder.Append(flag ? "true" : "false");
                break;
            case null:
                builder.Append("null");
                break;
            case double number when !double.IsFinite(number):
                builder.Append(double.IsNaN(number) ? "NaN" : number > 0 ? "Infinity" : "-Infinity");
                break;
            case long or double or BigInteger:
                builder.Append(PythonText.Of(context, value));
                break;
            case JinjaList list:
                Enclose(context, builder, "[]", list.Items, layout, depth, item => Write(context, builder, item, layout, depth + 1));
                break;
            case JinjaDict dict:
                IEnumerable<KeyValuePair<string, object?>> pairs = layout.SortKeys
                    ? dict.Order(Comparer<KeyValuePair<string, object?>>.Create((a, b) => PythonText.Compare(a.Key, b.Key)))
                    : dict;
                Enclose(context, builder, "{}", pairs, layout, depth, pair =>
                {
                    Quote(builder, pair.Key, layout.EnsureAscii);
                    builder.Append(layout.KeySeparator);
                    Write(context, builder, pair.Value, layout, depth + 1);
                });
                break;
            default:
                throw context.Fault("a value that JSON has, before 'tojson'", JinjaValue.Describe(value));
        }

        context.Reserve(builder.Length - before);
    }

    private static void Enclose<T>(
        JinjaContext context, StringBuilder builder, string brackets, IEnumerable<T> items, JsonLayout layout, int depth, Action<T> write)
    {
        builder.Append(brackets[0]);
        string line = layout.Line(depth + 1);
        bool any = false;
        foreach (T item in items)
        {
            context.Spend(line.Length + layout.ItemSeparator.Length + layout.KeySeparator.Length);
            builder.Append(any ? layout.ItemSeparator : string.Empty).Append(line);
            any = true;
            write(item);
        }

        builder.Append(any ? layout.Line(depth) : string.Empty).Append(brackets[1]);
    }

    private static void Quote(StringBuilder builder, string text, bool ensureAscii)
    {
        builder.Append('"');
        foreach (char c in text)
        {
            _ = c switch
            {
                '"' or '\\' => builder.Append('\\').Append(c),
                '\n' => builder.Append("\\n"),
                '\r' => builder.Append("\\r"),
                '\t' => builder.Append("\\t"),
                '\b' => builder.Append("\\b"),
                '\f' => builder.Append("\\f"),
                _ when c < ' ' || (ensureAscii && c > '~') => builder.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}"),
                _ => builder.Append(c),
            };
        }

        builder.Append('"');
    }
}

/// <summary>How JSON is laid out; no indent is one line.</summary>
internal sealed record JsonLayout(string? Indent, string ItemSeparator, string KeySeparator, bool SortKeys, bool EnsureAscii)
{
    /// <summary>That of the filter without arguments.</summary>
    public static JsonLayout OneLine { get; } = new(Indent: null, ", ", ": ", SortKeys: false, EnsureAscii: false);

    /// <summary>The start of a line at a depth, or nothing.</summary>
    public string Line(int depth) => Indent is null ? string.Empty : "\n" + string.Concat(Enumerable.Repeat(Indent, depth));
}
