using System.CommandLine;

namespace Cinnabar.Cli;

/// <summary>Options that take whole numbers of a range.</summary>
internal static class OptionRange
{
    /// <summary>Refuses other numbers.</summary>
    public static void RequireRange(this Option<int> option, int least, int most) => option.Validators.Add(result =>
    {
        if (result.GetValueOrDefault<int>() is var found && (found < least || found > most))
        {
            result.AddError($"Expected {option.Name} to be {least} … {most}, found {found}.");
        }
    });

    /// <summary>Refuses other numbers, where one is given.</summary>
    public static void RequireRange(this Option<int?> option, int least, int most) => option.Validators.Add(result =>
    {
        if (result.GetValueOrDefault<int?>() is int found && (found < least || found > most))
        {
            result.AddError($"Expected {option.Name} to be {least} … {most}, found {found}.");
        }
    });

    /// <summary>Refuses other numbers among several.</summary>
    public static void RequireRange(this Option<int[]> option, int least, int most) => option.Validators.Add(result =>
    {
        foreach (int found in (result.GetValueOrDefault<int[]>() ?? []).Where(found => found < least || found > most))
        {
            result.AddError($"Expected {option.Name} to be {least} … {most}, found {found}.");
        }
    });
}
