using System.Globalization;

namespace Cinnabar.Evaluation.Puzzles;

/// <summary>One step of a Countdown answer, such as 86+28=114.</summary>
/// <param name="Left">What stands before the operator.</param>
/// <param name="Operator">'+', '-', '*' or '/'.</param>
/// <param name="Right">What stands behind it.</param>
/// <param name="Result">What is said to come out, right or wrong.</param>
public readonly record struct CountdownStep(long Left, char Operator, long Right, long Result)
{
    private const int MostDigits = 18; // Always fits 64 bits.

    /// <summary>Whether the division leaves a rest (or divides by zero); false for other operators.</summary>
    public bool IsInexact => Operator == '/' && (Right == 0 || (Int128)Left % Right != 0);

    /// <summary>Whether the result is right, whole and not negative.</summary>
    public bool IsRight => Result >= 0 && !IsInexact && Operator switch
    {
        '+' => (Int128)Left + Right == Result,
        '-' => (Int128)Left - Right == Result,
        '*' => (Int128)Left * Right == Result,
        '/' => (Int128)Left / Right == Result,
        _ => false,
    };

    /// <summary>Reads "86+28=114": no blanks, digits only, at most 18 of them a number; the result may have a minus sign.</summary>
    /// <returns>False if the text has another form.</returns>
    public static bool TryParse(ReadOnlySpan<char> text, out CountdownStep step)
    {
        step = default;
        int sign = text.IndexOfAny("+-*/");
        int equals = text.IndexOf('=');
        if (sign < 0 || equals < sign)
        {
            return false;
        }

        ReadOnlySpan<char> result = text[(equals + 1)..];
        bool isNegative = result.StartsWith("-");
        if (!TryNumber(text[..sign], out long left) || !TryNumber(text[(sign + 1)..equals], out long right)
            || !TryNumber(isNegative ? result[1..] : result, out long value))
        {
            return false;
        }

        step = new CountdownStep(left, text[sign], right, isNegative ? -value : value);
        return true;
    }

    /// <summary>As it is written in an answer.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Left}{Operator}{Right}={Result}");

    private static bool TryNumber(ReadOnlySpan<char> text, out long number)
    {
        // The platform's parser lets zero characters pass behind the digits.
        number = 0;
        return text.Length <= MostDigits && !text.ContainsAnyExceptInRange('0', '9')
            && long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);
    }
}
