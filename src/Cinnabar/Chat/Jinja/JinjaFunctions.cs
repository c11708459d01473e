// Functions that every template has: Jinja's range, namespace and dict, and transformers' raise_exception and strftime_now.
using System.Globalization;
using System.Text;

namespace Cinnabar.Chat.Jinja;

/// <summary>Global functions.</summary>
internal static class JinjaFunctions
{
    /// <summary>A new outermost scope that holds them.</summary>
    public static JinjaScope NewScope()
    {
        JinjaScope scope = new(null);
        scope.Set("range", new JinjaFunction("range", Range));
        scope.Set("namespace", new JinjaFunction("namespace", (context, arguments) =>
            new JinjaNamespace(Dict(context, arguments, "namespace"))));
        scope.Set("dict", new JinjaFunction("dict", (context, arguments) => Dict(context, arguments, "dict")));
        scope.Set("raise_exception", new JinjaFunction("raise_exception", (context, arguments) =>
            throw context.Refusal(PythonText.Of(context, arguments.Bind(context, "raise_exception", 1, "message")[0]))));
        scope.Set("strftime_now", new JinjaFunction("strftime_now", (context, arguments) => Time(
            context, JinjaValue.Text(context, arguments.Bind(context, "strftime_now", 1, "format")[0], "the format of 'strftime_now'"))));
        return scope;
    }

    // range(stop), range(start, stop), range(start, stop, step).
    private static object? Range(JinjaContext context, JinjaArguments arguments)
    {
        object?[] values = arguments.Bind(context, "range", 1, "start", "stop", "step");
        long first = JinjaValue.WholeNumber(context, values[0], "an argument of 'range'");
        bool onlyStop = values[1] == JinjaArguments.Absent;
        long start = onlyStop ? 0 : first;
        long stop = onlyStop ? first : JinjaValue.WholeNumber(context, values[1], "an argument of 'range'");
        long step = values[2] == JinjaArguments.Absent ? 1 : JinjaValue.WholeNumber(context, values[2], "an argument of 'range'");
        if (step == 0)
        {
            throw context.Fault("a step of 'range' other than 0", "0");
        }

        Int128 distance = (Int128)stop - start;
        Int128 count = distance == 0 || distance > 0 != step > 0 ? 0 : (Int128.Abs(distance) + Int128.Abs(step) - 1) / Int128.Abs(step);
        if (count > JinjaLimits.RangeLength)
        {
            throw context.Fault($"at most {JinjaLimits.RangeLength} numbers of 'range'", count.ToString(CultureInfo.InvariantCulture));
        }

        context.Reserve((long)count);
        return new JinjaList([.. Enumerable.Range(0, (int)count).Select(i => (object?)(start + (i * step)))]);
    }

    // dict(a=1), dict(other, a=1).
    private static JinjaDict Dict(JinjaContext context, JinjaArguments arguments, string name)
    {
        JinjaDict dict = new();
        if (arguments.Positional.Count > 0)
        {
            JinjaDict other = arguments.Positional is [JinjaDict only]
                ? only
                : throw context.Fault($"one dict and names with values in '{name}'", "other arguments");
            context.Reserve(other.Count);
            foreach ((string key, object? value) in other)
            {
                dict[key] = value;
            }
        }

        foreach ((string key, object? value) in arguments.Named)
        {
            dict[key] = value;
        }

        return dict;
    }

    // datetime.now().strftime(format) in English, whatever the machine's language.
    private static string Time(JinjaContext context, string format)
    {
        DateTime now = context.Clock.GetLocalNow().DateTime;
        context.Reserve(format.Length);
        StringBuilder result = new();
        for (int i = 0; i < format.Length; i++)
        {
            if (format[i] != '%')
            {
                result.Append(format[i]);
                continue;
            }

            char directive = ++i < format.Length ? format[i] : ' ';
            string net = directive switch
            {
                'Y' => "yyyy",
                'y' => "yy",
                'm' => "MM",
                'd' => "dd",
                'B' => "MMMM",
                'b' => "MMM",
                'A' => "dddd",
                'a' => "ddd",
                'H' => "HH",
                'I' => "hh",
                'M' => "mm",
                'S' => "ss",
                'p' => "tt",
                '%' => "'%'",
                _ => throw context.Fault(
                    "one of %Y %y %m %d %B %b %A %a %H %I %M %S %p %% in 'strftime_now'", Checkpoints.ErrorText.Quote("%" + directive)),
            };
            result.Append(now.ToString(net, CultureInfo.InvariantCulture));
        }

        return result.ToString();
    }
}
