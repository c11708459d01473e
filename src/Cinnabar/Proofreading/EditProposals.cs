// The edits that are tried at a suspicious word, tokens a … b−1 of a text:
//
//   another token    for each token of the word, the most probable ones there; a word of several tokens also as one
//   too much         the word deleted, or one of its tokens
//   too little       a token before or behind the word, the most probable at a mask there
//   the wrong order  the word exchanged with the one behind the next comma, or before the last
//
// Only tokens that are probable enough are tried. Longer words, filled into two or three masks by the sampler, were tried as well and
// never were the right ones (docs/proofreading.md). An autoregressive model proposes what is probable given the text before.
//
// Edits are of text, not of tokens: what is tried is tokenised anew, as the repaired text will be.
using System.Text.RegularExpressions;

namespace Cinnabar.Proofreading;

/// <summary>Characters of a text replaced by others.</summary>
/// <param name="Start">The first character.</param>
/// <param name="End">The one behind the last.</param>
/// <param name="Text">What comes in their place.</param>
/// <param name="UndoesSlip">Whether it undoes an omission, a repetition or an exchange, which brought no wrong token into the text.</param>
internal readonly record struct TextEdit(int Start, int End, string Text, bool UndoesSlip);

/// <summary>Proposes edits.</summary>
internal sealed partial class EditProposals(TokenJudge judge, TokenWords words, int maskTokenId)
{
    /// <summary>Most tokens that are tried in a place.</summary>
    public const int BestTokens = 3;

    private const double LeastProbability = 0.03;
    private const int BestInsertions = 2;
    private const double LeastInsertion = 0.2; // something fits between any two tokens; what is missing is expected
    private const int LongestArgument = 64; // characters on each side that an exchange looks at

    /// <summary>Adds the edits at a word, in characters of the shown text; after each pass through the network comes one element.</summary>
    /// <param name="window">The word.</param>
    /// <param name="readings">The tokens of the word.</param>
    /// <param name="edits">Receives them.</param>
    public IEnumerable<int> Find(WordWindow window, ReadOnlyMemory<TokenReading> readings, HashSet<TextEdit> edits)
    {
        (ShownText text, int first, int end) = (window.Text, window.First, window.End);
        for (int token = first; token < end; token++)
        {
            AddBest(text, token, token + 1, readings.Span[token - first], edits);
            Delete(text, token, token + 1, edits);
        }

        Delete(text, first, end, edits);
        AddExchanges(text.Text, text.StartOf(first), text.StartOf(end), edits);
        if (judge.IsAutoregressive)
        {
            AddBest(text, first, first, readings.Span[0], edits);
            yield break;
        }

        (int From, int To)[] places = end - first > 1 ? [(first, first), (end, end), (first, end)] : [(first, first), (end, end)];
        (int[], int)[] masked = [.. places.Select(p => (window.With(p.From, p.To, [maskTokenId]), window.Position + p.From - first))];
        TokenReading[] guesses = new TokenReading[places.Length];
        foreach (int pass in judge.Guess(masked, BestTokens, guesses))
        {
            yield return pass;
        }

        foreach ((int i, (int from, int to)) in places.Index())
        {
            AddBest(text, from, to, guesses[i], edits);
        }
    }

    private void AddBest(ShownText text, int first, int end, TokenReading reading, HashSet<TextEdit> edits)
    {
        bool inserts = first == end;
        double least = inserts ? LeastInsertion : LeastProbability;
        foreach ((int id, double probability) in reading.Best.Take(inserts ? BestInsertions : BestTokens))
        {
            if (probability >= least && words.TextOf(id, beginsText: first == 0) is string other)
            {
                Add(text, first, end, other, inserts, edits);
            }
        }
    }

    private static void Delete(ShownText text, int first, int end, HashSet<TextEdit> edits)
    {
        (int start, int stop) = (text.StartOf(first), text.StartOf(end));
        ReadOnlySpan<char> deleted = text.Text.AsSpan(start, stop - start).Trim();
        bool isRepeated = text.Text.AsSpan(0, start).TrimEnd().EndsWith(deleted, StringComparison.Ordinal)
            || text.Text.AsSpan(stop).TrimStart().StartsWith(deleted, StringComparison.Ordinal);
        Add(text, first, end, "", isRepeated, edits);
    }

    private static void Add(ShownText text, int first, int end, string other, bool undoesSlip, HashSet<TextEdit> edits)
    {
        TextEdit edit = new(text.StartOf(first), text.StartOf(end), other, undoesSlip);
        bool changes = !text.Text.AsSpan(edit.Start, edit.End - edit.Start).SequenceEqual(other);
        if (text.IsWhole(first) && text.IsWhole(end) && changes)
        {
            edits.Add(edit);
        }
    }

    private static void AddExchanges(string text, int start, int end, HashSet<TextEdit> edits)
    {
        while (start < end && char.IsWhiteSpace(text[start]))
        {
            start++;
        }

        int from = Math.Max(0, start - LongestArgument);
        Match behind = WordBehind().Match(text[end..Math.Min(text.Length, end + LongestArgument)]);
        if (behind.Success)
        {
            Exchange(start, end, end + behind.Groups[1].Index, end + behind.Length);
        }

        Match before = WordBefore().Match(text[from..start]);
        if (before.Success)
        {
            Exchange(from + before.Index, from + before.Groups[1].Index, start, end);
        }

        void Exchange(int a, int aEnd, int b, int bEnd)
        {
            if (!text.AsSpan(a, aEnd - a).SequenceEqual(text.AsSpan(b, bEnd - b)))
            {
                string exchanged = string.Concat(text.AsSpan(b, bEnd - b), text.AsSpan(aEnd, b - aEnd), text.AsSpan(a, aEnd - a));
                edits.Add(new TextEdit(a, bEnd, exchanged, UndoesSlip: true));
            }
        }
    }

    [GeneratedRegex(@"^ ?,\s?(\w+)")]
    private static partial Regex WordBehind();

    [GeneratedRegex(@"\w+( ?,\s?)$")]
    private static partial Regex WordBefore();
}
