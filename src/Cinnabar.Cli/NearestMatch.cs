namespace Cinnabar.Cli;

/// <summary>Finds the word that a misspelt one was probably meant to be.</summary>
internal static class NearestMatch
{
    /// <summary>The known word with the smallest edit distance to <paramref name="word"/>, or null if none is within a third of its length (at least 1).</summary>
    public static string? Find(string word, IEnumerable<string> known) =>
        known.Select(k => (Word: k, Distance: EditDistance(word, k)))
            .Where(k => k.Distance <= Math.Max(1, word.Length / 3))
            .OrderBy(k => k.Distance)
            .ThenBy(k => k.Word, StringComparer.Ordinal)
            .Select(k => k.Word)
            .FirstOrDefault();

    // Levenshtein distance over one rolling row.
    private static int EditDistance(string a, string b)
    {
        int[] row = [.. Enumerable.Range(0, b.Length + 1)];
        for (int i = 1; i <= a.Length; i++)
        {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= b.Length; j++)
            {
                int substitution = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(substitution, Math.Min(row[j], row[j - 1]) + 1);
            }
        }

        return row[^1];
    }
}
