// How Python prints values (str and repr), counts characters (code points) and tells white space.
//
//   str:  None, True, False, 12, 1.0, 1e-05; a text as it is; [1, 'a'], (1,), {'a': 1}; undefined as nothing
//   repr of a text: in ' unless it holds ' and no "; control and other unprintable characters escaped
//   repr of a float: the fewest digits that read back the same; an exponent below 1e-4 and from 1e16 on
using System.Globalization;
using System.Numerics;
using System.Text;

namespace Cinnabar.Chat.Jinja;

/// <summary>Values as Python's texts.</summary>
internal static class PythonText
{
    /// <summary>str(value), as {{ value }} writes it.</summary>
    public static string Of(JinjaContext context, object? value)
    {
        switch (value)
        {
            case string text:
                return text;
            case JinjaUndefined:
                return string.Empty;
            case JinjaList or JinjaDict or JinjaNamespace:
                StringBuilder builder = new();
                Represent(context, builder, value, depth: 0);
                return builder.ToString();
            default:
                return Scalar(context, value);
        }
    }

    /// <summary>repr of a float.</summary>
    public static string OfFloat(double value)
    {
        if (!double.IsFinite(value))
        {
            return double.IsNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";
        }

        // The shortest digits d and the power of ten: value = 0.d × 10^point.
        string shortest = Math.Abs(value).ToString("R", CultureInfo.InvariantCulture);
        string sign = double.IsNegative(value) ? "-" : string.Empty;
        int exponentAt = shortest.IndexOf('E', StringComparison.Ordinal);
        int exponent = exponentAt < 0
            ? 0
            : int.Parse(shortest.AsSpan(exponentAt + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
        string mantissa = exponentAt < 0 ? shortest : shortest[..exponentAt];
        int pointAt = mantissa.IndexOf('.', StringComparison.Ordinal);
        int point = (pointAt < 0 ? mantissa.Length : pointAt) + exponent;
        string digits = mantissa.Replace(".", string.Empty, StringComparison.Ordinal);
        int zeros = digits.Length - digits.TrimStart('0').Length;
        digits = digits.Trim('0');
        point -= zeros;
        if (digits.Length == 0)
        {
            return sign + "0.0";
        }

        if (point is > -4 and <= 16)
        {
            return point <= 0 ? $"{sign}0.{new string('0', -point)}{digits}"
                : point >= digits.Length ? $"{sign}{digits}{new string('0', point - digits.Length)}.0"
                : $"{sign}{digits[..point]}.{digits[point..]}";
        }

        string fraction = digits.Length > 1 ? "." + digits[1..] : string.Empty;
        return string.Create(
            CultureInfo.InvariantCulture, $"{sign}{digits[0]}{fraction}e{(point - 1 < 0 ? '-' : '+')}{Math.Abs(point - 1):00}");
    }

    /// <summary>str.isspace() of a character: Unicode white space and the four separators U+001C … U+001F.</summary>
    public static bool IsSpace(char c) => char.IsWhiteSpace(c) || c is >= '\u001C' and <= '\u001F';

    /// <summary>The number of code points.</summary>
    public static int Length(string text) => text.Length - CountPairs(text);

    /// <summary>The code points, each as a text.</summary>
    public static IEnumerable<string> Characters(string text)
    {
        for (int i = 0; i < text.Length; i++)
        {
            yield return char.IsSurrogatePair(text, i) ? text.Substring(i++, 2) : text[i].ToString();
        }
    }

    /// <summary>Whether each char is a code point of its own.</summary>
    public static bool HasNoPairs(string text) => CountPairs(text) == 0;

    /// <summary>Order by code points; UTF-16 alone would put U+FFFF behind U+10000.</summary>
    public static int Compare(string left, string right)
    {
        int i = left.AsSpan().CommonPrefixLength(right);
        if (i == left.Length || i == right.Length)
        {
            return left.Length.CompareTo(right.Length);
        }

        bool leftIsHigh = char.IsSurrogate(left[i]);
        return leftIsHigh == char.IsSurrogate(right[i]) ? left[i].CompareTo(right[i]) : leftIsHigh ? 1 : -1;
    }

    private static int CountPairs(string text)
    {
        int pairs = 0;
        for (int i = text.AsSpan().IndexOfAnyInRange('\uD800', '\uDBFF'); i >= 0 && i < text.Length - 1; i++)
        {
            pairs += char.IsSurrogatePair(text[i], text[i + 1]) ? 1 : 0;
        }

        return pairs;
    }

    private static string Scalar(JinjaContext context, object? value) => value switch
    {
        null => "None",
        bool flag => flag ? "True" : "False",
        long number => number.ToString(CultureInfo.InvariantCulture),
        BigInteger number => number.ToString(CultureInfo.InvariantCulture),
        double number => OfFloat(number),
        _ => throw context.Fault("a value to print", JinjaValue.Describe(value)),
    };

    private static void Represent(JinjaContext context, StringBuilder builder, object? value, int depth)
    {
        if (depth > JinjaLimits.Nesting)
        {
            throw context.Fault($"lists and dicts inside each other at most {JinjaLimits.Nesting} deep", "deeper ones");
        }

        int before = builder.Length;
        switch (value)
        {
            case string text:
                Quote(builder, text);
                break;
            case JinjaUndefined:
                builder.Append("Undefined");
                break;
            case JinjaList list:
                builder.Append(list.IsTuple ? '(' : '[');
                for (int i = 0; i < list.Items.Count; i++)
                {
                    builder.Append(i > 0 ? ", " : string.Empty);
                    Represent(context, builder, list.Items[i], depth + 1);
                }

                builder.Append(!list.IsTuple ? "]" : list.Items.Count == 1 ? ",)" : ")");
                break;
            case JinjaDict dict:
                builder.Append('{');
                string separator = string.Empty;
                foreach ((string key, object? item) in dict)
                {
                    builder.Append(separator);
                    separator = ", ";
                    Quote(builder, key);
                    builder.Append(": ");
                    Represent(context, builder, item, depth + 1);
                }

                builder.Append('}');
                break;
            case JinjaNamespace variables:
                builder.Append("<Namespace ");
                Represent(context, builder, variables.Values, depth + 1);
                builder.Append('>');
                break;
            default:
                builder.Append(Scalar(context, value));
                break;
        }

        context.Reserve(builder.Length - before);
    }

    private static void Quote(StringBuilder builder, string text)
    {
        char quote = text.Contains('\'', StringComparison.Ordinal) && !text.Contains('"', StringComparison.Ordinal) ? '"' : '\'';
        builder.Append(quote);
        for (int i = 0; i < text.Length; i++)
        {
            char c = text[i];
            if (c == quote || c == '\\')
            {
                builder.Append('\\').Append(c);
            }
            else if (c is '\n' or '\r' or '\t')
            {
                builder.Append(c == '\n' ? "\\n" : c == '\r' ? "\\r" : "\\t");
            }
            else if (c is >= ' ' and <= '~')
            {
                builder.Append(c);
            }
            else
            {
                bool isPair = char.IsSurrogatePair(text, i);
                int point = isPair ? char.ConvertToUtf32(text, i) : c;
                if (IsPrintable(text, i))
                {
                    builder.Append(text, i, isPair ? 2 : 1);
                }
                else
                {
                    (string prefix, string digits) = point < 0x100 ? ("\\x", "x2") : point < 0x10000 ? ("\\u", "x4") : ("\\U", "x8");
                    builder.Append(prefix).Append(point.ToString(digits, CultureInfo.InvariantCulture));
                }

                i += isPair ? 1 : 0;
            }
        }

        builder.Append(quote);
    }

    private static bool IsPrintable(string text, int at) => CharUnicodeInfo.GetUnicodeCategory(text, at) is not (
        UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.Surrogate or UnicodeCategory.PrivateUse
        or UnicodeCategory.OtherNotAssigned or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator
        or UnicodeCategory.SpaceSeparator);
}
