namespace Cinnabar.Chat.Jinja;

/// <summary>How a statement ended.</summary>
internal enum JinjaFlow
{
    Next,
    Break,
    Continue,
}

/// <summary>A part of a template that writes or sets something.</summary>
internal abstract class JinjaStatement(int line)
{
    /// <summary>Line of the template, from 1.</summary>
    public int Line { get; } = line;

    /// <summary>Does it.</summary>
    /// <exception cref="CinnabarException">The values do not fit, or a limit is reached.</exception>
    public JinjaFlow Execute(JinjaContext context)
    {
        int outer = context.Enter(Line);
        JinjaFlow flow = Run(context);
        context.Leave(outer);
        return flow;
    }

    /// <summary>Statements in order, until one breaks or continues the loop.</summary>
    public static JinjaFlow ExecuteAll(JinjaContext context, IReadOnlyList<JinjaStatement> body)
    {
        for (int i = 0; i < body.Count; i++)
        {
            JinjaFlow flow = body[i].Execute(context);
            if (flow != JinjaFlow.Next)
            {
                return flow;
            }
        }

        return JinjaFlow.Next;
    }

    protected abstract JinjaFlow Run(JinjaContext context);
}

/// <summary>Text outside of tags.</summary>
internal sealed class TextStatement(int line, string text) : JinjaStatement(line)
{
    protected override JinjaFlow Run(JinjaContext context)
    {
        context.Write(text);
        return JinjaFlow.Next;
    }
}

/// <summary>{{ expression }}.</summary>
internal sealed class OutputStatement(int line, JinjaExpression expression) : JinjaStatement(line)
{
    protected override JinjaFlow Run(JinjaContext context)
    {
        context.Write(PythonText.Of(context, expression.Evaluate(context)));
        return JinjaFlow.Next;
    }
}

/// <summary>{% if %} with its branches; the condition of {% else %} is null.</summary>
internal sealed class IfStatement(int line, IReadOnlyList<(JinjaExpression? Condition, IReadOnlyList<JinjaStatement> Body)> branches)
    : JinjaStatement(line)
{
    protected override JinjaFlow Run(JinjaContext context)
    {
        foreach ((JinjaExpression? condition, IReadOnlyList<JinjaStatement> body) in branches)
        {
            if (condition is null || JinjaValue.IsTrue(condition.Evaluate(context)))
            {
                return ExecuteAll(context, body);
            }
        }

        return JinjaFlow.Next;
    }
}

/// <summary>{% break %} or {% continue %}.</summary>
internal sealed class LoopControlStatement(int line, JinjaFlow flow) : JinjaStatement(line)
{
    protected override JinjaFlow Run(JinjaContext context) => flow;
}

/// <summary>{% generation %}: marks what an assistant wrote, for training; its body is written as it is.</summary>
internal sealed class GenerationStatement(int line, IReadOnlyList<JinjaStatement> body) : JinjaStatement(line)
{
    protected override JinjaFlow Run(JinjaContext context) => ExecuteAll(context, body);
}

/// <summary>{% filter name %}: the body's text through a filter.</summary>
internal sealed class FilterStatement(int line, IReadOnlyList<JinjaStatement> body, Func<JinjaExpression, JinjaExpression> filter)
    : JinjaStatement(line)
{
    protected override JinjaFlow Run(JinjaContext context)
    {
        System.Text.StringBuilder outer = context.BeginCapture();
        JinjaFlow flow = ExecuteAll(context, body);
        string text = context.EndCapture(outer);
        context.Write(PythonText.Of(context, filter(new LiteralExpression(Line, text)).Evaluate(context)));
        return flow;
    }
}
