// Methods of texts, as Python's str has them. Deviations: upper, lower, title and capitalize map one character to one (Python makes SS
// of ß); title and capitalize take letters for what Python calls cased characters.
namespace Cinnabar.Chat.Jinja;

/// <summary>text.method(…).</summary>
internal static class TextMethods
{
    /// <summary>A method bound to a text, or null if there is none of that name.</summary>
    public static JinjaFunction? Find(string text, string name)
    {
        Func<JinjaContext, string, JinjaArguments, object?>? method = name switch
        {
            "split" => Split,
            "splitlines" => (context, value, arguments) =>
            {
                arguments.Bind(context, "splitlines", 0);
                return PythonString.SplitLines(context, value);
            },
            "strip" => (context, value, arguments) => Strip(context, value, arguments, "strip", start: true, end: true),
            "lstrip" => (context, value, arguments) => Strip(context, value, arguments, "lstrip", start: true, end: false),
            "rstrip" => (context, value, arguments) => Strip(context, value, arguments, "rstrip", start: false, end: true),
            "startswith" => (context, value, arguments) => HasEdge(context, value, arguments, "startswith"),
            "endswith" => (context, value, arguments) => HasEdge(context, value, arguments, "endswith"),
            "upper" or "lower" or "title" or "capitalize" => (context, value, arguments) =>
            {
                arguments.Bind(context, name, 0);
                return PythonString.ChangeCase(context, value, name);
            },
            "replace" => Replace,
            "find" => FindPart,
            "join" => (context, value, arguments) => PythonString.Join(context, value, arguments.Bind(context, "join", 1, "iterable")[0]),
            "format" => PythonFormat.Braces,
            _ => null,
        };
        return method is null ? null : new JinjaFunction(name, (context, arguments) => method(context, text, arguments));
    }

    private static object? Split(JinjaContext context, string text, JinjaArguments arguments)
    {
        object?[] values = arguments.Bind(context, "split", 0, "sep", "maxsplit");
        string? separator = JinjaArguments.OptionalText(context, values[0], "the separator of 'split'");
        int most = values[1] == JinjaArguments.Absent ? -1 : JinjaValue.Count(context, values[1], "maxsplit");
        return PythonString.Split(context, text, separator, most);
    }

    private static string Strip(JinjaContext context, string text, JinjaArguments arguments, string name, bool start, bool end)
    {
        object? characters = arguments.Bind(context, name, 0, "chars")[0];
        return PythonString.Strip(
            context, text, JinjaArguments.OptionalText(context, characters, $"the argument of '{name}'"), start, end);
    }

    private static object? HasEdge(JinjaContext context, string text, JinjaArguments arguments, string name)
    {
        object? wanted = arguments.Bind(context, name, 1, "prefix")[0];
        IReadOnlyList<object?> all = wanted is JinjaList { IsTuple: true } tuple ? tuple.Items : [wanted];
        foreach (object? item in all)
        {
            string part = JinjaValue.Text(context, item, $"the argument of '{name}'");
            context.Spend(1 + (part.Length / 16));
            if (name == "startswith" ? text.StartsWith(part, StringComparison.Ordinal) : text.EndsWith(part, StringComparison.Ordinal))
            {
                return true;
            }
        }

        return false;
    }

    private static object? Replace(JinjaContext context, string text, JinjaArguments arguments)
    {
        object?[] values = arguments.Bind(context, "replace", 2, "old", "new", "count");
        return PythonString.Replace(
            context,
            text,
            JinjaValue.Text(context, values[0], "the first argument of 'replace'"),
            JinjaValue.Text(context, values[1], "the second argument of 'replace'"),
            values[2] == JinjaArguments.Absent ? -1 : JinjaValue.Count(context, values[2], "the count of 'replace'"));
    }

    private static object? FindPart(JinjaContext context, string text, JinjaArguments arguments)
    {
        string part = JinjaValue.Text(context, arguments.Bind(context, "find", 1, "sub")[0], "the argument of 'find'");
        context.ReserveSearch(text.Length, part.Length);
        int at = text.IndexOf(part, StringComparison.Ordinal);
        return at < 0 ? -1L : PythonText.Length(text[..at]);
    }
}
