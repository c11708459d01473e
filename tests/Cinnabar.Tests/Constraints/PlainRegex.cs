using System.Text.RegularExpressions;

namespace Cinnabar.Tests.Constraints;

// A regular expression by its definition: where in a text can a match end that begins at i? Slow, and without automata or backtracking.
internal sealed class PlainRegex(string ours, string theirs, Func<string, int, IEnumerable<int>> ends)
{
    private string? _text;
    private int[]?[] _ends = []; // of _text, by where the match begins

    // As Cinnabar reads it, and as .NET does where that differs.
    public string Ours => ours;

    public string Theirs => theirs;

    public bool Matches(string text) => Ends(text, 0).Contains(text.Length);

    public static PlainRegex Atom(string ours, string theirs)
    {
        Regex one = new($"\\A{theirs}\\z", RegexOptions.CultureInvariant);
        Dictionary<char, bool> known = [];
        return new(ours, theirs, (text, i) => i < text.Length && IsOne(text[i]) ? [i + 1] : []);

        bool IsOne(char c) => known.TryGetValue(c, out bool isOne) ? isOne : known[c] = one.IsMatch(c.ToString());
    }

    public static PlainRegex Sequence(IReadOnlyList<PlainRegex> parts) => new(
        string.Concat(parts.Select(part => part.Ours)),
        string.Concat(parts.Select(part => part.Theirs)),
        (text, i) => parts.Aggregate<PlainRegex, IEnumerable<int>>(
            [i], (from, part) => [.. from.SelectMany(j => part.Ends(text, j)).Distinct()]));

    public static PlainRegex Either(IReadOnlyList<PlainRegex> choices) => new(
        string.Join('|', choices.Select(choice => choice.Ours)),
        string.Join('|', choices.Select(choice => choice.Theirs)),
        (text, i) => choices.SelectMany(choice => choice.Ends(text, i)));

    public static PlainRegex Group(PlainRegex inner, string open) => new($"{open}{inner.Ours})", $"(?:{inner.Theirs})", inner.Ends);

    public static PlainRegex Repeat(PlainRegex part, string quantifier, int least, int most) =>
        new(part.Ours + quantifier, part.Theirs + quantifier, (text, i) =>
        {
            // Behind as many as must be, what is reached again leads nowhere new.
            HashSet<int> reached = [i];
            for (int count = 0; count < least; count++)
            {
                reached = [.. reached.SelectMany(j => part.Ends(text, j))];
            }

            HashSet<int> last = reached;
            for (int count = least; count < most && last.Count > 0; count++)
            {
                last = [.. last.SelectMany(j => part.Ends(text, j)).Where(end => !reached.Contains(end))];
                reached = [.. reached, .. last];
            }

            return reached;
        });

    private int[] Ends(string text, int i)
    {
        if (!ReferenceEquals(text, _text))
        {
            (_text, _ends) = (text, new int[text.Length + 1][]);
        }

        return _ends[i] ??= [.. ends(text, i).Distinct()];
    }
}
