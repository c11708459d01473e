// value | filter(…): the table of filters, and those of one value. Filters of sequences are in SequenceFilters.
//
// Supported are the filters that published chat templates use, with the parameters and defaults of Jinja 3.1; tojson is that of
// transformers. safe changes nothing: there is no escaping.
using System.Collections.Frozen;
using System.Globalization;
using System.Text;

namespace Cinnabar.Chat.Jinja;

/// <summary>Filters by name.</summary>
internal static class JinjaFilters
{
    private const int MaxIndent = 64;

    private static readonly FrozenDictionary<string, Func<JinjaContext, object?, JinjaArguments, object?>> s_filters =
        new Dictionary<string, Func<JinjaContext, object?, JinjaArguments, object?>>
        {
            ["abs"] = Abs,
            ["capitalize"] = (context, value, arguments) => ChangeCase(context, value, arguments, "capitalize"),
            ["count"] = Length,
            ["d"] = Default,
            ["default"] = Default,
            ["dictsort"] = SequenceFilters.DictSort,
            ["first"] = SequenceFilters.First,
            ["float"] = NumberFilters.Float,
            ["indent"] = Indent,
            ["int"] = NumberFilters.Int,
            ["items"] = SequenceFilters.Items,
            ["join"] = SequenceFilters.Join,
            ["last"] = SequenceFilters.Last,
            ["length"] = Length,
            ["list"] = SequenceFilters.List,
            ["lower"] = (context, value, arguments) => ChangeCase(context, value, arguments, "lower"),
            ["map"] = SequenceFilters.Map,
            ["reject"] = (context, value, arguments) => SequenceFilters.Select(context, value, arguments, keep: false),
            ["rejectattr"] = (context, value, arguments) => SequenceFilters.SelectAttribute(context, value, arguments, keep: false),
            ["replace"] = Replace,
            ["reverse"] = SequenceFilters.Reverse,
            ["round"] = NumberFilters.Round,
            ["safe"] = ToText,
            ["select"] = (context, value, arguments) => SequenceFilters.Select(context, value, arguments, keep: true),
            ["selectattr"] = (context, value, arguments) => SequenceFilters.SelectAttribute(context, value, arguments, keep: true),
            ["sort"] = SequenceFilters.Sort,
            ["string"] = ToText,
            ["title"] = Title,
            ["tojson"] = ToJson,
            ["trim"] = Trim,
            ["unique"] = SequenceFilters.Unique,
            ["upper"] = (context, value, arguments) => ChangeCase(context, value, arguments, "upper"),
        }.ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>value | name(arguments).</summary>
    public static object? Apply(JinjaContext context, string name, object? value, JinjaArguments arguments) =>
        s_filters.TryGetValue(name, out Func<JinjaContext, object?, JinjaArguments, object?>? filter)
            ? filter(context, value, arguments)
            : throw context.Fault(
                $"one of the filters {string.Join(", ", s_filters.Keys.Order(StringComparer.Ordinal))}", Checkpoints.ErrorText.Quote(name));

    private static object Abs(JinjaContext context, object? value, JinjaArguments arguments)
    {
        arguments.Bind(context, "abs", 0);
        return JinjaArithmetic.Number(value) is double number ? Math.Abs(number)
            : JinjaArithmetic.Sign(context, isMinus: JinjaComparison.Compare(context, value, 0L) < 0, value)!;
    }

    private static object ChangeCase(JinjaContext context, object? value, JinjaArguments arguments, string name)
    {
        arguments.Bind(context, name, 0);
        return PythonString.ChangeCase(context, PythonText.Of(context, value), name);
    }

    // Undefined is replaced; with the second argument true, whatever is false too.
    private static object? Default(JinjaContext context, object? value, JinjaArguments arguments)
    {
        object?[] values = arguments.Bind(context, "default", 0, "default_value", "boolean");
        bool anyFalse = JinjaArguments.IsSet(values[1]);
        return value is JinjaUndefined || (anyFalse && !JinjaValue.IsTrue(value))
            ? (values[0] == JinjaArguments.Absent ? string.Empty : values[0])
            : value;
    }

    private static object? Indent(JinjaContext context, object? value, JinjaArguments arguments)
    {
        object?[] values = arguments.Bind(context, "indent", 0, "width", "first", "blank");
        string indent = values[0] is string given ? given
            : new string(' ', values[0] == JinjaArguments.Absent ? 4 : IndentWidth(context, values[0], "indent"));
        bool first = JinjaArguments.IsSet(values[1]);
        bool blank = JinjaArguments.IsSet(values[2]);
        string text = JinjaValue.Text(context, value, "what 'indent' is applied to");
        IReadOnlyList<object?> lines = PythonString.SplitLines(context, text + "\n").Items;
        context.Reserve(text.Length + ((long)lines.Count * indent.Length));
        StringBuilder result = new();
        for (int i = 0; i < lines.Count; i++)
        {
            string line = (string)lines[i]!;
            bool indented = i == 0 ? first : blank || line.Length > 0;
            result.Append(i > 0 ? "\n" : string.Empty).Append(indented ? indent : string.Empty).Append(line);
        }

        return result.ToString();
    }

    private static object Length(JinjaContext context, object? value, JinjaArguments arguments)
    {
        arguments.Bind(context, "length", 0);
        return JinjaValue.Length(context, value);
    }

    private static object Replace(JinjaContext context, object? value, JinjaArguments arguments)
    {
        object?[] values = arguments.Bind(context, "replace", 2, "old", "new", "count");
        return PythonString.Replace(
            context,
            PythonText.Of(context, value),
            PythonText.Of(context, values[0]),
            PythonText.Of(context, values[1]),
            values[2] is null || values[2] == JinjaArguments.Absent ? -1 : JinjaValue.Count(context, values[2], "the count of 'replace'"));
    }

    private static object ToText(JinjaContext context, object? value, JinjaArguments arguments)
    {
        arguments.Bind(context, "string", 0);
        return PythonText.Of(context, value);
    }

    // Jinja's own: a word begins after a space, a hyphen or an opening bracket, not after an apostrophe as with str.title.
    private static object Title(JinjaContext context, object? value, JinjaArguments arguments)
    {
        arguments.Bind(context, "title", 0);
        string text = PythonString.ChangeCase(context, PythonText.Of(context, value), "lower");
        StringBuilder result = new(text.Length);
        bool atStart = true;
        foreach (Rune rune in text.EnumerateRunes())
        {
            result.Append((atStart ? Rune.ToUpperInvariant(rune) : rune).ToString());
            atStart = rune.Value is '-' or '(' or '{' or '[' or '<' || (rune.IsBmp && PythonText.IsSpace((char)rune.Value));
        }

        return result.ToString();
    }

    private static object ToJson(JinjaContext context, object? value, JinjaArguments arguments)
    {
        object?[] values = arguments.Bind(context, "tojson", 0, "ensure_ascii", "indent", "separators", "sort_keys");
        string? indent = values[1] is null || values[1] == JinjaArguments.Absent ? null
            : values[1] as string ?? new string(' ', IndentWidth(context, values[1], "tojson"));
        string item = indent is null ? ", " : ",";
        string key = ": ";
        if (values[2] is JinjaList { Items: [string itemSeparator, string keySeparator] })
        {
            (item, key) = (itemSeparator, keySeparator);
        }
        else if (values[2] is not null && values[2] != JinjaArguments.Absent)
        {
            throw context.Fault("two texts as separators of 'tojson'", JinjaValue.Describe(values[2]));
        }

        return PythonJson.Dumps(
            context, value, new JsonLayout(indent, item, key, JinjaArguments.IsSet(values[3]), JinjaArguments.IsSet(values[0])));
    }

    private static object Trim(JinjaContext context, object? value, JinjaArguments arguments)
    {
        object? characters = arguments.Bind(context, "trim", 0, "chars")[0];
        string? set = JinjaArguments.OptionalText(context, characters, "the argument of 'trim'");
        return PythonString.Strip(context, PythonText.Of(context, value), set, start: true, end: true);
    }

    private static int IndentWidth(JinjaContext context, object? value, string filter)
    {
        long width = JinjaValue.WholeNumber(context, value, $"the indent of '{filter}'");
        return width <= MaxIndent
            ? (int)Math.Max(0, width)
            : throw context.Fault($"an indent of at most {MaxIndent}", width.ToString(CultureInfo.InvariantCulture));
    }
}
