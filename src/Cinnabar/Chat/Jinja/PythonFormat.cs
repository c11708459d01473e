// '%s of %d' % (a, b) and '{} of {name}'.format(a, name=b). Only what chat templates use: %s, %d and %%; {}, {0}, {name}, {{ and }},
// without widths, conversions or members.
using System.Globalization;
using System.Text;

namespace Cinnabar.Chat.Jinja;

/// <summary>Formatting of texts.</summary>
internal static class PythonFormat
{
    /// <summary>format % values; a tuple has a value for each place, anything else is the one value.</summary>
    public static string Percent(JinjaContext context, string format, object? values)
    {
        IReadOnlyList<object?> all = values is JinjaList { IsTuple: true } tuple ? tuple.Items : [values];
        int next = 0;
        StringBuilder result = new();
        for (int i = 0; i < format.Length; i++)
        {
            if (format[i] != '%')
            {
                result.Append(format[i]);
                continue;
            }

            char kind = ++i < format.Length ? format[i] : ' ';
            string text = kind switch
            {
                '%' => "%",
                's' => PythonText.Of(context, Value()),
                'd' => Whole(context, Value()),
                _ => throw context.Fault("%s, %d or %% in a text before '%'", Checkpoints.ErrorText.Quote("%" + kind)),
            };
            Append(context, result, text);
        }

        bool isMapping = values is JinjaDict or JinjaList { IsTuple: false }; // which Python lets pass unused
        return next == all.Count || isMapping
            ? result.ToString()
            : throw context.Fault($"{next} values after '%', as many as the text has places", $"{all.Count}");

        object? Value() => next < all.Count
            ? all[next++]
            : throw context.Fault("a value for each place of a text before '%'", $"{all.Count}");
    }

    /// <summary>format.format(…).</summary>
    public static object? Braces(JinjaContext context, string format, JinjaArguments arguments)
    {
        int next = 0;
        StringBuilder result = new();
        for (int i = 0; i < format.Length; i++)
        {
            if (format[i] is not ('{' or '}'))
            {
                result.Append(format[i]);
                continue;
            }

            if (i + 1 < format.Length && format[i + 1] == format[i])
            {
                result.Append(format[i++]);
                continue;
            }

            int end = format.IndexOf('}', i);
            if (format[i] == '}' || end < 0)
            {
                throw context.Fault("pairs of { and } in the text of 'format'", "one alone");
            }

            string field = format[(i + 1)..end];
            Append(context, result, PythonText.Of(context, Value(field)));
            i = end;
        }

        return result.ToString();

        object? Value(string field)
        {
            if (field.Length == 0 || field.All(char.IsAsciiDigit))
            {
                int given = int.TryParse(field, CultureInfo.InvariantCulture, out int number) ? number : int.MaxValue;
                int index = field.Length == 0 ? next++ : given;
                return index < arguments.Positional.Count
                    ? arguments.Positional[index]
                    : throw context.Fault("an argument of 'format' for each {}", $"{arguments.Positional.Count}");
            }

            foreach ((string name, object? value) in arguments.Named)
            {
                if (name == field)
                {
                    return value;
                }
            }

            throw context.Fault("a number or the name of an argument in { } of 'format'", Checkpoints.ErrorText.Quote(field));
        }
    }

    private static string Whole(JinjaContext context, object? value) => JinjaArithmetic.Number(value) switch
    {
        long number => number.ToString(CultureInfo.InvariantCulture),
        double number when double.IsFinite(number) => Math.Truncate(number).ToString("F0", CultureInfo.InvariantCulture),
        _ => throw context.Fault("a number for %d", JinjaValue.Describe(value)),
    };

    private static void Append(JinjaContext context, StringBuilder result, string text)
    {
        long length = (long)result.Length + text.Length;
        context.Reserve(length > JinjaLimits.OutputLength ? length : text.Length);
        result.Append(text);
    }
}
