// Whether one hears where the segments of a collage meet. Borders b0 < b1 < … come in pairs: between b0 and b1 two segments overlap.
//
//   at a seam       token i with b − 16 ≤ i < b + 16 for some border b between the tokens b − 1 and b
//   in an overlap   between the two borders of a pair, and not at a seam: where the answers of two segments are put together
//   inside          all others: one segment alone answered
//   nats            per token, mean of a text's tokens of either kind; perplexity = e^(mean over texts)
//
// Texts of one length have the same places measured, however they were written: what a ratio is where nothing meets shows what it is worth.
namespace Cinnabar.Evaluation.Writing;

/// <summary>Mean nats of a text's tokens by where they lie.</summary>
/// <param name="Seam">Of those at seams.</param>
/// <param name="Overlap">Of those in overlaps; null if there are none.</param>
/// <param name="Inside">Of the others.</param>
public sealed record SeamPerplexity(double Seam, double? Overlap, double Inside)
{
    /// <summary>Tokens on each side of a border that count to it.</summary>
    public const int Reach = 16;

    /// <summary>Divides a text's tokens; null if there are none at seams or none inside.</summary>
    /// <param name="nats">−log p of every token.</param>
    /// <param name="borders">Places between tokens, in pairs, ascending.</param>
    public static SeamPerplexity? Of(IReadOnlyList<double> nats, IReadOnlyList<int> borders)
    {
        ILookup<Place, double> parts = Enumerable.Range(0, nats.Count).ToLookup(i => PlaceOf(i, borders), i => nats[i]);
        return parts.Contains(Place.Seam) && parts.Contains(Place.Inside)
            ? new SeamPerplexity(
                parts[Place.Seam].Average(),
                parts.Contains(Place.Overlap) ? parts[Place.Overlap].Average() : null,
                parts[Place.Inside].Average())
            : null;
    }

    private static Place PlaceOf(int token, IReadOnlyList<int> borders) =>
        borders.Any(border => token >= border - Reach && token < border + Reach) ? Place.Seam
        : borders.Count(border => border <= token) % 2 == 1 ? Place.Overlap
        : Place.Inside;

    private enum Place
    {
        Seam,
        Overlap,
        Inside,
    }
}
