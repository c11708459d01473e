// How varied texts are. A word is what stands between white space; n-grams are of words.
//
//   unigram entropy     −Σ_v p(v) log2 p(v) bits, p(v) the share of token v in one text. Low: few tokens again and again. It grows with the
//                       length of the text, so compare equally long ones (Zheng et al. 2024, arXiv 2409.02908)
//   distinct-n          different n-grams / n-grams of one text (Li et al. 2016)
//   repeated n-grams    1 − distinct-n; of 4 words it is seq-rep-4 (Welleck et al. 2019)
//   self-BLEU           mean BLEU-4 of each text with all others as its references, 0 … 100: high if texts are alike (Zhu et al. 2018)
//
// Deviation: BLEU is that of Bleu.cs, which adds one to every count. The texts of a self-BLEU share references, so its standard error
// is too small by an unknown factor; it is of the texts as if they were independent.
namespace Cinnabar.Evaluation.Writing;

/// <summary>Measures of variety.</summary>
public static class TextDiversity
{
    /// <summary>Entropy of the tokens of a text in bits; 0 for no token.</summary>
    public static double UnigramEntropy(IReadOnlyList<int> ids)
    {
        double bits = 0;
        foreach ((int _, int count) in ids.CountBy(id => id))
        {
            double share = (double)count / ids.Count;
            bits -= share * Math.Log2(share);
        }

        return bits;
    }

    /// <summary>Different n-grams of words / n-grams of words; 1 for a text shorter than n words, which repeats nothing.</summary>
    public static double Distinct(string text, int n)
    {
        string[] words = Words(text);
        int count = words.Length - n + 1;
        return count < 1 ? 1 : (double)Enumerable.Range(0, count).Select(i => string.Join(' ', words, i, n)).Distinct().Count() / count;
    }

    /// <summary>BLEU of each text with the others as references, 0 … 100; empty for fewer than two texts.</summary>
    public static double[] SelfBleu(IReadOnlyList<string> texts) => texts.Count < 2
        ? []
        : [.. texts.Select((text, i) => Bleu.Of([(text, [.. texts.Where((_, other) => other != i)])]))];

    private static string[] Words(string text) => text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
}
