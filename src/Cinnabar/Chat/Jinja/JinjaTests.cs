// value is test(…), with the meaning of Jinja 3.1: a text and a dict are sequences too, true is a number but no integer, undefined is a
// sequence and iterable.
using System.Numerics;

namespace Cinnabar.Chat.Jinja;

/// <summary>Tests by name.</summary>
internal static class JinjaTests
{
    private const string Known = "boolean, callable, defined, divisibleby, eq, equalto, even, false, float, ge, gt, in, integer, iterable, "
        + "le, lower, lt, mapping, ne, none, number, odd, sameas, sequence, string, true, undefined, upper";

    /// <summary>Whether value is name(arguments).</summary>
    public static bool Holds(JinjaContext context, string name, object? value, JinjaArguments arguments)
    {
        string? comparison = name switch
        {
            "eq" or "equalto" or "==" => "==",
            "ne" or "!=" => "!=",
            "lt" or "lessthan" or "<" => "<",
            "le" or "<=" => "<=",
            "gt" or "greaterthan" or ">" => ">",
            "ge" or ">=" => ">=",
            "in" => "in",
            _ => null,
        };
        if (comparison is not null)
        {
            return JinjaComparison.Holds(context, comparison, value, arguments.Bind(context, name, 1, "other")[0]);
        }

        if (name is "divisibleby" or "sameas")
        {
            object? other = arguments.Bind(context, name, 1, "other")[0];
            return name == "sameas" ? IsSame(context, value, other) : JinjaArithmetic.Apply(context, "%", value, other) is 0L or 0.0;
        }

        arguments.Bind(context, name, 0);
        return Holds(context, name, value);
    }

    private static bool Holds(JinjaContext context, string name, object? value) => name switch
    {
        "boolean" => value is bool,
        "callable" => value is JinjaCallable,
        "defined" => value is not JinjaUndefined,
        "undefined" => value is JinjaUndefined,
        "even" => JinjaArithmetic.Apply(context, "%", value, 2L) is 0L or 0.0,
        "odd" => JinjaArithmetic.Apply(context, "%", value, 2L) is 1L or 1.0,
        "true" => value is true,
        "false" => value is false,
        "float" => value is double,
        "integer" => value is long or BigInteger,
        "number" => value is long or double or bool or BigInteger,
        "none" => value is null,
        "string" => value is string,
        "mapping" => value is JinjaDict,
        "sequence" => value is JinjaList or JinjaDict or string or JinjaUndefined,
        "iterable" => value is JinjaList or JinjaDict or string or JinjaUndefined or JinjaStream,
        "lower" => PythonText.Of(context, value) is var text && text == text.ToLowerInvariant() && text.Any(char.IsLower),
        "upper" => PythonText.Of(context, value) is var text && text == text.ToUpperInvariant() && text.Any(char.IsUpper),
        _ => throw context.Fault($"one of the tests {Known}", Checkpoints.ErrorText.Quote(name)),
    };

    // Python's 'is': the same object. Equal values of the same simple kind pass for that.
    private static bool IsSame(JinjaContext context, object? value, object? other) => value is bool or long or double or string
        ? value.GetType() == other?.GetType() && JinjaComparison.AreEqual(context, value, other)
        : ReferenceEquals(value, other);
}
