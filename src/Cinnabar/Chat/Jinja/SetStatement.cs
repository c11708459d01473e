namespace Cinnabar.Chat.Jinja;

/// <summary>{% set target = value %}; a target is a name, names in a tuple, or an attribute of a namespace.</summary>
internal sealed class SetStatement(int line, JinjaExpression target, JinjaExpression value) : JinjaStatement(line)
{
    /// <summary>Gives a value to a target.</summary>
    public static void Assign(JinjaContext context, JinjaExpression target, object? value)
    {
        switch (target)
        {
            case NameExpression name:
                context.Scope.Set(name.Name, value);
                break;
            case NamespaceTarget attribute:
                attribute.Assign(context, value);
                break;
            case ListExpression names:
                IReadOnlyList<object?> values = JinjaValue.Iterate(context, value);
                if (values.Count != names.Items.Count)
                {
                    throw context.Fault($"{names.Items.Count} values to unpack", $"{values.Count}");
                }

                for (int i = 0; i < values.Count; i++)
                {
                    Assign(context, names.Items[i], values[i]);
                }

                break;
            default:
                throw new InvalidOperationException("The parser lets no other targets through.");
        }
    }

    protected override JinjaFlow Run(JinjaContext context)
    {
        Assign(context, target, value.Evaluate(context));
        return JinjaFlow.Next;
    }
}

/// <summary>{% set target %} body {% endset %}: the body's text, through filters if there are any.</summary>
internal sealed class SetBlockStatement(
    int line, JinjaExpression target, IReadOnlyList<JinjaStatement> body, Func<JinjaExpression, JinjaExpression>? filter)
    : JinjaStatement(line)
{
    protected override JinjaFlow Run(JinjaContext context)
    {
        System.Text.StringBuilder outer = context.BeginCapture();
        JinjaFlow flow = ExecuteAll(context, body);
        string text = context.EndCapture(outer);
        object? value = filter is null ? text : filter(new LiteralExpression(Line, text)).Evaluate(context);
        SetStatement.Assign(context, target, value);
        return flow;
    }
}

/// <summary>The target ns.attribute.</summary>
internal sealed class NamespaceTarget(int line, string name, string attribute) : JinjaExpression(line)
{
    public void Assign(JinjaContext context, object? value)
    {
        context.Scope.TryGet(name, out object? owner);
        JinjaNamespace target = owner as JinjaNamespace
            ?? throw context.Fault($"a namespace() in '{name}' to set '{attribute}' of", JinjaValue.Describe(owner));
        target.Values[attribute] = value;
    }

    protected override object? Compute(JinjaContext context) => throw new InvalidOperationException("Only a target of set.");
}
