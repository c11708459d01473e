// Known text around holes, as the network sees it; TextCanvas says what of it is not shown, and why.
//
// WordPiece puts a space in front of every word but the first, whatever stands before the word. Behind white space, an opening bracket or
// an opening quote there is none to be written, so a hole there drops it. " and ' are quotes that open where they begin the text, behind
// what needs no space itself, and behind symbols such as =.
using System.Globalization;
using Cinnabar.Tokenizers;

namespace Cinnabar;

/// <summary>One of the known texts of a canvas.</summary>
/// <param name="Text">The caller's.</param>
/// <param name="IsFirst">Whether the canvas begins with it.</param>
/// <param name="IsBeforeHole">Whether a hole follows it.</param>
internal readonly record struct KnownText(string Text, bool IsFirst, bool IsBeforeHole)
{
    private const char ByteOrderMark = '\uFEFF';

    private string Unmarked => IsFirst && Text.StartsWith(ByteOrderMark) ? Text[1..] : Text;

    // Whether a single space stands right before the hole.
    private bool EndsWithSpace => IsBeforeHole && Unmarked is [.., char before, ' '] && !char.IsWhiteSpace(before);

    /// <summary>The tokens that the network sees.</summary>
    /// <param name="tokenizer">The model's.</param>
    /// <param name="usesCrLf">Whether CR LF is shown as LF.</param>
    /// <param name="lineStarts">Of the model; null: line ends are shown.</param>
    public int[] Encode(Tokenizer tokenizer, bool usesCrLf, LineStarts? lineStarts = null)
    {
        string shown = usesCrLf ? TextCanvas.ToLf(Unmarked) : Unmarked;
        shown = shown[..^(EndsWithSpace ? 1 : HiddenLineEnds(usesCrLf, lineStarts).Count)];
        return IsFirst ? tokenizer.Encode(shown) : tokenizer.EncodeBehind(shown);
    }

    /// <summary>The line ends before the hole that are not shown, 0 or more, and the tokens that then must not begin it.</summary>
    /// <param name="usesCrLf">Whether CR LF is shown as LF.</param>
    /// <param name="lineStarts">Of the model; null: line ends are shown.</param>
    public (int Count, int[] NotFirst) HiddenLineEnds(bool usesCrLf, LineStarts? lineStarts)
    {
        if (!IsBeforeHole || lineStarts is null)
        {
            return (0, []);
        }

        string shown = usesCrLf ? TextCanvas.ToLf(Unmarked) : Unmarked;
        int count = shown.Length - shown.AsSpan().TrimEnd('\n').Length;
        bool isCrLf = shown.Length > count && shown[^(count + 1)] == '\r'; // among line ends of both kinds
        return !isCrLf && lineStarts.Others(count) is int[] others ? (count, others) : (0, []);
    }

    /// <summary>Whether the hole behind it drops a space that its text begins with: one stands there already, or none is needed.</summary>
    /// <param name="tokenizer">The model's.</param>
    public bool TakesSpace(Tokenizer tokenizer) =>
        EndsWithSpace || (IsBeforeHole && tokenizer.Definition.SpacesWords && Unmarked.Length > 0 && NeedsNoSpace(Unmarked));

    // A quotation mark opens where what stands before it needs no space, or is a symbol such as =; there may be any number of them.
    private bool NeedsNoSpace(ReadOnlySpan<char> before)
    {
        while (!before.IsEmpty)
        {
            char last = before[^1];
            before = before[..^1];
            if (char.IsWhiteSpace(last)
                || char.GetUnicodeCategory(last) is UnicodeCategory.OpenPunctuation or UnicodeCategory.InitialQuotePunctuation)
            {
                return true;
            }

            if (last is not ('"' or '\''))
            {
                return false;
            }

            if (!before.IsEmpty && char.IsSymbol(before[^1]))
            {
                return true;
            }
        }

        return IsFirst;
    }
}
