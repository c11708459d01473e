// Numbers of a JSON schema. Without limits they are the numbers of JSON; with limits the intersection of
//
//   the form     whole numbers 0|-?[1-9]\d*, or decimals -?(0|[1-9]\d*)(\.\d+)? without exponent; multipleOf 10^−p: p digits at most
//   each limit   minimum, maximum, exclusiveMinimum, exclusiveMaximum (DecimalLimit), exact however long
//   the divisor  multipleOf a whole number (DigitsModulo); such numbers are written without a point
namespace Cinnabar.Constraints;

/// <summary>Numbers as syntax trees.</summary>
internal static class JsonNumbers
{
    /// <summary>Any number of JSON.</summary>
    public static RegexNode Any { get; } = RegexParser.Known("-?(0|[1-9]\\d*)(\\.\\d+)?([eE][+-]?\\d+)?");

    /// <summary>Any whole number without point and exponent.</summary>
    public static RegexNode Whole { get; } = RegexParser.Known("0|-?[1-9]\\d*");

    private static readonly RegexNode s_decimal = RegexParser.Known("-?(0|[1-9]\\d*)(\\.\\d+)?");

    /// <summary>A limit of a range.</summary>
    internal readonly record struct Limit(DecimalNumber Value, bool IsLeast, bool Strict);

    /// <summary>What numbers of a form within limits must all satisfy, at least one condition.</summary>
    /// <param name="whole">Whether only whole numbers.</param>
    /// <param name="limits">What they must satisfy.</param>
    /// <param name="multipleOf">What they must be a multiple of, or null: a whole number or a power of ten.</param>
    /// <param name="budget">What it may cost.</param>
    /// <returns>The conditions; null where such multiples are not supported.</returns>
    public static IReadOnlyList<RegexNode>? Within(
        bool whole, IReadOnlyList<Limit> limits, DecimalNumber? multipleOf, CompilationBudget budget)
    {
        List<RegexNode> conditions = [];
        if (multipleOf is null)
        {
            conditions.Add(whole ? Whole : limits.Count == 0 ? Any : s_decimal);
        }
        else if (multipleOf.Fraction.Length == 0)
        {
            if (!int.TryParse(multipleOf.Whole, out int divisor) || divisor > DigitsModulo.MaxDivisor)
            {
                return null;
            }

            conditions.Add(Whole);
            conditions.Add(DigitsModulo.MultiplesOf(divisor, budget));
        }
        else if (multipleOf.Whole == "0" && multipleOf.Fraction.TrimStart('0') == "1")
        {
            conditions.Add(whole ? Whole : RegexParser.Known($"-?(0|[1-9]\\d*)(\\.\\d{{1,{multipleOf.Fraction.Length}}})?"));
        }
        else
        {
            return null;
        }

        conditions.AddRange(limits.Select(limit =>
            limit.IsLeast ? DecimalLimit.AtLeast(limit.Value, limit.Strict) : DecimalLimit.AtMost(limit.Value, limit.Strict)));
        return conditions;
    }
}
