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
    public static void RequireRange(this Option<double> option, double least, double most) => option.Validators.Add(result =>
    {
        foreach (Token token in result.Tokens)
        {
            if (NumberOf(token) is not double found)
            {
                result.AddError($"Expected {option.Name} to be a number, {least} … {most}, found {TerminalText.Quote(token.Value)}.");
            }
            else if (!(found >= least && found <= most))
            {
                result.AddError($"Expected {option.Name} to be {least} … {most}, found {token.Value}.");
            }
        }
    });

    /// <summary>Refuses what is no number.</summary>
    public static void RequireNumber(this Option<double?> option) => option.Validators.Add(result =>
    {
        foreach (Token token in result.Tokens.Where(token => NumberOf(token) is null))
        {
            result.AddError($"Expected {option.Name} to be a number, found {TerminalText.Quote(token.Value)}.");
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
