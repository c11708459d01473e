using Cinnabar.Evaluation;

namespace Cinnabar.Cli;

/// <summary>Finds the word that a misspelt one was probably meant to be.</summary>
internal static class NearestMatch
{
    /// <summary>
    /// The known word with the smallest edit distance to <paramref name="word"/>, or null if none is within a third of its length (at
    /// least 1).
    /// </summary>
    public static string? Find(string word, IEnumerable<string> known) =>
        known.Select(k => (Word: k, Distance: EditSimilarity.Distance(word, k)))
            .Where(k => k.Distance <= Math.Max(1, word.Length / 3))
            .OrderBy(k => k.Distance)
            .ThenBy(k => k.Word, StringComparer.Ordinal)
            .Select(k => k.Word)
            .FirstOrDefault();
}
