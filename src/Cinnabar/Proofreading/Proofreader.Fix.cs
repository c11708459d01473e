// The repair: the suggestion of the highest score is applied, what is near enough to be touched by it is judged anew, and so on until none
// is left.
using System.Security.Cryptography;
using System.Text;

namespace Cinnabar.Proofreading;

public sealed partial class Proofreader
{
    private const int Reach = 32; // tokens on each side of an edit that are judged anew

    /// <summary>Applies suggestions, the best first, judging anew around each, until none is left that reaches the threshold.</summary>
    /// <param name="text">The text.</param>
    /// <param name="most">Most edits.</param>
    /// <param name="progress">Told the share of the first reading that is done.</param>
    /// <param name="cancellation">Looked at after every pass.</param>
    /// <inheritdoc cref="Read" path="/exception"/>
    public RepairedText Fix(
        string text, int most = 100, Action<double>? progress = null, CancellationToken cancellation = default)
    {
        List<Suggestion> left = [.. Read(text, progress, cancellation).Suggestions];
        List<Suggestion> applied = [];
        HashSet<string> seen = [DigestOf(text)]; // an edit may make another place worse, whose edit brings the first text back
        while (applied.Count < most && NextOf(left, text, seen) is Suggestion best)
        {
            text = best.ApplyTo(text);
            applied.Add(best);
            left = Again(text, best, left, cancellation);
        }

        return new RepairedText(text, applied);
    }

    // The best suggestion that leads to a text which was not there before.
    private static Suggestion? NextOf(List<Suggestion> left, string text, HashSet<string> seen)
    {
        foreach (Suggestion best in left.OrderByDescending(s => s.Score).ThenBy(s => s.Start))
        {
            if (seen.Add(DigestOf(best.ApplyTo(text))))
            {
                return best;
            }
        }

        return null;
    }

    // Instead of the texts, which may be long and many.
    private static string DigestOf(string text) => Convert.ToHexString(SHA256.HashData(Encoding.Unicode.GetBytes(text)));

    // Suggestions near the edit are found anew; the others move with their text.
    private List<Suggestion> Again(string text, Suggestion edit, List<Suggestion> left, CancellationToken cancellation)
    {
        int editEnd = edit.Start + edit.Replacements[0].Text.Length;
        int shift = edit.Replacements[0].Text.Length - edit.Length;
        ShownText shown = new(text, _tokenizer);
        int from = Math.Max(0, shown.TokenAt(edit.Start) - Reach);
        int to = Math.Min(shown.Ids.Length, shown.TokenAt(editEnd) + 1 + Reach);
        from = from < shown.Ids.Length ? _words.StartOf(shown.Ids, from) : from;
        to = to > from ? _words.EndOf(shown.Ids, to - 1) : to;
        List<Suggestion> found = [];
        foreach (double done in Passes(shown, from, to, new TokenReading[shown.Ids.Length], found))
        {
            cancellation.ThrowIfCancellationRequested();
        }

        int start = shown.Original(shown.StartOf(from));
        int end = shown.Original(shown.StartOf(to));
        foreach (Suggestion place in left)
        {
            int moved = place.Start >= edit.Start + edit.Length ? place.Start + shift : place.Start;
            bool isFar = moved + place.Length <= start || moved >= end;
            if (isFar && place.Start != edit.Start)
            {
                (int line, int column) = shown.Position(moved);
                found.Add(place with { Start = moved, Line = line, Column = column });
            }
        }

        return WithoutOverlaps(found);
    }
}
