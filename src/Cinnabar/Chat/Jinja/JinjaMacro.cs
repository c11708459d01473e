// {% macro name(a, b=1) %} … {% endmacro %} and {% call(x) name(…) %} … {% endcall %}
//
// A macro is a function whose value is the text its body writes. It sees the scope it was defined in, not the one it is called from.
// The body of {% call %} is such a macro too, named caller. Deviation from Jinja: no varargs and kwargs.

namespace Cinnabar.Chat.Jinja;

/// <summary>Defines a macro.</summary>
internal sealed class MacroStatement(int line, string name, IReadOnlyList<MacroParameter> parameters, IReadOnlyList<JinjaStatement> body)
    : JinjaStatement(line)
{
    protected override JinjaFlow Run(JinjaContext context)
    {
        context.Scope.Set(name, new JinjaMacro(name, parameters, body, context.Scope));
        return JinjaFlow.Next;
    }
}

/// <summary>Calls a macro with a body.</summary>
internal sealed class CallBlockStatement(
    int line, CallExpression call, IReadOnlyList<MacroParameter> parameters, IReadOnlyList<JinjaStatement> body) : JinjaStatement(line)
{
    protected override JinjaFlow Run(JinjaContext context)
    {
        JinjaMacro caller = new("caller", parameters, body, context.Scope);
        context.Write(PythonText.Of(context, call.CallWith(context, caller)));
        return JinjaFlow.Next;
    }
}

/// <summary>A parameter; without default it is undefined when not given.</summary>
internal sealed record MacroParameter(string Name, JinjaExpression? Default);

/// <summary>A macro as a value.</summary>
internal sealed class JinjaMacro(
    string name, IReadOnlyList<MacroParameter> parameters, IReadOnlyList<JinjaStatement> body, JinjaScope scope) : JinjaCallable(name)
{
    private readonly string[] _names = [.. parameters.Select(parameter => parameter.Name)];

    public override object? Call(JinjaContext context, JinjaArguments arguments) => Call(context, arguments, caller: null);

    /// <summary>Calls it, with the body of {% call %} if there is one.</summary>
    public string Call(JinjaContext context, JinjaArguments arguments, JinjaMacro? caller)
    {
        context.EnterMacro(Name);
        object?[] values = arguments.Bind(context, Name, required: 0, _names);
        JinjaScope callerScope = context.Scope;
        context.Scope = new JinjaScope(scope);
        if (caller is not null)
        {
            context.Scope.Set("caller", caller);
        }

        for (int i = 0; i < values.Length; i++)
        {
            object? value = values[i] != JinjaArguments.Absent ? values[i]
                : parameters[i].Default is JinjaExpression expression ? expression.Evaluate(context)
                : new JinjaUndefined($"the parameter '{_names[i]}' of '{Name}'");
            context.Scope.Set(_names[i], value);
        }

        System.Text.StringBuilder outer = context.BeginCapture();
        JinjaStatement.ExecuteAll(context, body);
        string text = context.EndCapture(outer);
        context.Scope = callerScope;
        context.LeaveMacro();
        return text;
    }
}
