// How alike two texts are: 1 − Levenshtein(a, b) / max(|a|, |b|), over UTF-16 units (Levenshtein 1966; the "edit similarity" of code
// completion benchmarks such as CodeXGLUE).
namespace Cinnabar.Evaluation;

/// <summary>Edit distance and the similarity made from it.</summary>
public static class EditSimilarity
{
    /// <summary>1 for equal texts, 0 for texts that share nothing in order; two empty texts are equal.</summary>
    public static double Of(string a, string b) =>
        a.Length == 0 && b.Length == 0 ? 1 : 1 - ((double)Distance(a, b) / Math.Max(a.Length, b.Length));

    /// <summary>The fewest insertions, deletions and replacements of single characters that turn one text into the other.</summary>
    public static int Distance(ReadOnlySpan<char> a, ReadOnlySpan<char> b)
    {
        // row[j] = distance of a's first i characters and b's first j.
        var row = new int[b.Length + 1];
        for (int j = 0; j < row.Length; j++)
        {
            row[j] = j;
        }

        for (int i = 1; i <= a.Length; i++)
        {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= b.Length; j++)
            {
                int replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(replaced, Math.Min(row[j], row[j - 1]) + 1);
            }
        }

        return row[^1];
    }
}
