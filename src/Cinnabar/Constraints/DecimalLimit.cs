// The decimal numbers on one side of a limit, as a syntax tree. Numbers are written sign, whole, fraction, without exponent; leading zeros
// are somebody else's concern (JsonNumbers intersects with the form of a number).
//
// Of two wholes the one with more digits is greater; with as many, the first digit that differs decides. With b = b₁…b_n . f₁…f_m, these
// x without sign are at least b:
//
//   d…d (n+1 or more, the first not 0) [.d…]            more digits
//   b₁…b_{k−1} (a digit > b_k) d{n−k} [.d…]             decided in the whole,       k = 1 … n
//   b₁…b_n . f₁…f_{k−1} (a digit > f_k) d…              decided in the fraction,    k = 1 … m
//   b₁…b_n . f₁…f_m d…                                  equal so far; for x > b a digit that is not 0 must follow
//
// and x ≤ b by the same rule with fewer digits and smaller ones, or a fraction that stops earlier. With a sign the order turns around.
namespace Cinnabar.Constraints;

/// <summary>Numbers up to or from a limit.</summary>
internal static class DecimalLimit
{
    private static readonly RegexNode s_digits = RegexParser.Known("\\d*");
    private static readonly RegexNode s_anyFraction = RegexParser.Known("(\\.\\d+)?");
    private static readonly RegexNode s_anyMagnitude = RegexParser.Known("\\d+(\\.\\d+)?");
    private static readonly RegexNode s_zeroFraction = RegexParser.Known("(\\.0+)?");
    private static readonly RegexNode s_minus = RegexNode.Text("-");

    /// <summary>Numbers ≥ a limit, or above it.</summary>
    public static RegexNode AtLeast(DecimalNumber limit, bool strict)
    {
        (RegexNode plus, RegexNode minus) = Sides(limit, strict);
        return RegexNode.Either(plus, RegexNode.Concatenate(s_minus, minus));
    }

    /// <summary>Numbers ≤ a limit, or below it: x ≤ b if −x ≥ −b.</summary>
    public static RegexNode AtMost(DecimalNumber limit, bool strict)
    {
        (RegexNode minus, RegexNode plus) = Sides(limit.Negated(), strict);
        return RegexNode.Either(plus, RegexNode.Concatenate(s_minus, minus));
    }

    // Of the numbers at least a limit: the digits of those without a sign, and of those with one.
    private static (RegexNode Plus, RegexNode Minus) Sides(DecimalNumber limit, bool strict)
    {
        if (limit.Negative)
        {
            return (s_anyMagnitude, Below(limit, strict));
        }

        bool minusZero = limit.IsZero && !strict; // -0 is 0
        return (Above(limit, strict), minusZero ? Below(limit, strict: false) : RegexNode.Nothing);
    }

    private static RegexNode Above(DecimalNumber limit, bool strict)
    {
        (string whole, string fraction) = (limit.Whole, limit.Fraction);
        RegexNode notZero = Digits('1', '9');
        List<RegexNode> choices = [RegexNode.Concatenate(notZero, AnyDigits(whole.Length), s_digits, s_anyFraction)];
        for (int k = 0; k < whole.Length; k++)
        {
            choices.Add(RegexNode.Concatenate(
                RegexNode.Text(whole[..k]), Digits(Next(whole[k]), '9'), AnyDigits(whole.Length - k - 1), s_anyFraction));
        }

        for (int k = 0; k < fraction.Length; k++)
        {
            choices.Add(RegexNode.Concatenate(RegexNode.Text($"{whole}.{fraction[..k]}"), Digits(Next(fraction[k]), '9'), s_digits));
        }

        if (strict)
        {
            RegexNode zeros = RegexNode.Repeat(RegexNode.Text("0"), 0, RegexNode.Unbounded);
            choices.Add(RegexNode.Concatenate(RegexNode.Text($"{whole}.{fraction}"), zeros, notZero, s_digits));
        }
        else
        {
            choices.Add(fraction.Length == 0
                ? RegexNode.Concatenate(RegexNode.Text(whole), s_anyFraction)
                : RegexNode.Concatenate(RegexNode.Text($"{whole}.{fraction}"), s_digits));
        }

        return RegexNode.Either(choices);
    }

    private static RegexNode Below(DecimalNumber limit, bool strict)
    {
        (string whole, string fraction) = (limit.Whole, limit.Fraction);
        List<RegexNode> choices = [];
        for (int k = 0; k < whole.Length; k++)
        {
            choices.Add(k == 0 ? RegexNode.Nothing : RegexNode.Concatenate(AnyDigits(k), s_anyFraction)); // fewer digits
            choices.Add(RegexNode.Concatenate(
                RegexNode.Text(whole[..k]), Digits('0', Previous(whole[k])), AnyDigits(whole.Length - k - 1), s_anyFraction));
        }

        for (int k = 0; k < fraction.Length; k++)
        {
            choices.Add(RegexNode.Text(k == 0 ? whole : $"{whole}.{fraction[..k]}")); // stops earlier
            choices.Add(RegexNode.Concatenate(RegexNode.Text($"{whole}.{fraction[..k]}"), Digits('0', Previous(fraction[k])), s_digits));
        }

        if (!strict)
        {
            choices.Add(fraction.Length == 0
                ? RegexNode.Concatenate(RegexNode.Text(whole), s_zeroFraction)
                : RegexNode.Concatenate(
                    RegexNode.Text($"{whole}.{fraction}"), RegexNode.Repeat(RegexNode.Text("0"), 0, RegexNode.Unbounded)));
        }

        return RegexNode.Either(choices);
    }

    private static char Next(char digit) => (char)(digit + 1);

    private static char Previous(char digit) => (char)(digit - 1);

    // A digit of a range, which is empty above 9 and below 0.
    private static RegexNode Digits(char first, char last) =>
        first > last ? RegexNode.Nothing : RegexNode.OneOf(CharacterSet.Of(new CharacterRange(first, last)));

    private static RegexNode AnyDigits(int count) => RegexNode.Repeat(Digits('0', '9'), count, count);
}
