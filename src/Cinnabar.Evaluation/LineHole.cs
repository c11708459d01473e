namespace Cinnabar.Evaluation;

/// <summary>One line taken out of a document, with what stands around it.</summary>
/// <param name="Document">Index of the document it was taken from.</param>
/// <param name="Before">Tokens before the line, its indentation included.</param>
/// <param name="Reference">The line: what is to be predicted.</param>
/// <param name="After">Tokens after the line, from its line break on.</param>
/// <param name="TextBefore"><paramref name="Before"/> as text.</param>
/// <param name="Text"><paramref name="Reference"/> as text.</param>
/// <param name="TextAfter"><paramref name="After"/> as text.</param>
public sealed record LineHole(int Document, int[] Before, int[] Reference, int[] After, string TextBefore, string Text, string TextAfter)
{
    private static readonly string[] s_commentStarts = ["//", "/*", "*", "# "];

    /// <summary>Whether the line begins like a comment of a C-like or a scripting language.</summary>
    public bool IsComment => s_commentStarts.Any(start => Text.StartsWith(start, StringComparison.Ordinal));

    /// <summary>Whether the same line stands elsewhere in the context too, indentation aside: only then can a copy be right.</summary>
    public bool StandsElsewhere =>
        TextBefore.Split('\n').Concat(TextAfter.Split('\n')).Any(line => line.Trim() == Text.Trim());
}
