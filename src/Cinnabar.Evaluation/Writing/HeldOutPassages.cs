using Cinnabar.Tokenizers;

namespace Cinnabar.Evaluation.Writing;

/// <summary>People's texts of a given length, to hold written ones against.</summary>
public static class HeldOutPassages
{
    /// <summary>Passages of one document each, the first at its beginning; spread evenly over all there are.</summary>
    /// <param name="documents">Begin, text, end of each.</param>
    /// <param name="tokenizer">Turns them into text.</param>
    /// <param name="tokens">Tokens of a passage.</param>
    /// <param name="count">Most passages.</param>
    /// <exception cref="CinnabarException">No document is so long.</exception>
    public static IReadOnlyList<WrittenText> Take(IEnumerable<int[]> documents, Tokenizer tokenizer, int tokens, int count)
    {
        List<int[]> all = [];
        int longest = 0;
        foreach (int[] document in documents)
        {
            longest = Math.Max(longest, document.Length - 2);
            for (int start = 1; start + tokens < document.Length; start += tokens)
            {
                all.Add(document[start..(start + tokens)]);
            }
        }

        if (all.Count == 0)
        {
            throw new CinnabarException(
                $"Expected a held-out document of at least {tokens} tokens, found none; the longest has {longest}.",
                "Ask for shorter texts, or leave out the corpus.");
        }

        int taken = Math.Min(count, all.Count);
        return [.. Enumerable.Range(0, taken).Select(i => all[(int)((long)i * all.Count / taken)])
            .Select(ids => new WrittenText(ids, tokenizer.Decode(ids), []))];
    }
}
