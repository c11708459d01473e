// What follows a value: .name, [key], [a:b:c], (arguments), | filter, is test.

namespace Cinnabar.Chat.Jinja;

/// <summary>a.name: a method if there is one, else the value of a key.</summary>
internal sealed class AttributeExpression(int line, JinjaExpression owner, string name) : JinjaExpression(line)
{
    protected override object? Compute(JinjaContext context) => JinjaMembers.Attribute(context, owner.Evaluate(context), name);
}

/// <summary>a[key]: the value of a key or an element.</summary>
internal sealed class ItemExpression(int line, JinjaExpression owner, JinjaExpression key) : JinjaExpression(line)
{
    protected override object? Compute(JinjaContext context)
    {
        object? value = owner.Evaluate(context);
        return JinjaMembers.Item(context, value, key.Evaluate(context));
    }
}

/// <summary>a[start:stop:step] of a list or a text; each part may be missing or None.</summary>
internal sealed class SliceExpression(int line, JinjaExpression owner, JinjaExpression? start, JinjaExpression? stop, JinjaExpression? step)
    : JinjaExpression(line)
{
    protected override object? Compute(JinjaContext context)
    {
        object? value = owner.Evaluate(context);
        return JinjaSlice.Of(context, value, Part(context, start), Part(context, stop), Part(context, step));
    }

    private static long? Part(JinjaContext context, JinjaExpression? part) => part?.Evaluate(context) switch
    {
        null => null,
        object value => JinjaValue.WholeNumber(context, value, "a part of a slice"),
    };
}

/// <summary>Arguments as written: in order, then by name.</summary>
internal sealed record ArgumentExpressions(
    IReadOnlyList<JinjaExpression> Positional, IReadOnlyList<(string Name, JinjaExpression Value)> Named)
{
    public static ArgumentExpressions None { get; } = new([], []);

    public JinjaArguments Evaluate(JinjaContext context)
    {
        object?[] positional = new object?[Positional.Count];
        for (int i = 0; i < positional.Length; i++)
        {
            positional[i] = Positional[i].Evaluate(context);
        }

        KeyValuePair<string, object?>[] named = new KeyValuePair<string, object?>[Named.Count];
        for (int i = 0; i < named.Length; i++)
        {
            named[i] = new KeyValuePair<string, object?>(Named[i].Name, Named[i].Value.Evaluate(context));
        }

        return new JinjaArguments(positional, named);
    }
}

/// <summary>f(arguments).</summary>
internal sealed class CallExpression(int line, JinjaExpression callee, ArgumentExpressions arguments) : JinjaExpression(line)
{
    protected override object? Compute(JinjaContext context)
    {
        object? function = callee.Evaluate(context);
        return function is JinjaCallable callable
            ? callable.Call(context, arguments.Evaluate(context))
            : throw context.Fault("a function or macro before '('", JinjaValue.Describe(function));
    }

    /// <summary>The call with the body of {% call %} as caller().</summary>
    public object? CallWith(JinjaContext context, JinjaMacro caller)
    {
        object? function = callee.Evaluate(context);
        return function is JinjaMacro macro
            ? macro.Call(context, arguments.Evaluate(context), caller)
            : throw context.Fault("a macro in {% call %}", JinjaValue.Describe(function));
    }
}

/// <summary>a | filter(arguments).</summary>
internal sealed class FilterExpression(int line, JinjaExpression operand, string name, ArgumentExpressions arguments)
    : JinjaExpression(line)
{
    protected override object? Compute(JinjaContext context)
    {
        object? value = operand.Evaluate(context);
        return JinjaFilters.Apply(context, name, value, arguments.Evaluate(context));
    }
}

/// <summary>a is test(arguments).</summary>
internal sealed class TestExpression(int line, JinjaExpression operand, string name, ArgumentExpressions arguments)
    : JinjaExpression(line)
{
    protected override object? Compute(JinjaContext context)
    {
        object? value = operand.Evaluate(context);
        return JinjaTests.Holds(context, name, value, arguments.Evaluate(context));
    }
}
