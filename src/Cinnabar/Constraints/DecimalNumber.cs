// A number of JSON by its digits, so that limits of any size are compared exactly: ± whole.fraction, without leading zeros in the whole and
// without trailing ones in the fraction.
using System.Globalization;

namespace Cinnabar.Constraints;

/// <summary>A decimal number, exact.</summary>
internal sealed record DecimalNumber
{
    private const int MaxDigits = 400; // a little more than the largest double has

    /// <summary>Whether it is below zero; never for zero itself.</summary>
    public bool Negative { get; private init; }

    /// <summary>Digits before the point, "0" or without leading zeros.</summary>
    public required string Whole { get; init; }

    /// <summary>Digits behind the point, without trailing zeros.</summary>
    public required string Fraction { get; init; }

    /// <summary>Whether it is zero.</summary>
    public bool IsZero => Whole == "0" && Fraction.Length == 0;

    /// <summary>The one spelling without exponent and without zeros that say nothing.</summary>
    public string Spelling => $"{(Negative ? "-" : "")}{Whole}{(Fraction.Length == 0 ? "" : ".")}{Fraction}";

    /// <summary>Reads a number as JSON writes it; null where it has too many digits.</summary>
    public static DecimalNumber? Parse(string json)
    {
        string digits = json.TrimStart('-');
        int e = digits.IndexOfAny(['e', 'E']);
        string exponentText = e < 0 ? "0" : digits[(e + 1)..];
        digits = e < 0 ? digits : digits[..e];
        if (!int.TryParse(exponentText, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int exponent)
            || Math.Abs((long)exponent) > MaxDigits || digits.Length > MaxDigits)
        {
            return null;
        }

        // Moves the point by the exponent.
        int point = digits.IndexOf('.', StringComparison.Ordinal);
        int places = (point < 0 ? digits.Length : point) + exponent;
        digits = digits.Replace(".", "", StringComparison.Ordinal);
        digits = places > digits.Length ? digits.PadRight(places, '0') : digits;
        (digits, places) = places < 0 ? (new string('0', -places) + digits, 0) : (digits, places);
        string whole = digits[..places].TrimStart('0');
        string fraction = digits[places..].TrimEnd('0');
        DecimalNumber number = new() { Whole = whole.Length == 0 ? "0" : whole, Fraction = fraction };
        return number with { Negative = json[0] == '-' && !number.IsZero };
    }

    /// <summary>−this.</summary>
    public DecimalNumber Negated() => this with { Negative = !Negative && !IsZero };
}
