namespace Cinnabar.Proofreading;

/// <summary>A text that may stand in a place instead.</summary>
/// <param name="Text">The text; empty: the place is deleted.</param>
/// <param name="Probability">Its probability among the texts that were compared, the standing one among them; 0 … 1.</param>
public sealed record Replacement(string Text, double Probability);

/// <summary>A place that is probably wrong. Indices and lengths are in UTF-16 units of the caller's text.</summary>
/// <param name="Start">Index of its first character.</param>
/// <param name="Length">Its characters.</param>
/// <param name="Line">Line, from 1.</param>
/// <param name="Column">Column, from 1; a byte order mark has none.</param>
/// <param name="Text">What stands there.</param>
/// <param name="Replacements">What may stand there instead, most probable first; at least one.</param>
/// <param name="Surprise">−log2 of the probability of what stands there, in bits.</param>
/// <param name="Score">How suspicious the place is, in bits: the largest of its tokens, see <see cref="JudgedToken"/>.</param>
public sealed record Suggestion(
    int Start,
    int Length,
    int Line,
    int Column,
    string Text,
    IReadOnlyList<Replacement> Replacements,
    double Surprise,
    double Score)
{
    /// <summary>The text with the first replacement in its place, and every other character as it was.</summary>
    /// <param name="text">The text that was proofread.</param>
    /// <exception cref="ArgumentException">Another text stands in the place.</exception>
    public string ApplyTo(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        bool fits = Start <= text.Length && Length <= text.Length - Start && text.AsSpan(Start, Length).SequenceEqual(Text);
        return fits
            ? string.Concat(text.AsSpan(0, Start), Replacements[0].Text, text.AsSpan(Start + Length))
            : throw new ArgumentException($"Expected '{Text}' at index {Start}, found another text there.", nameof(text));
    }
}

/// <summary>A token of a text that was proofread.</summary>
/// <param name="Start">Index of its first character; of a token that begins inside a character, the character's.</param>
/// <param name="Length">Its characters; 0 for a token that ends in the character it begins in.</param>
/// <param name="TokenId">The token.</param>
/// <param name="Surprise">−log2 of its probability, in bits.</param>
/// <param name="Suspicion">
/// p(best) · (log2 p(best) − log2 p(standing)), in bits: high where this token is improbable and another probable; 0 if it is the best, or
/// blank.
/// </param>
public readonly record struct JudgedToken(int Start, int Length, int TokenId, double Surprise, double Suspicion);

/// <summary>What was found in a text.</summary>
/// <param name="Tokens">Every token, in order.</param>
/// <param name="Suggestions">Places, in the order of the text; none overlaps another.</param>
public sealed record ProofreadText(IReadOnlyList<JudgedToken> Tokens, IReadOnlyList<Suggestion> Suggestions);

/// <summary>A text that was repaired.</summary>
/// <param name="Text">The repaired text.</param>
/// <param name="Applied">What was applied, in this order; each speaks of the text as the ones before it left it.</param>
public sealed record RepairedText(string Text, IReadOnlyList<Suggestion> Applied);
