// + - * / // % ** as Python has them: / gives a float, // and % round towards minus infinity, + joins texts and lists, * repeats them,
// % after a text formats it. Deviation: integers have 64 bits, beyond is a fault.
namespace Cinnabar.Chat.Jinja;

/// <summary>Calculates.</summary>
internal static class JinjaArithmetic
{
    /// <summary>left sign right.</summary>
    public static object? Apply(JinjaContext context, string sign, object? left, object? right)
    {
        switch (sign, left, right)
        {
            case ("+", string a, string b):
                context.Reserve((long)a.Length + b.Length);
                return a + b;
            case ("+", JinjaList a, JinjaList b) when a.IsTuple == b.IsTuple:
                context.Reserve((long)a.Items.Count + b.Items.Count);
                return new JinjaList([.. a.Items, .. b.Items], a.IsTuple);
            case ("*", string or JinjaList, long or bool):
                return Repeat(context, left, right);
            case ("*", long or bool, string or JinjaList):
                return Repeat(context, right, left);
            case ("%", string format, _):
                return PythonFormat.Percent(context, format, right);
            default:
                return Number(left) is object a1 && Number(right) is object b1
                    ? a1 is long x && b1 is long y ? Whole(context, sign, x, y) : Float(context, sign, ToDouble(a1), ToDouble(b1))
                    : throw context.Fault($"values that '{sign}' fits", $"{JinjaValue.Describe(left)} and {JinjaValue.Describe(right)}");
        }
    }

    /// <summary>-value or +value.</summary>
    public static object? Sign(JinjaContext context, bool isMinus, object? value) => Number(value) switch
    {
        double number => (object)(isMinus ? -number : number),
        long number when !isMinus => number,
        long number and not long.MinValue => -number,
        _ => throw context.Fault("a number after a sign", JinjaValue.Describe(value)),
    };

    /// <summary>A long or double; null if it is no number.</summary>
    public static object? Number(object? value) => value switch
    {
        long or double => value,
        bool flag => flag ? 1L : 0L,
        _ => null,
    };

    private static double ToDouble(object number) => number is long whole ? whole : (double)number;

    private static object Whole(JinjaContext context, string sign, long a, long b)
    {
        if (b == 0 && sign is "/" or "//" or "%")
        {
            throw context.Fault($"a divisor of '{sign}' other than 0", "0");
        }

        try
        {
            return sign switch
            {
                "+" => (object)checked(a + b), // without the cast all of these would be double
                "-" => checked(a - b),
                "*" => checked(a * b),
                "/" => (double)a / b,
                "//" => FloorDivide(a, b),
                "%" => b == -1 ? 0 : a - checked(FloorDivide(a, b) * b),
                _ => b < 0 ? (object)Float(context, sign, a, b) : Power(a, b),
            };
        }
        catch (OverflowException)
        {
            throw context.Fault($"a result of '{sign}' of at most 64 bits", "a larger one");
        }
    }

    private static long FloorDivide(long a, long b)
    {
        long quotient = b == -1 ? checked(-a) : a / b;
        return quotient * b != a && (a < 0) != (b < 0) ? quotient - 1 : quotient;
    }

    private static long Power(long number, long exponent)
    {
        long result = 1;
        for (long square = number; exponent > 0; exponent >>= 1)
        {
            result = (exponent & 1) != 0 ? checked(result * square) : result;
            square = exponent > 1 ? checked(square * square) : square;
        }

        return result;
    }

    private static double Float(JinjaContext context, string sign, double a, double b)
    {
        if (b == 0 && sign is "/" or "//" or "%")
        {
            throw context.Fault($"a divisor of '{sign}' other than 0", "0");
        }

        double result = sign switch
        {
            "+" => a + b,
            "-" => a - b,
            "*" => a * b,
            "/" => a / b,
            "//" => Math.Floor(a / b),
            "%" => Modulo(a, b),
            _ => Math.Pow(a, b),
        };
        return sign != "**" || double.IsFinite(result) ? result : throw context.Fault("a power that is a number", "none");
    }

    // The sign of the divisor, as in Python.
    private static double Modulo(double a, double b)
    {
        double rest = a % b;
        return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
    }

    private static object Repeat(JinjaContext context, object sequence, object? count)
    {
        long times = Math.Max(0, JinjaValue.WholeNumber(context, count, "a repetition"));
        int length = sequence is string text ? text.Length : ((JinjaList)sequence).Items.Count;
        context.Reserve(length == 0 ? 0 : times > JinjaLimits.OutputLength ? times : times * length);
        if (length == 0)
        {
            return sequence;
        }

        return sequence is string repeated
            ? new System.Text.StringBuilder(repeated.Length * (int)times).Insert(0, repeated, (int)times).ToString()
            : new JinjaList(
                [.. Enumerable.Repeat(((JinjaList)sequence).Items, (int)times).SelectMany(items => items)],
                ((JinjaList)sequence).IsTuple);
    }
}
