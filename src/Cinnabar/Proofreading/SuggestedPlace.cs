namespace Cinnabar.Proofreading;

/// <summary>Makes a suggestion of edits, in terms of the caller's text.</summary>
internal static class SuggestedPlace
{
    private const double LeastOffered = 0.01; // probability of an edit that is not the best

    /// <summary>
    /// The smallest place that holds the edits worth showing, less the white space that it and all replacements begin or end with.
    /// </summary>
    /// <param name="text">The text.</param>
    /// <param name="all">At least one, most probable first, in characters of the shown text.</param>
    /// <param name="surprise">Bits of what stands there.</param>
    /// <param name="score">How suspicious the place is, in bits.</param>
    public static Suggestion Of(ShownText text, IEnumerable<(TextEdit Edit, double Probability)> all, double surprise, double score)
    {
        (TextEdit Edit, double Probability)[] edits = [.. all.Where((item, rank) => rank == 0 || item.Probability >= LeastOffered)];
        int start = edits.Min(item => item.Edit.Start);
        int end = edits.Max(item => item.Edit.End);
        string[] replaced = [.. edits.Select(item => string.Concat(
            text.Text.AsSpan(start, item.Edit.Start - start), item.Edit.Text, text.Text.AsSpan(item.Edit.End, end - item.Edit.End)))];
        string standing = text.Text[start..end];
        string[] texts = [standing, .. replaced];
        int least = texts.Min(t => t.Length);
        int before = 0;
        while (before < least && char.IsWhiteSpace(standing[before]) && texts.All(t => t[before] == standing[before]))
        {
            before++;
        }

        int behind = 0;
        while (behind < least - before && char.IsWhiteSpace(standing[^(behind + 1)])
            && texts.All(t => t[^(behind + 1)] == standing[^(behind + 1)]))
        {
            behind++;
        }

        (int from, int to) = (text.Original(start + before), text.Original(end - behind));
        (int line, int column) = text.Position(from);
        return new Suggestion(
            from,
            to - from,
            line,
            column,
            text.Slice(from, to),
            [.. replaced.Select((t, i) => new Replacement(text.WithLineEnds(t[before..^behind]), edits[i].Probability))],
            surprise,
            score);
    }
}
