namespace Cinnabar.Chat.Jinja;

/// <summary>Something that can be called: a function, a method of a text or dict, a macro.</summary>
internal abstract class JinjaCallable(string name)
{
    /// <summary>For messages.</summary>
    public string Name { get; } = name;

    public abstract object? Call(JinjaContext context, JinjaArguments arguments);
}

/// <summary>A function that is part of the language.</summary>
internal sealed class JinjaFunction(string name, Func<JinjaContext, JinjaArguments, object?> body) : JinjaCallable(name)
{
    public override object? Call(JinjaContext context, JinjaArguments arguments) => body(context, arguments);
}

/// <summary>The arguments of a call, a filter or a test.</summary>
internal sealed class JinjaArguments(IReadOnlyList<object?> positional, IReadOnlyList<KeyValuePair<string, object?>> named)
{
    /// <summary>What <see cref="Bind"/> gives for an argument that was not written.</summary>
    public static readonly object Absent = new();

    /// <summary>Arguments in order.</summary>
    public IReadOnlyList<object?> Positional { get; } = positional;

    /// <summary>Arguments by name, in the order written.</summary>
    public IReadOnlyList<KeyValuePair<string, object?>> Named { get; } = named;

    /// <summary>The arguments in the order of the parameters.</summary>
    /// <param name="context">For errors.</param>
    /// <param name="callee">Name of what is called.</param>
    /// <param name="required">How many of the first parameters must be given.</param>
    /// <param name="parameters">Names of the parameters.</param>
    public object?[] Bind(JinjaContext context, string callee, int required, params ReadOnlySpan<string> parameters)
    {
        if (Positional.Count > parameters.Length)
        {
            throw context.Fault($"at most {parameters.Length} arguments of '{callee}'", $"{Positional.Count}");
        }

        object?[] values = new object?[parameters.Length];
        Array.Fill(values, Absent);
        for (int i = 0; i < Positional.Count; i++)
        {
            values[i] = Positional[i];
        }

        foreach ((string name, object? value) in Named)
        {
            int at = parameters.IndexOf(name);
            if (at < 0 || values[at] != Absent)
            {
                string known = parameters.Length == 0 ? "no arguments" : $"each of {string.Join(", ", parameters.ToArray())} at most once";
                throw context.Fault($"{known} in '{callee}'", Checkpoints.ErrorText.Quote(name));
            }

            values[at] = value;
        }

        int missing = Array.IndexOf(values, Absent, 0, required);
        return missing < 0 ? values : throw context.Fault($"the argument '{parameters[missing]}' of '{callee}'", "none");
    }

    /// <summary>A text that may be absent or None; both are null.</summary>
    public static string? OptionalText(JinjaContext context, object? value, string purpose) =>
        value is null || value == Absent ? null : JinjaValue.Text(context, value, purpose);

    /// <summary>Whether a flag is given and true.</summary>
    public static bool IsSet(object? value) => value != Absent && JinjaValue.IsTrue(value);

    /// <summary>The arguments after the first ones.</summary>
    public JinjaArguments Skip(int count) => new([.. Positional.Skip(count)], Named);
}
