// Options that take numbers.
//
// What was typed is looked at, not its value: validators run before the parser converts, and whoever asks for the value of what is no
// number gets an exception.
using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;

namespace Cinnabar.Cli;

/// <summary>Options that take numbers of a range.</summary>
internal static class OptionRange
{
    /// <summary>Refuses other numbers.</summary>
    public static void RequireRange(this Option<int> option, int least, int most) => RequireWhole(option, least, most);

    /// <summary>Refuses other numbers, where one is given.</summary>
    public static void RequireRange(this Option<int?> option, int least, int most) => RequireWhole(option, least, most);

    /// <summary>Refuses other numbers among several.</summary>
    public static void RequireRange(this Option<int[]> option, int least, int most) => RequireWhole(option, least, most);

    /// <summary>Refuses other numbers.</summary>
    public static void RequireRange(this Option<double> option, double least, double most) =>
        RequireReal(option, $"{least} … {most}", number => number >= least && number <= most);

    /// <summary>Refuses other numbers, where one is given.</summary>
    public static void RequireRange(this Option<double?> option, double least, double most) =>
        RequireReal(option, $"{least} … {most}", number => number >= least && number <= most);

    /// <summary>Refuses 0 too, where a number is given.</summary>
    public static void RequirePositive(this Option<double?> option, double most) =>
        RequireReal(option, $"greater than 0, at most {most}", number => number > 0 && number <= most);

    /// <summary>Refuses what is no number.</summary>
    public static void RequireNumber(this Option<double?> option) => option.Validators.Add(result =>
    {
        foreach (Token token in result.Tokens.Where(token => NumberOf(token) is null))
        {
            result.AddError($"Expected {option.Name} to be a number, found {TerminalText.Quote(token.Value)}.");
        }
    });

    private static void RequireReal(Option option, string range, Func<double, bool> holds) => option.Validators.Add(result =>
    {
        foreach (Token token in result.Tokens)
        {
            if (NumberOf(token) is not double found)
            {
                result.AddError($"Expected {option.Name} to be a number, {range}, found {TerminalText.Quote(token.Value)}.");
            }
            else if (!holds(found))
            {
                result.AddError($"Expected {option.Name} to be {range}, found {token.Value}.");
            }
        }
    });

    private static void RequireWhole(Option option, int least, int most) => option.Validators.Add(result =>
    {
        foreach (Token token in result.Tokens)
        {
            if (!int.TryParse(token.Value, NumberStyles.Integer, CultureInfo.InvariantCulture, out int found))
            {
                string typed = TerminalText.Quote(token.Value);
                result.AddError($"Expected {option.Name} to be a whole number, {least} … {most}, found {typed}.");
            }
            else if (found < least || found > most)
            {
                result.AddError($"Expected {option.Name} to be {least} … {most}, found {found}.");
            }
        }
    });

    // The parser itself would take the comma of 0,5 for one between thousands, and read 5.
    private static double? NumberOf(Token token) =>
        double.TryParse(token.Value, NumberStyles.Float, CultureInfo.InvariantCulture, out double number) ? number : null;
}
