// Where a hole ends that its network does not end. A network that has said what was missing often goes on with what stands behind the hole,
// word for word, and then with more. So the text of a hole ends before it repeats that:
//
//   for (int i = 0; i < │ values.Length; i++)⏎{⏎    sum += …; │ ; i++)⏎{⏎        the hole is "values.Length"
//
// That is as much as tells: up to the end of the first line that begins behind the hole and is not blank. What is left of the hole's own
// line would be too little: ");" stands in many texts, a line of code with its indentation seldom. A text that is right may hold it all the
// same, as one with the brace of an "if" before its "else"; with a least length it is not cut.
namespace Cinnabar;

/// <summary>What a hole ends before.</summary>
internal static class Repetition
{
    /// <summary>
    /// What stands behind a hole, as far as it tells; null: it does not, or the text of the hole has a length or a form of its own.
    /// </summary>
    /// <param name="text">The text.</param>
    /// <param name="hole">Index of the hole.</param>
    public static string? Behind(TextWithHoles text, int hole)
    {
        string behind = text.Texts[hole + 1];
        bool isLast = hole == text.HoleTokens.Count - 1;
        if (text.LeastOf(hole) > 0 || text.IsConstrained(hole))
        {
            return null;
        }

        for (int end = behind.IndexOf('\n', StringComparison.Ordinal); end >= 0;)
        {
            int begin = end + 1;
            end = behind.IndexOf('\n', begin);
            if (!string.IsNullOrWhiteSpace(end < 0 ? behind[begin..] : behind[begin..end]))
            {
                return end >= 0 ? behind[..(end + 1)] : isLast ? behind + LineEnd(behind, begin) : null;
            }
        }

        return null;
    }

    /// <summary>Where a finished text of a hole begins to repeat what stands behind it; its length if it does not.</summary>
    /// <param name="content">The text of the hole.</param>
    /// <param name="behind">As <see cref="Behind"/> gives it.</param>
    public static int Find(string content, string? behind)
    {
        // The end of the text ends its last line.
        int at = behind is null ? -1 : (content + LineEnd(behind, behind.Length)).IndexOf(behind, StringComparison.Ordinal);
        return at >= 0 ? at : content.Length;
    }

    // That of the line before.
    private static string LineEnd(string text, int begin) => begin > 1 && text[begin - 2] == '\r' ? "\r\n" : "\n";
}
