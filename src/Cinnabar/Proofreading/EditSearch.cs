// Which edit at a suspicious word y explains what stands there, x: the noisy channel (Kernighan, Church & Gale 1990, "A Spelling
// Correction Program Based on a Noisy Channel Model"), with the network as the model of the text.
//
//   cost(y) = Σ −log2 p(y_i | both sides) + N(x | y)       the sum over the word and Neighbours tokens on each side, y tokenised anew
//   N(x | y) = Σ −log2 q(x_j)                              over the tokens of x that y does not have: any token could have come there
//            = SlipBits                                    if y undoes an omission, a repetition or an exchange
//            = 0                                           for y = x
//   q(v) = (n_v + 1) / (n + V)                             n_v of the n tokens of the text are v
//   P(y) = 2^−cost(y) / Σ 2^−cost                          over x and all edits that were tried
//
// Without N a rare name would lose against any common word: it costs more bits, right or wrong. The tokens on both sides are counted
// because an error makes them improbable too, and because so edits of different length are compared on the same text. p is TokenJudge's, in
// a window of tokens around the word; of an autoregressive model, which sees an error in what follows, more tokens are counted.
using Cinnabar.Tokenizers;

namespace Cinnabar.Proofreading;

/// <summary>Searches the best edit of a word; not thread-safe.</summary>
internal sealed class EditSearch(
    TokenJudge judge, EditProposals proposals, Tokenizer tokenizer, int[] begin, int maxLength, int alternatives)
{
    private const int RoomForEdit = 8; // tokens by which an edited window may grow
    private const double SlipBits = 4;

    private readonly int _context = Math.Min(judge.IsAutoregressive ? 128 : 64, maxLength);
    private readonly int _neighbours = judge.IsAutoregressive ? 8 : 3;

    /// <summary>Adds the suggestion for a word, if an edit costs less; after each pass through the network comes one element.</summary>
    /// <param name="text">The text.</param>
    /// <param name="first">The first token of the word.</param>
    /// <param name="end">The one behind its last.</param>
    /// <param name="readings">The tokens of the word.</param>
    /// <param name="score">The score of the suggestion.</param>
    /// <param name="found">Receives it.</param>
    public IEnumerable<int> Search(
        ShownText text, int first, int end, ReadOnlyMemory<TokenReading> readings, double score, List<Suggestion> found)
    {
        if (WindowOf(text, first, end) is not WordWindow window)
        {
            yield break;
        }

        (int windowStart, int windowEnd) = window.Characters;
        string shown = text.Text[windowStart..windowEnd];
        int[] standing = Encode(shown);
        if (window.Begin + standing.Length + RoomForEdit > maxLength)
        {
            yield break;
        }

        HashSet<TextEdit> edits = [];
        foreach (int pass in proposals.Find(window, readings, edits))
        {
            yield return pass;
        }

        // Counted from the end: only at its beginning may the window be tokenised otherwise than in the text.
        int tail = Math.Max(0, window.Behind - _neighbours);
        int head = Math.Max(0, standing.Length - window.Behind - (end - first) - _neighbours);
        TokenReading[] bits = new TokenReading[standing.Length + RoomForEdit];
        foreach (int pass in Read(standing))
        {
            yield return pass;
        }

        double before = Sum(standing);
        List<(TextEdit Edit, double Cost)> tried = [];
        foreach (IGrouping<string, TextEdit> same in edits.Where(IsInWindow).GroupBy(Edited))
        {
            int[] ids = Encode(same.Key);
            if (!IsSameAround(ids))
            {
                continue;
            }

            foreach (int pass in Read(ids))
            {
                yield return pass;
            }

            bool undoesSlip = same.Any(edit => edit.UndoesSlip);
            tried.Add((same.First(), Sum(ids) + (undoesSlip ? SlipBits : BitsOfRemoved(text, standing, ids))));
        }

        if (SuggestionOf(text, tried, before, Total(readings.Span), score) is Suggestion suggestion)
        {
            found.Add(suggestion);
        }

        // In the middle of a text no tokenizer may put a space in front.
        int[] Encode(string part) => windowStart == 0 ? tokenizer.Encode(part) : tokenizer.EncodeBehind(part);

        bool IsInWindow(TextEdit edit) => edit.Start >= windowStart && edit.End <= windowEnd;

        // Several edits may give one text: the end of a word deleted, and the word replaced by its beginning.
        string Edited(TextEdit edit) => string.Concat(
            shown.AsSpan(0, edit.Start - windowStart), edit.Text, shown.AsSpan(edit.End - windowStart));

        IEnumerable<int> Read(int[] ids) => judge.Read(
            [.. begin.AsSpan(0, window.Begin), .. ids], window.Begin + head, window.Begin + ids.Length - tail, alternatives: 0, bits);

        double Sum(int[] ids) => Total(bits.AsSpan(0, ids.Length - tail - head));

        bool IsSameAround(int[] ids) =>
            ids.Length >= head + tail
            && ids.Length <= standing.Length + RoomForEdit
            && ids.AsSpan(0, head).SequenceEqual(standing.AsSpan(0, head))
            && ids.AsSpan(ids.Length - tail).SequenceEqual(standing.AsSpan(standing.Length - tail));
    }

    private static double Total(ReadOnlySpan<TokenReading> readings)
    {
        double sum = 0;
        foreach (TokenReading reading in readings)
        {
            sum += reading.Bits;
        }

        return sum;
    }

    private double BitsOfRemoved(ShownText text, ReadOnlySpan<int> standing, ReadOnlySpan<int> edited)
    {
        int same = standing.CommonPrefixLength(edited);
        int end = standing.Length;
        for (int other = edited.Length; end > same && other > same && standing[end - 1] == edited[other - 1]; other--)
        {
            end--;
        }

        double bits = 0;
        foreach (int id in standing[same..end])
        {
            bits += Math.Log2((double)(text.Ids.Length + tokenizer.VocabularySize) / (text.CountOf(id) + 1));
        }

        return bits;
    }

    // As many tokens on both sides as fit; what one side does not need goes to the other.
    private WordWindow? WindowOf(ShownText text, int first, int end)
    {
        int count = text.Ids.Length;
        int room = _context - RoomForEdit - begin.Length;
        if (end - first > Math.Min(TokenWords.Longest, room) || !text.IsWhole(first) || !text.IsWhole(end))
        {
            return null;
        }

        int from = Math.Clamp(first - ((room - (end - first)) / 2), 0, Math.Max(0, count - room));
        int to = Math.Min(count, from + room);
        while (!text.IsWhole(from))
        {
            from++;
        }

        while (!text.IsWhole(to))
        {
            to--;
        }

        return new WordWindow(text, first, end, from, to, from == 0 ? begin : []);
    }

    private Suggestion? SuggestionOf(
        ShownText text, List<(TextEdit Edit, double Cost)> tried, double before, double surprise, double score)
    {
        (TextEdit Edit, double Cost)[] best = [.. tried.OrderBy(item => item.Cost).Take(alternatives)];
        if (best.Length == 0 || best[0].Cost >= before)
        {
            return null;
        }

        double least = best[0].Cost;
        double sum = Math.Pow(2, least - before) + tried.Sum(item => Math.Pow(2, least - item.Cost));
        IEnumerable<(TextEdit Edit, double Probability)> offered = best.Select(item => (item.Edit, Math.Pow(2, least - item.Cost) / sum));
        return SuggestedPlace.Of(text, offered, surprise, score);
    }
}
