using Cinnabar.Tokenizers;

namespace Cinnabar.Evaluation.Writing;

/// <summary>People's texts of a given length, to hold written ones against.</summary>
public static class HeldOutPassages
{
    /// <summary>
    /// Passages of one document each, the first at its beginning; spread evenly over all there are. Where no document is so long, the
    /// longest ones as they are.
    /// </summary>
    /// <param name="documents">Begin, text, end of each.</param>
    /// <param name="tokenizer">Turns them into text.</param>
    /// <param name="tokens">Tokens of a passage.</param>
    /// <param name="count">Most passages.</param>
    /// <exception cref="CinnabarException">There is no document.</exception>
    public static IReadOnlyList<WrittenText> Take(IEnumerable<int[]> documents, Tokenizer tokenizer, int tokens, int count)
    {
        int[][] texts = [.. documents.Select(document => document[1..^1]).Where(text => text.Length > 0)];
        List<int[]> all = [];
        foreach (int[] text in texts)
        {
            for (int start = 0; start + tokens <= text.Length; start += tokens)
            {
                all.Add(text[start..(start + tokens)]);
            }
        }

        if (all.Count == 0)
        {
            all = [.. texts.OrderByDescending(text => text.Length).Take(count)];
        }

        if (all.Count == 0)
        {
            throw new CinnabarException("Expected held-out documents, found none.", "Build a corpus of more text, or leave it out.");
        }

        int taken = Math.Min(count, all.Count);
        return [.. Enumerable.Range(0, taken).Select(i => all[(int)((long)i * all.Count / taken)])
            .Select(ids => new WrittenText(ids, tokenizer.Decode(ids)))];
    }
}
