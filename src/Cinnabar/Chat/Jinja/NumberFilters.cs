using System.Globalization;

namespace Cinnabar.Chat.Jinja;

/// <summary>int, float and round.</summary>
internal static class NumberFilters
{
    /// <summary>int(default=0, base=10): a text that is no number gives the default; "4.7" gives 4.</summary>
    public static object? Int(JinjaContext context, object? value, JinjaArguments arguments)
    {
        object?[] values = arguments.Bind(context, "int", 0, "default", "base");
        if (values[1] != JinjaArguments.Absent && values[1] is not 10L)
        {
            throw context.Fault("the base 10 in 'int'", "another");
        }

        object? number = Number(context, value, "int");
        return number is long whole ? whole
            : number is double real && Math.Abs(real) < long.MaxValue ? (long)real
            : values[0] == JinjaArguments.Absent ? 0L : values[0];
    }

    /// <summary>float(default=0.0).</summary>
    public static object? Float(JinjaContext context, object? value, JinjaArguments arguments)
    {
        object? otherwise = arguments.Bind(context, "float", 0, "default")[0];
        return Number(context, value, "float") switch
        {
            long whole => (double)whole,
            double number => number,
            _ => otherwise == JinjaArguments.Absent ? 0.0 : otherwise,
        };
    }

    /// <summary>round(precision=0, method='common'): halves go to the even digit; an integer stays one.</summary>
    public static object? Round(JinjaContext context, object? value, JinjaArguments arguments)
    {
        object?[] values = arguments.Bind(context, "round", 0, "precision", "method");
        long precision = values[0] == JinjaArguments.Absent ? 0 : JinjaValue.WholeNumber(context, values[0], "the precision of 'round'");
        string method = values[1] == JinjaArguments.Absent ? "common" : JinjaValue.Text(context, values[1], "the method of 'round'");
        if (precision is < 0 or > 15 || method is not ("common" or "ceil" or "floor"))
        {
            throw context.Fault("a precision from 0 to 15 and the method common, ceil or floor in 'round'", "another");
        }

        object number = JinjaArithmetic.Number(value) ?? throw context.Fault("a number before 'round'", JinjaValue.Describe(value));
        if (number is long && method == "common")
        {
            return number;
        }

        double real = number is long whole ? whole : (double)number;
        if (!double.IsFinite(real) || Math.Abs(real) >= 1e15)
        {
            return real; // has no digits behind the point
        }

        double scale = Math.Pow(10, precision);
        return method switch
        {
            "ceil" => Math.Ceiling(real * scale) / scale,
            "floor" => Math.Floor(real * scale) / scale,
            _ => RoundExactly(real, (int)precision),
        };
    }

    // Python rounds the exact value of the float, not its product with a power of ten: 2.675 to 2 digits is 2.67.
    private static double RoundExactly(double value, int precision)
    {
        if (precision == 0)
        {
            return Math.Round(value, MidpointRounding.ToEven);
        }

        string digits = value.ToString("F" + precision.ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);
        return double.Parse(digits, CultureInfo.InvariantCulture);
    }

    private static object? Number(JinjaContext context, object? value, string filter) => value switch
    {
        string text => Parse(context, text),
        JinjaUndefined => throw context.Fault($"a value before '{filter}'", JinjaValue.Describe(value)),
        _ => JinjaArithmetic.Number(value),
    };

    // A long, a double, or null; white space around and single underscores between digits are allowed, as in Python.
    // Deviation: "inf" and "nan" are no numbers.
    private static object? Parse(JinjaContext context, string text)
    {
        string digits = PythonString.Strip(context, text, characters: null, start: true, end: true);
        for (int i = 0; i < digits.Length; i++)
        {
            bool isBetweenDigits = i > 0 && i + 1 < digits.Length && char.IsAsciiDigit(digits[i - 1]) && char.IsAsciiDigit(digits[i + 1]);
            if (digits[i] == '_' && !isBetweenDigits)
            {
                return null;
            }
        }

        digits = digits.Replace("_", string.Empty, StringComparison.Ordinal);
        if (long.TryParse(digits, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long whole))
        {
            return whole;
        }

        return double.TryParse(
            digits,
            NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent,
            CultureInfo.InvariantCulture,
            out double real) ? real : null;
    }
}
