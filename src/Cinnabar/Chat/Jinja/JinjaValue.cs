// Values of the template language, as Python has them:
//
//   null           None                  JinjaList       list or tuple
//   bool           True, False           JinjaDict       dict with texts as keys, in the order of insertion
//   long, double   int, float            JinjaNamespace  namespace()
//   BigInteger     int beyond 64 bits    JinjaStream     generator: what | map, | select, | unique … give
//   string         str                   JinjaUndefined  a variable or key that is not there
//                                        JinjaCallable, JinjaLoop
//
// A text counts by code points, as in Python: a pair of surrogates is one. Deviations: integers beyond 64 bits come only from JSON and
// can be printed and compared but not calculated with; range(), keys(), values() and items() give lists.
using System.Numerics;

namespace Cinnabar.Chat.Jinja;

/// <summary>A list or tuple; never changed once made.</summary>
internal sealed record JinjaList(IReadOnlyList<object?> Items, bool IsTuple = false);

/// <summary>A dict; changed only while it is made.</summary>
internal sealed class JinjaDict() : OrderedDictionary<string, object?>(StringComparer.Ordinal);

/// <summary>What namespace() gives: the one value that a template may change.</summary>
internal sealed class JinjaNamespace(JinjaDict values)
{
    public JinjaDict Values { get; } = values;
}

/// <summary>Elements that can be read once.</summary>
internal sealed class JinjaStream(IReadOnlyList<object?> items)
{
    private int _next;

    /// <summary>The next element, or undefined at the end.</summary>
    public object? Next() => _next < items.Count ? items[_next++] : new JinjaUndefined("the first element of an empty sequence");

    /// <summary>All elements not yet read.</summary>
    public IReadOnlyList<object?> ReadAll()
    {
        int from = _next;
        _next = items.Count;
        return from == 0 ? items : [.. items.Skip(from)];
    }
}

/// <summary>Something that is not there: false, empty, printed as nothing; any use beyond that is a fault.</summary>
/// <param name="What">What is not there, for messages.</param>
internal sealed record JinjaUndefined(string What);

/// <summary>What can be asked of every value.</summary>
internal static class JinjaValue
{
    /// <summary>Python's bool(): false are None, undefined, zero and what is empty.</summary>
    public static bool IsTrue(object? value) => value switch
    {
        null or JinjaUndefined => false,
        bool flag => flag,
        long number => number != 0,
        double number => number != 0,
        string text => text.Length > 0,
        JinjaList list => list.Items.Count > 0,
        JinjaDict dict => dict.Count > 0,
        _ => true,
    };

    /// <summary>The elements: of a list, the keys of a dict, the characters of a text; none of undefined.</summary>
    public static IReadOnlyList<object?> Iterate(JinjaContext context, object? value)
    {
        switch (value)
        {
            case JinjaList list:
                return list.Items;
            case JinjaStream stream:
                return stream.ReadAll();
            case JinjaUndefined:
                return [];
            case JinjaDict dict:
                context.Reserve(dict.Count);
                return [.. dict.Keys];
            case string text:
                context.Reserve(text.Length);
                return [.. PythonText.Characters(text)];
            default:
                throw context.Fault("a list, dict or text", Describe(value));
        }
    }

    /// <summary>Python's len().</summary>
    public static long Length(JinjaContext context, object? value)
    {
        switch (value)
        {
            case JinjaList list:
                return list.Items.Count;
            case JinjaDict dict:
                return dict.Count;
            case string text:
                context.Spend(text.Length / 16);
                return PythonText.Length(text);
            case JinjaUndefined:
                return 0;
            default:
                throw context.Fault("something with a length", Describe(value));
        }
    }

    /// <summary>A long, from an integer or bool.</summary>
    public static long WholeNumber(JinjaContext context, object? value, string purpose) => value switch
    {
        long number => number,
        bool flag => flag ? 1 : 0,
        _ => throw context.Fault($"a whole number as {purpose}", Describe(value)),
    };

    /// <summary>A count or size from an integer, cut to the range of int.</summary>
    public static int Count(JinjaContext context, object? value, string purpose) =>
        (int)Math.Clamp(WholeNumber(context, value, purpose), int.MinValue, int.MaxValue);

    /// <summary>A text; nothing else is turned into one.</summary>
    public static string Text(JinjaContext context, object? value, string purpose) =>
        value as string ?? throw context.Fault($"a text as {purpose}", Describe(value));

    /// <summary>The kind of a value, for messages.</summary>
    public static string Describe(object? value) => value switch
    {
        null => "None",
        bool => "a truth value",
        long or BigInteger => "a whole number",
        double => "a number",
        string => "a text",
        JinjaList list => list.IsTuple ? "a tuple" : "a list",
        JinjaDict => "a dict",
        JinjaNamespace => "a namespace",
        JinjaStream => "the result of a filter, which '| list' would make a list",
        JinjaUndefined undefined => $"undefined: {undefined.What}",
        JinjaLoop => "the variable 'loop'",
        JinjaMacro => "a macro",
        _ => "a function",
    };
}
