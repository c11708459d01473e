// ==, !=, <, <=, >, >=, in, not in, as Python compares: numbers of all kinds with each other (True is 1), texts by code points, lists
// with lists and tuples with tuples element by element, dicts by keys and values whatever their order. What has no order is a fault.
using System.Numerics;

namespace Cinnabar.Chat.Jinja;

/// <summary>Compares values.</summary>
internal static class JinjaComparison
{
    /// <summary>Whether a comparison holds.</summary>
    public static bool Holds(JinjaContext context, string sign, object? left, object? right) => sign switch
    {
        "==" => AreEqual(context, left, right),
        "!=" => !AreEqual(context, left, right),
        "in" => Contains(context, right, left),
        "not in" => !Contains(context, right, left),
        "<" => Compare(context, left, right) is < 0,
        "<=" => Compare(context, left, right) is <= 0,
        ">" => Compare(context, left, right) is > 0,
        _ => Compare(context, left, right) is >= 0,
    };

    /// <summary>==.</summary>
    public static bool AreEqual(JinjaContext context, object? left, object? right) => AreEqual(context, left, right, depth: 0);

    /// <summary>Negative, zero or positive; null if one is not a number (NaN), with which nothing holds.</summary>
    public static int? Compare(JinjaContext context, object? left, object? right) => Compare(context, left, right, depth: 0);

    /// <summary>in: an element of a list, a key of a dict, a part of a text.</summary>
    public static bool Contains(JinjaContext context, object? container, object? wanted)
    {
        if (container is string text)
        {
            string part = JinjaValue.Text(context, wanted, "the left side of 'in' before a text");
            context.ReserveSearch(text.Length, part.Length);
            return text.Contains(part, StringComparison.Ordinal);
        }

        if (container is JinjaDict dict)
        {
            return wanted is string key && dict.ContainsKey(key);
        }

        foreach (object? item in JinjaValue.Iterate(context, container))
        {
            if (AreEqual(context, item, wanted))
            {
                return true;
            }
        }

        return false;
    }

    private static bool AreEqual(JinjaContext context, object? left, object? right, int depth)
    {
        context.Spend(JinjaLimits.EvaluationWork);
        Descend(context, depth);
        switch (left, right)
        {
            case (string a, string b):
                context.Spend(a.Length / 16);
                return a == b;
            case (JinjaList a, JinjaList b):
                return a.IsTuple == b.IsTuple && a.Items.Count == b.Items.Count
                    && !a.Items.Where((item, i) => !AreEqual(context, item, b.Items[i], depth + 1)).Any();
            case (JinjaDict a, JinjaDict b):
                return a.Count == b.Count
                    && a.All(pair => b.TryGetValue(pair.Key, out object? other) && AreEqual(context, pair.Value, other, depth + 1));
            case (null, null) or (JinjaUndefined, JinjaUndefined):
                return true;
            default:
                return IsNumber(left) && IsNumber(right) ? CompareNumbers(left, right) == 0 : ReferenceEquals(left, right);
        }
    }

    private static int? Compare(JinjaContext context, object? left, object? right, int depth)
    {
        context.Spend(JinjaLimits.EvaluationWork);
        Descend(context, depth);
        switch (left, right)
        {
            case (string a, string b):
                context.Spend(Math.Min(a.Length, b.Length) / 16);
                return PythonText.Compare(a, b);
            case (JinjaList a, JinjaList b) when a.IsTuple == b.IsTuple:
                for (int i = 0; i < a.Items.Count && i < b.Items.Count; i++)
                {
                    if (!AreEqual(context, a.Items[i], b.Items[i], depth + 1))
                    {
                        return Compare(context, a.Items[i], b.Items[i], depth + 1);
                    }
                }

                return a.Items.Count.CompareTo(b.Items.Count);
            default:
                return IsNumber(left) && IsNumber(right)
                    ? CompareNumbers(left, right)
                    : throw context.Fault(
                        "two numbers, texts or lists to compare", $"{JinjaValue.Describe(left)} and {JinjaValue.Describe(right)}");
        }
    }

    // The values of a template are finite, but a chain of sets can nest them deeper than the thread's stack goes.
    private static void Descend(JinjaContext context, int depth)
    {
        if (depth > JinjaLimits.Nesting)
        {
            throw context.Fault($"lists and dicts inside each other at most {JinjaLimits.Nesting} deep", "deeper ones");
        }
    }

    private static bool IsNumber(object? value) => value is long or double or bool or BigInteger;

    private static int? CompareNumbers(object? left, object? right)
    {
        if (left is long x && right is long y)
        {
            return x.CompareTo(y);
        }

        if (left is double || right is double)
        {
            double a = AsDouble(left);
            double b = AsDouble(right);
            return double.IsNaN(a) || double.IsNaN(b) ? null : a.CompareTo(b);
        }

        return AsInteger(left).CompareTo(AsInteger(right));
    }

    private static double AsDouble(object? value) => value is double number ? number : (double)AsInteger(value);

    private static BigInteger AsInteger(object? value) => value switch
    {
        bool flag => flag ? 1 : 0,
        long number => number,
        _ => (BigInteger)value!,
    };
}
