namespace Cinnabar.Chat.Jinja;

/// <summary>
/// Names and their values. A turn of a loop and a call of a macro open a scope inside another; an if does not. A set goes to the
/// innermost scope only.
/// </summary>
internal sealed class JinjaScope(JinjaScope? outer)
{
    private readonly JinjaScope? _outer = outer;
    private Dictionary<string, object?>? _values;

    /// <summary>Sets a name of this scope.</summary>
    public void Set(string name, object? value) =>
        (_values ??= new Dictionary<string, object?>(StringComparer.Ordinal))[name] = value;

    /// <summary>Looks a name up from the inside out.</summary>
    public bool TryGet(string name, out object? value)
    {
        for (JinjaScope? scope = this; scope is not null; scope = scope._outer)
        {
            if (scope._values is not null && scope._values.TryGetValue(name, out value))
            {
                return true;
            }
        }

        value = null;
        return false;
    }
}
