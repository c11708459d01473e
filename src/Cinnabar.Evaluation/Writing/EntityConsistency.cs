// Whether a long text speaks of the same persons and places all along, by a simple count.
//
//   parts         the text in pieces of P tokens; for a collage P is what a segment adds, so that a part is mostly one segment
//   name          a word of two letters or more, the first upper case and the others lower case (an apostrophe and what follows cut off),
//                 that does not begin a sentence: there is a word before it in its line, which does not end with . ! ? : or with one of
//                 these and a quotation mark, and no quotation mark stands in front. Mr., Mrs., Ms., Dr. and St. neither are names nor end
//                 a sentence
//   consistency   of the different names of all parts but the last, the share that comes again in a part behind the one it first stands in
//
// A text that changes its heroes at every seam has a low share, and so has one that names everybody once: the figure says something beside
// that of a person's text, cut in the same way.
namespace Cinnabar.Evaluation.Writing;

/// <summary>Counts names that come again.</summary>
public static class EntityConsistency
{
    private const string Quotes = "\"“”‘’'«»(";

    private static readonly string[] s_titles = ["Mr", "Mrs", "Ms", "Dr", "St"];

    /// <summary>The share of names that come again in a later part; null if there is one part, or no name before the last.</summary>
    /// <param name="parts">The text in pieces.</param>
    public static double? Of(IReadOnlyList<string> parts)
    {
        Dictionary<string, int> first = [];
        HashSet<string> again = [];
        foreach ((int index, string part) in parts.Index())
        {
            foreach (string name in Names(part))
            {
                if (!first.TryAdd(name, index) && first[name] < index)
                {
                    again.Add(name);
                }
            }
        }

        int early = first.Values.Count(index => index < parts.Count - 1);
        return early == 0 ? null : (double)again.Count / early;
    }

    /// <summary>The names of a text, each as often as it stands there.</summary>
    public static IEnumerable<string> Names(string text)
    {
        foreach (string line in text.Split('\n'))
        {
            string? before = null;
            foreach (string word in line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries))
            {
                bool begins = before is null || Ends(before) || Quotes.Contains(word[0], StringComparison.Ordinal);
                if (!begins && NameOf(word) is string name)
                {
                    yield return name;
                }

                before = word;
            }
        }
    }

    private static bool Ends(string word)
    {
        string bare = word.TrimEnd('"', '”', '’', '\'', '»', ')');
        return bare.Length == 0 || (bare[^1] is '.' or '!' or '?' or ':' && !(bare[^1] == '.' && s_titles.Contains(bare[..^1])));
    }

    private static string? NameOf(string word)
    {
        int length = 0;
        while (length < word.Length && char.IsLetter(word[length]))
        {
            length++;
        }

        string name = word[..length];
        return length >= 2 && char.IsUpper(name[0]) && name.Skip(1).All(char.IsLower) && !s_titles.Contains(name) ? name : null;
    }
}
