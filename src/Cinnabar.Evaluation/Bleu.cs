// Corpus BLEU-4 (Papineni et al. 2002) as CodeXGLUE computes it, tokens divided by white space:
//
//   BLEU = 100 · BP · exp(¼ Σₙ ln pₙ), n = 1 … 4
//   pₙ   = (1 + Σ over answers and their distinct n-grams g of min(count of g in the answer, its highest count in one reference))
//        / (1 + Σ over answers of their number of n-grams)
//   BP   = 1 if c ≥ r, else exp(1 − r / c); c tokens of all answers, r tokens of their references
//
// Of several references the one closest in length counts for r, the shorter of two as close. The sums run over the whole corpus before
// anything is divided. One is added for every n, unigrams included (Lin and Och 2004 spare those): with one reference this is the
// number in CodeXGLUE's tables of code translation. Published BLEU of other tasks is often not smoothed and divides tokens otherwise.
namespace Cinnabar.Evaluation;

/// <summary>How many runs of one to four tokens answers share with right ones.</summary>
public static class Bleu
{
    private const int Order = 4;

    /// <summary>BLEU of a corpus: 0 … 100; 0 if no answer has a token.</summary>
    /// <param name="answers">Each answer with at least one reference.</param>
    public static double Of(IEnumerable<(string Text, IReadOnlyList<string> References)> answers)
    {
        var matched = new long[Order];
        var possible = new long[Order];
        long answerTokens = 0;
        long referenceTokens = 0;
        foreach ((string text, IReadOnlyList<string> references) in answers)
        {
            string[] answer = Tokens(text);
            string[][] right = [.. references.Select(Tokens)];
            answerTokens += answer.Length;
            referenceTokens += right.Select(tokens => tokens.Length).MinBy(length => (Math.Abs(length - answer.Length), length));
            for (int n = 1; n <= Order; n++)
            {
                matched[n - 1] += Matches(answer, right, n);
                possible[n - 1] += Math.Max(0, answer.Length - n + 1);
            }
        }

        if (answerTokens == 0)
        {
            return 0;
        }

        double meanLog = Enumerable.Range(0, Order).Average(i => Math.Log((matched[i] + 1.0) / (possible[i] + 1.0)));
        double brevity = Math.Min(0, 1 - ((double)referenceTokens / answerTokens));
        return 100 * Math.Exp(meanLog + brevity);
    }

    private static long Matches(string[] answer, string[][] references, int n)
    {
        Dictionary<string, int> most = [];
        foreach (string[] reference in references)
        {
            foreach ((string gram, int count) in Counts(reference, n))
            {
                most[gram] = Math.Max(count, most.GetValueOrDefault(gram));
            }
        }

        return Counts(answer, n).Sum(gram => (long)Math.Min(gram.Value, most.GetValueOrDefault(gram.Key)));
    }

    // Tokens hold no spaces, so n of them joined by spaces stand for one n-gram only.
    private static Dictionary<string, int> Counts(string[] tokens, int n)
    {
        Dictionary<string, int> counts = [];
        for (int i = 0; i + n <= tokens.Length; i++)
        {
            string gram = string.Join(' ', tokens, i, n);
            counts[gram] = counts.GetValueOrDefault(gram) + 1;
        }

        return counts;
    }

    private static string[] Tokens(string text) => text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
}
