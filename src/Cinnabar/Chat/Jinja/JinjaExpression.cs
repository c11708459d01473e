namespace Cinnabar.Chat.Jinja;

/// <summary>A part of a template that has a value (see <see cref="JinjaValue"/> for what values are).</summary>
internal abstract class JinjaExpression(int line)
{
    /// <summary>Line of the template, from 1.</summary>
    public int Line { get; } = line;

    /// <summary>The value in this rendering.</summary>
    /// <exception cref="CinnabarException">The values do not fit the operation, or a limit is reached.</exception>
    public object? Evaluate(JinjaContext context)
    {
        int outer = context.Enter(Line);
        object? value = Compute(context);
        context.Leave(outer);
        return value;
    }

    protected abstract object? Compute(JinjaContext context);
}

/// <summary>A constant.</summary>
internal sealed class LiteralExpression(int line, object? value) : JinjaExpression(line)
{
    public object? Value { get; } = value;

    protected override object? Compute(JinjaContext context) => Value;
}

/// <summary>A variable.</summary>
internal sealed class NameExpression(int line, string name) : JinjaExpression(line)
{
    public string Name { get; } = name;

    protected override object? Compute(JinjaContext context) =>
        context.Scope.TryGet(Name, out object? value) ? value : new JinjaUndefined($"'{Name}'");
}

/// <summary>[a, b] or (a, b).</summary>
internal sealed class ListExpression(int line, IReadOnlyList<JinjaExpression> items, bool isTuple) : JinjaExpression(line)
{
    public IReadOnlyList<JinjaExpression> Items => items;

    protected override object? Compute(JinjaContext context)
    {
        object?[] values = new object?[items.Count];
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = items[i].Evaluate(context);
        }

        return new JinjaList(values, isTuple);
    }
}

/// <summary>{'a': b}.</summary>
internal sealed class DictExpression(int line, IReadOnlyList<(JinjaExpression Key, JinjaExpression Value)> items) : JinjaExpression(line)
{
    protected override object? Compute(JinjaContext context)
    {
        JinjaDict dict = new();
        foreach ((JinjaExpression key, JinjaExpression value) in items)
        {
            string name = key.Evaluate(context) is string text ? text : throw context.Fault("texts as keys", "another kind of key");
            dict[name] = value.Evaluate(context);
        }

        return dict;
    }
}

/// <summary>a if c else b; without else it is undefined.</summary>
internal sealed class ConditionalExpression(int line, JinjaExpression condition, JinjaExpression then, JinjaExpression? otherwise)
    : JinjaExpression(line)
{
    protected override object? Compute(JinjaContext context) =>
        JinjaValue.IsTrue(condition.Evaluate(context)) ? then.Evaluate(context)
        : otherwise is not null ? otherwise.Evaluate(context)
        : new JinjaUndefined("the value of an 'if' without 'else'");
}
