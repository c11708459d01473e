// The three ways to write a meaning of the E2E data, a list of names and values:
//
//   marks    __start_name__ Blue Spice __end_name__ __start_eatType__ pub __end_eatType__
//   bars     name : Blue Spice | Type : pub
//   prompt   name: Blue Spice | eatType: pub\n
using System.Text.RegularExpressions;

namespace Cinnabar.Evaluation.Tasks;

/// <summary>What a restaurant description is to say.</summary>
internal static partial class RestaurantMeaning
{
    private const string Between = " | ";

    /// <summary>The prompt for a meaning in marks; null if the line is none.</summary>
    public static string? PromptOfMarks(string line)
    {
        List<string> slots = [];
        int at = 0;
        while (at < line.Length)
        {
            Match match = Marked().Match(line, at);
            if (!match.Success)
            {
                return null;
            }

            slots.Add($"{match.Groups["name"].Value}: {match.Groups["value"].Value}");
            at += match.Length;
        }

        return slots.Count > 0 ? string.Join(Between, slots) + "\n" : null;
    }

    /// <summary>The prompt for a meaning in bars, its names as the training part has them; null if the line is none.</summary>
    public static string? PromptOfBars(string line)
    {
        List<string> slots = [];
        foreach (string slot in line.Split('|'))
        {
            string[] parts = slot.Split(" : ", 2, StringSplitOptions.TrimEntries);
            if (parts.Length < 2 || parts[0].Length == 0 || parts[1].Length == 0)
            {
                return null;
            }

            slots.Add($"{TrainingName(parts[0])}: {parts[1]}");
        }

        return string.Join(Between, slots) + "\n";
    }

    /// <summary>The share of the prompt's values that stand in an answer, "yes" and "no" aside; 1 if there are no others.</summary>
    public static double ShareSaid(string prompt, string answer)
    {
        string[] values = [.. prompt.TrimEnd('\n').Split(Between)
            .Select(slot => slot[(slot.IndexOf(": ", StringComparison.Ordinal) + 2)..])
            .Where(value => value is not ("yes" or "no"))];
        return values.Length == 0 ? 1 : (double)values.Count(value => StandsIn(value, answer)) / values.Length;
    }

    // Whole words only: "pub" does not stand in "public".
    private static bool StandsIn(string value, string text)
    {
        for (int at = text.IndexOf(value, StringComparison.Ordinal); at >= 0; at = text.IndexOf(value, at + 1, StringComparison.Ordinal))
        {
            int end = at + value.Length;
            if ((at == 0 || !char.IsLetterOrDigit(text[at - 1])) && (end == text.Length || !char.IsLetterOrDigit(text[end])))
            {
                return true;
            }
        }

        return false;
    }

    private static string TrainingName(string name) => name switch
    {
        "Type" => "eatType",
        "price" => "priceRange",
        "customer rating" => "customerrating",
        "family friendly" => "familyFriendly",
        _ => name,
    };

    // A value without the bar that parts values in a prompt.
    [GeneratedRegex(@"\G__start_(?<name>\w+?)__ (?<value>[^|]+?) __end_\k<name>__(?: |\z)", RegexOptions.CultureInvariant)]
    private static partial Regex Marked();
}
