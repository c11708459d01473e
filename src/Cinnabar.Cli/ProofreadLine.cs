using Cinnabar.Proofreading;

namespace Cinnabar.Cli;

/// <summary>The line of a suggestion, with its place marked.</summary>
internal static class ProofreadLine
{
    private const string Marked = "\e[4;31m";
    private const string Plain = "\e[0m";
    private const int MostAround = 100; // characters of the line on each side of the place

    /// <summary>"line:column: text", the place underlined in colours, or between ⟦ and ⟧ without.</summary>
    /// <param name="text">The text that was proofread.</param>
    /// <param name="place">The suggestion.</param>
    /// <param name="colours">Whether escape sequences may be written.</param>
    public static string Of(string text, Suggestion place, bool colours)
    {
        int end = place.Start + place.Length;
        int lineStart = text.AsSpan(0, place.Start).LastIndexOfAny('\n', '\r') + 1;
        int toEnd = text.AsSpan(end).IndexOfAny('\n', '\r');
        int lineEnd = toEnd < 0 ? text.Length : end + toEnd;
        string before = TerminalText.Shortened(text[lineStart..place.Start].TrimStart(), MostAround, keepsEnd: true);
        string behind = TerminalText.Shortened(text[end..lineEnd].TrimEnd(), MostAround);
        (string open, string close) = colours ? (Marked, Plain) : ("⟦", "⟧");
        string marked = TerminalText.Safe(text.Substring(place.Start, place.Length)).Replace('\n', '\u240A');
        return $"{place.Line}:{place.Column}: {TerminalText.Safe(before)}{open}{marked}{close}{TerminalText.Safe(behind)}";
    }
}
