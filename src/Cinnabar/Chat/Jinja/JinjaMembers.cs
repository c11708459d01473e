// a.name and a[key]. As in Jinja, a.name asks for a method first and for a key second, a[key] the other way round: message.items is
// the method of the dict even if it has a key "items". What is not there is undefined; only members of undefined are a fault. No other
// member of any value can be reached: there is no reflection.
using Cinnabar.Checkpoints;

namespace Cinnabar.Chat.Jinja;

/// <summary>Members of values.</summary>
internal static class JinjaMembers
{
    // Methods of Python's dict that change it, or that no template needs.
    private static readonly HashSet<string> s_unsupportedDictMethods =
        ["clear", "copy", "fromkeys", "pop", "popitem", "setdefault", "update"];

    /// <summary>owner.name.</summary>
    public static object? Attribute(JinjaContext context, object? owner, string name)
    {
        switch (owner)
        {
            case JinjaUndefined undefined:
                throw context.Fault($"a value with the member {ErrorText.Quote(name)}", $"undefined: {undefined.What}");
            case JinjaDict dict:
                return (object?)DictMethod(dict, name) ?? (dict.TryGetValue(name, out object? item) ? item : Nothing(owner, name));
            case JinjaNamespace variables:
                return variables.Values.TryGetValue(name, out object? value) ? value : Nothing(owner, name);
            case JinjaLoop loop:
                return loop.Attribute(name);
            case string text:
                return (object?)TextMethods.Find(text, name) ?? Nothing(owner, name);
            default:
                return Nothing(owner, name);
        }
    }

    /// <summary>owner[key].</summary>
    public static object? Item(JinjaContext context, object? owner, object? key)
    {
        switch (owner, key)
        {
            case (JinjaDict dict, string name) when dict.TryGetValue(name, out object? value):
                return value;
            case (JinjaList list, long or bool):
                long index = JinjaValue.WholeNumber(context, key, "an index");
                index += index < 0 ? list.Items.Count : 0;
                return index >= 0 && index < list.Items.Count ? list.Items[(int)index] : Nothing(owner, PythonText.Of(context, key));
            case (string text, long or bool):
                return Character(context, text, JinjaValue.WholeNumber(context, key, "an index"));
            case (_, string name):
                return Attribute(context, owner, name);
            case (JinjaUndefined, _):
                return Attribute(context, owner, JinjaValue.Describe(key)); // a fault
            default:
                return Nothing(owner, JinjaValue.Describe(key));
        }
    }

    private static object Character(JinjaContext context, string text, long index)
    {
        int length = (int)JinjaValue.Length(context, text);
        index += index < 0 ? length : 0;
        return index < 0 || index >= length ? new JinjaUndefined("a character beyond the end of a text")
            : length == text.Length ? text[(int)index].ToString()
            : PythonText.Characters(text).ElementAt((int)index);
    }

    private static JinjaFunction? DictMethod(JinjaDict dict, string name) => name switch
    {
        "get" => new JinjaFunction("get", (context, arguments) =>
        {
            object?[] values = arguments.Bind(context, "get", 1, "key", "default");
            return values[0] is string key && dict.TryGetValue(key, out object? value) ? value
                : values[1] == JinjaArguments.Absent ? null : values[1];
        }),
        "items" or "keys" or "values" => new JinjaFunction(name, (context, arguments) =>
        {
            arguments.Bind(context, name, 0);
            context.Reserve(dict.Count);
            return new JinjaList(
            [
                .. dict.Select(pair => name == "items" ? new JinjaList([pair.Key, pair.Value], IsTuple: true)
                    : name == "keys" ? pair.Key : pair.Value),
            ]);
        }),
        _ when s_unsupportedDictMethods.Contains(name) => new JinjaFunction(name, (context, _) =>
            throw context.Fault("one of the methods get, items, keys and values of a dict", $"'{name}', which is not supported")),
        _ => null,
    };

    private static JinjaUndefined Nothing(object? owner, string name) => new($"{ErrorText.Quote(name)} of {JinjaValue.Describe(owner)}");
}
