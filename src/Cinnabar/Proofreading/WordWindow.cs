namespace Cinnabar.Proofreading;

/// <summary>A word of a text with the tokens around it that the network is shown.</summary>
/// <param name="text">The text.</param>
/// <param name="first">The first token of the word.</param>
/// <param name="end">The one behind its last.</param>
/// <param name="from">The first token shown; begins where a character does.</param>
/// <param name="to">The one behind the last shown; the same.</param>
/// <param name="begin">What stands before the first token shown: the begin of text, or nothing.</param>
internal sealed class WordWindow(ShownText text, int first, int end, int from, int to, int[] begin)
{
    public ShownText Text => text;

    public int First => first;

    public int End => end;

    /// <summary>Characters shown.</summary>
    public (int Start, int End) Characters => (text.StartOf(from), text.StartOf(to));

    /// <summary>Tokens in front of those of the text.</summary>
    public int Begin => begin.Length;

    /// <summary>Tokens shown behind the word.</summary>
    public int Behind => to - end;

    /// <summary>Where the word begins in its sequence.</summary>
    public int Position => begin.Length + first - from;

    /// <summary>The sequence with other tokens in place of tokens start … stop − 1 of the text.</summary>
    public int[] With(int start, int stop, int[] ids) =>
        [.. begin, .. text.Ids.AsSpan(from, start - from), .. ids, .. text.Ids.AsSpan(stop, to - stop)];
}
