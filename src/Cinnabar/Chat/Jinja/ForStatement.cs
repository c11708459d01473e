// {% for target in iterable if condition %} body {% else %} other {% endfor %}
//
// The condition filters first, so that loop.* counts only what passes it. Every turn has a scope of its own: what a turn sets is gone in
// the next. The else part runs if no turn reached its end: Jinja's mark that one did stands there, behind any break or continue.

namespace Cinnabar.Chat.Jinja;

/// <summary>A loop.</summary>
internal sealed class ForStatement(int line, JinjaExpression target, JinjaExpression iterable, JinjaExpression? condition)
    : JinjaStatement(line)
{
    public required IReadOnlyList<JinjaStatement> Body { get; init; }

    public required IReadOnlyList<JinjaStatement> Else { get; init; }

    protected override JinjaFlow Run(JinjaContext context)
    {
        JinjaScope outer = context.Scope;
        IReadOnlyList<object?> items = JinjaValue.Iterate(context, iterable.Evaluate(context));
        if (condition is not null)
        {
            items = Filter(context, items, condition, outer);
        }

        JinjaFlow flow = JinjaFlow.Next;
        bool any = false;
        for (int i = 0; i < items.Count && flow != JinjaFlow.Break; i++)
        {
            context.CountTurn();
            context.Scope = new JinjaScope(outer);
            context.Scope.Set("loop", new JinjaLoop(items, i));
            SetStatement.Assign(context, target, items[i]);
            flow = ExecuteAll(context, Body);
            any |= flow == JinjaFlow.Next;
        }

        context.Scope = outer;
        return any ? JinjaFlow.Next : ExecuteAll(context, Else);
    }

    private List<object?> Filter(JinjaContext context, IReadOnlyList<object?> items, JinjaExpression test, JinjaScope outer)
    {
        List<object?> kept = [];
        foreach (object? item in items)
        {
            context.CountTurn();
            context.Scope = new JinjaScope(outer);
            SetStatement.Assign(context, target, item);
            if (JinjaValue.IsTrue(test.Evaluate(context)))
            {
                kept.Add(item);
            }
        }

        context.Scope = outer;
        return kept;
    }
}

/// <summary>The variable loop of a turn.</summary>
internal sealed class JinjaLoop(IReadOnlyList<object?> items, int index)
{
    /// <summary>One of its attributes.</summary>
    public object? Attribute(string name) => name switch
    {
        "index" => (long)index + 1,
        "index0" => (long)index,
        "revindex" => (long)items.Count - index,
        "revindex0" => (long)items.Count - index - 1,
        "first" => index == 0,
        "last" => index == items.Count - 1,
        "length" => (long)items.Count,
        "previtem" when index > 0 => items[index - 1],
        "nextitem" when index < items.Count - 1 => items[index + 1],
        _ => new JinjaUndefined($"'loop.{name}'"),
    };
}
