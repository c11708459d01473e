// The number that a worked answer arrives at: the first one after "####", else the last one of the text. Numbers are compared as text
// in one form: no thousands separators, no currency sign, no zeros that say nothing ("$1,080.00" → "1080", "-0.50" → "-0.5").
// A minus sign counts where it does not stand between two terms ("16-3" ends in 3).
using System.Text.RegularExpressions;

namespace Cinnabar.Evaluation.Tasks;

/// <summary>Finds the result in a worked answer.</summary>
internal static partial class FinalNumber
{
    private const string Mark = "####";

    /// <summary>The number in its one form; null if the text has none.</summary>
    public static string? Of(string text)
    {
        int mark = text.IndexOf(Mark, StringComparison.Ordinal);
        Match marked = mark < 0 ? Match.Empty : Number().Match(text[(mark + Mark.Length)..]);
        Match? found = marked.Success ? marked : Number().Matches(text).LastOrDefault();
        return found is null ? null : OneForm(found);
    }

    private static string OneForm(Match number)
    {
        string whole = number.Groups["whole"].Value.Replace(",", "", StringComparison.Ordinal).TrimStart('0');
        string part = number.Groups["part"].Value.TrimEnd('0');
        string digits = (whole.Length == 0 ? "0" : whole) + (part.Length == 0 ? "" : "." + part);
        return number.Groups["minus"].Success && digits != "0" ? "-" + digits : digits;
    }

    // Commas part groups of three only, so that "1,2,3" is a list.
    [GeneratedRegex(
        @"(?<minus>(?<![0-9A-Za-z)\]])[-−])?\$?"
        + @"(?:(?<whole>[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])|[0-9]+)(?:\.(?<part>[0-9]+))?|\.(?<part>[0-9]+))",
        RegexOptions.CultureInvariant)]
    private static partial Regex Number();
}
