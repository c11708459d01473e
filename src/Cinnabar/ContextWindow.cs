// Which tokens of a long text the network sees: those nearest to the holes.
//
// With reach R, R tokens before and R/2 after each hole are kept, at most all. R is the largest reach that fits. So a single hole in a
// long text gets two thirds of the room before it and one third after it, and where one side is short the other gets the rest. Text
// between two holes may lose its middle; the two ends then stand side by side.
namespace Cinnabar;

/// <summary>What is kept of one known text: <paramref name="Head"/> tokens at its start and <paramref name="Tail"/> at its end.</summary>
internal readonly record struct KeptText(int Head, int Tail)
{
    public int Count => Head + Tail;
}

internal static class ContextWindow
{
    // Below this a hole is filled almost without context.
    private const int LeastReach = 8;

    /// <summary>Chooses what to keep.</summary>
    /// <param name="lengths">Tokens of each of the n + 1 known texts.</param>
    /// <param name="holeTokens">Positions of all holes together.</param>
    /// <param name="limit">Positions there are.</param>
    /// <exception cref="CinnabarException">The holes and a few tokens around each do not fit.</exception>
    public static KeptText[] Choose(IReadOnlyList<int> lengths, long holeTokens, int limit)
    {
        int low = 0;
        int high = lengths.Max() * 2;
        if (holeTokens + Count(lengths, high) <= limit)
        {
            return Keep(lengths, high);
        }

        if (!Fits(lengths, holeTokens, limit))
        {
            throw new CinnabarException(
                $"Expected holes that leave room for {Count(lengths, LeastReach)} tokens of text around them in the model's context of "
                + $"{limit} tokens, found {lengths.Count - 1} of {holeTokens} tokens together.",
                "Use fewer or smaller holes.");
        }

        // The count never falls as the reach grows: invariant Count(low) fits, Count(high) does not.
        while (high - low > 1)
        {
            int middle = (low + high) / 2;
            (low, high) = holeTokens + Count(lengths, middle) <= limit ? (middle, high) : (low, middle);
        }

        return Keep(lengths, low);
    }

    /// <summary>Whether <see cref="Choose"/> finds room.</summary>
    public static bool Fits(IReadOnlyList<int> lengths, long holeTokens, int limit) =>
        holeTokens + Count(lengths, LeastReach) <= limit;

    private static long Count(IReadOnlyList<int> lengths, int reach) => Keep(lengths, reach).Sum(kept => (long)kept.Count);

    private static KeptText[] Keep(IReadOnlyList<int> lengths, int reach)
    {
        KeptText[] kept = new KeptText[lengths.Count];
        for (int i = 0; i < kept.Length; i++)
        {
            int tail = i < kept.Length - 1 ? Math.Min(reach, lengths[i]) : 0;
            int head = i > 0 ? Math.Min(reach / 2, lengths[i] - tail) : 0;
            kept[i] = new KeptText(head, tail);
        }

        return kept;
    }
}
