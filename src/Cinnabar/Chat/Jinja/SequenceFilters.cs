// Filters of lists, dicts and texts as sequences. map, select, reject, selectattr, rejectattr, unique, items and reverse (of a list) give
// what Python calls a generator: true even if empty, without a length, read once; | list makes a list of it.
namespace Cinnabar.Chat.Jinja;

/// <summary>Filters of sequences.</summary>
internal static class SequenceFilters
{
    /// <summary>list.</summary>
    public static object? List(JinjaContext context, object? value, JinjaArguments arguments)
    {
        arguments.Bind(context, "list", 0);
        return new JinjaList(JinjaValue.Iterate(context, value));
    }

    /// <summary>first: undefined if there is none.</summary>
    public static object? First(JinjaContext context, object? value, JinjaArguments arguments)
    {
        arguments.Bind(context, "first", 0);
        return value is JinjaStream stream ? stream.Next() : new JinjaStream(JinjaValue.Iterate(context, value)).Next();
    }

    /// <summary>last: undefined if there is none.</summary>
    public static object? Last(JinjaContext context, object? value, JinjaArguments arguments)
    {
        arguments.Bind(context, "last", 0);
        IReadOnlyList<object?> items = value is JinjaStream
            ? throw context.Fault("a list, dict or text before 'last'", JinjaValue.Describe(value))
            : JinjaValue.Iterate(context, value);
        return items.Count > 0 ? items[^1] : new JinjaUndefined("the last element of an empty sequence");
    }

    /// <summary>items: pairs of key and value; nothing for undefined.</summary>
    public static object? Items(JinjaContext context, object? value, JinjaArguments arguments)
    {
        arguments.Bind(context, "items", 0);
        return value switch
        {
            JinjaDict dict => new JinjaStream(Pairs(context, dict)),
            JinjaUndefined => new JinjaStream([]),
            _ => throw context.Fault("a dict before 'items'", JinjaValue.Describe(value)),
        };
    }

    /// <summary>dictsort(case_sensitive=false, by='key', reverse=false): sorted pairs of key and value.</summary>
    public static object? DictSort(JinjaContext context, object? value, JinjaArguments arguments)
    {
        object?[] values = arguments.Bind(context, "dictsort", 0, "case_sensitive", "by", "reverse");
        string by = values[1] == JinjaArguments.Absent ? "key" : JinjaValue.Text(context, values[1], "'by' of 'dictsort'");
        if (by is not ("key" or "value"))
        {
            throw context.Fault("key or value as 'by' of 'dictsort'", Checkpoints.ErrorText.Quote(by));
        }

        JinjaDict dict = value as JinjaDict ?? throw context.Fault("a dict before 'dictsort'", JinjaValue.Describe(value));
        return new JinjaList(SequenceSort.By(
            context,
            Pairs(context, dict),
            JinjaArguments.IsSet(values[0]),
            JinjaArguments.IsSet(values[2]),
            pair => ((JinjaList)pair!).Items[by == "key" ? 0 : 1]));
    }

    /// <summary>sort(reverse=false, case_sensitive=false, attribute='a,b'): equal ones keep their order.</summary>
    public static object? Sort(JinjaContext context, object? value, JinjaArguments arguments)
    {
        object?[] values = arguments.Bind(context, "sort", 0, "reverse", "case_sensitive", "attribute");
        object?[] paths = values[2] is string several ? several.Split(',') : [values[2]];
        bool caseSensitive = JinjaArguments.IsSet(values[1]);
        Func<object?, object?> key = paths is [null] || paths[0] == JinjaArguments.Absent
            ? item => item
            : item => new JinjaList([.. paths.Select(path => SequenceSort.Key(context, Attribute(context, item, path), caseSensitive))]);
        return new JinjaList(SequenceSort.By(
            context, JinjaValue.Iterate(context, value), caseSensitive, JinjaArguments.IsSet(values[0]), key));
    }

    /// <summary>unique(case_sensitive=false, attribute=none): the first of each.</summary>
    public static object? Unique(JinjaContext context, object? value, JinjaArguments arguments)
    {
        object?[] values = arguments.Bind(context, "unique", 0, "case_sensitive", "attribute");
        List<object?> seen = [];
        List<object?> kept = [];
        foreach (object? item in JinjaValue.Iterate(context, value))
        {
            object? key = SequenceSort.Key(context, Attribute(context, item, values[1]), JinjaArguments.IsSet(values[0]));
            if (!seen.Exists(other => JinjaComparison.AreEqual(context, other, key)))
            {
                seen.Add(key);
                kept.Add(item);
            }
        }

        return new JinjaStream(kept);
    }

    /// <summary>reverse: of a text a text, else the elements backwards.</summary>
    public static object? Reverse(JinjaContext context, object? value, JinjaArguments arguments)
    {
        arguments.Bind(context, "reverse", 0);
        return value is string
            ? JinjaSlice.Of(context, value, null, null, -1)
            : new JinjaStream([.. JinjaValue.Iterate(context, value).Reverse()]);
    }

    /// <summary>join(d='', attribute=none): the elements as texts.</summary>
    public static object? Join(JinjaContext context, object? value, JinjaArguments arguments)
    {
        object?[] values = arguments.Bind(context, "join", 0, "d", "attribute");
        string separator = values[0] == JinjaArguments.Absent ? string.Empty : PythonText.Of(context, values[0]);
        IReadOnlyList<object?> items = JinjaValue.Iterate(context, value);
        return PythonString.Join(
            context, separator, new JinjaList([.. items.Select(item => PythonText.Of(context, Attribute(context, item, values[1])))]));
    }

    /// <summary>map('filter', …) or map(attribute='a.b', default=none).</summary>
    public static object? Map(JinjaContext context, object? value, JinjaArguments arguments)
    {
        IReadOnlyList<object?> items = IterateIfTrue(context, value);
        List<object?> results = new(items.Count);
        if (arguments.Positional.Count > 0)
        {
            string filter = JinjaValue.Text(context, arguments.Positional[0], "the filter of 'map'");
            JinjaArguments rest = arguments.Skip(1);
            foreach (object? item in items)
            {
                context.CountTurn();
                results.Add(JinjaFilters.Apply(context, filter, item, rest));
            }

            return new JinjaStream(results);
        }

        object?[] values = arguments.Bind(context, "map", 1, "attribute", "default");
        foreach (object? item in items)
        {
            object? result = Attribute(context, item, values[0]);
            results.Add(result is JinjaUndefined && values[1] != JinjaArguments.Absent && values[1] is not null ? values[1] : result);
        }

        return new JinjaStream(results);
    }

    /// <summary>select('test', …), reject('test', …); without a test, by truth.</summary>
    public static object? Select(JinjaContext context, object? value, JinjaArguments arguments, bool keep) =>
        Keep(context, value, item => item, arguments, keep);

    /// <summary>selectattr('a.b', 'test', …), rejectattr: by a member of each element.</summary>
    public static object? SelectAttribute(JinjaContext context, object? value, JinjaArguments arguments, bool keep) =>
        arguments.Positional.Count > 0
            ? Keep(context, value, item => Attribute(context, item, arguments.Positional[0]), arguments.Skip(1), keep)
            : throw context.Fault("the name of a member in 'selectattr' or 'rejectattr'", "none");

    private static JinjaStream Keep(
        JinjaContext context, object? value, Func<object?, object?> key, JinjaArguments arguments, bool keep)
    {
        string? test = arguments.Positional.Count == 0 ? null : JinjaValue.Text(context, arguments.Positional[0], "the name of a test");
        JinjaArguments rest = arguments.Skip(1);
        List<object?> kept = [];
        foreach (object? item in IterateIfTrue(context, value))
        {
            context.CountTurn();
            object? tested = key(item);
            if ((test is null ? JinjaValue.IsTrue(tested) : JinjaTests.Holds(context, test, tested, rest)) == keep)
            {
                kept.Add(item);
            }
        }

        return new JinjaStream(kept);
    }

    // map and select pass over None, 0 and false, which other filters refuse.
    private static IReadOnlyList<object?> IterateIfTrue(JinjaContext context, object? value) =>
        JinjaValue.IsTrue(value) ? JinjaValue.Iterate(context, value) : [];

    private static JinjaList[] Pairs(JinjaContext context, JinjaDict dict)
    {
        context.Reserve(dict.Count);
        return [.. dict.Select(pair => new JinjaList([pair.Key, pair.Value], IsTuple: true))];
    }

    // A path of names and indices: 'function.name', 'messages.0', 1. Absent or None: the item itself.
    private static object? Attribute(JinjaContext context, object? item, object? path)
    {
        if (path is null || path == JinjaArguments.Absent)
        {
            return item;
        }

        if (path is long)
        {
            return JinjaMembers.Item(context, item, path);
        }

        string names = JinjaValue.Text(context, path, "the name of a member");
        context.Reserve(names.Length);
        foreach (string name in names.Split('.'))
        {
            bool isIndex = name.Length is > 0 and < 10 && name.All(char.IsAsciiDigit);
            item = JinjaMembers.Item(context, item, isIndex ? long.Parse(name, System.Globalization.CultureInfo.InvariantCulture) : name);
        }

        return item;
    }
}
