// Whether one hears where the segments of a collage meet: perplexity of the tokens near a border beside that of the others.
//
//   at a seam   token i with b − 16 ≤ i < b + 16 for some border b between the tokens b − 1 and b
//   nats        per token, mean of a text's tokens of either kind; perplexity = e^(mean over texts)
namespace Cinnabar.Evaluation.Writing;

/// <summary>Divides a text's tokens.</summary>
public static class SeamPerplexity
{
    /// <summary>Tokens on each side of a border that count to it.</summary>
    public const int Reach = 16;

    /// <summary>Mean nats of the tokens at seams and of the others; null if one of the two has none.</summary>
    /// <param name="nats">−log p of every token.</param>
    /// <param name="borders">Places between tokens, ascending.</param>
    public static (double Seam, double Inside)? Of(IReadOnlyList<double> nats, IReadOnlyList<int> borders)
    {
        ILookup<bool, double> parts = Enumerable.Range(0, nats.Count)
            .ToLookup(i => borders.Any(border => i >= border - Reach && i < border + Reach), i => nats[i]);
        return parts.Count < 2 ? null : (parts[true].Average(), parts[false].Average());
    }
}
