// Known text around holes, as the network sees it; TextCanvas says what of it is not shown, and why.
//
// WordPiece puts a space in front of every word but the first, whatever stands before the word. Behind white space, an opening bracket or
// an opening quote there is none to be written, so a hole there drops it. " and ' are quotes that open where they begin the text, behind
// what needs no space itself, and behind symbols such as =.
using System.Globalization;
using Cinnabar.Diffusion;
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

    /// <summary>What of it the network sees, and how the hole behind it then begins.</summary>
    /// <param name="tokenizer">The model's.</param>
    /// <param name="usesCrLf">Whether CR LF is shown as LF.</param>
    /// <param name="firstTokens">Of the model; null: the first token of a hole cannot be chosen, so all but a space is shown.</param>
    /// <param name="mayEndInAWord">Whether the hole may go on with the word that the text ends with.</param>
    public KnownTokens Show(Tokenizer tokenizer, bool usesCrLf, FirstTokens? firstTokens, bool mayEndInAWord)
    {
        string shown = usesCrLf ? TextCanvas.ToLf(Unmarked) : Unmarked;
        if (EndsWithSpace)
        {
            return new KnownTokens(Encode(shown[..^1], tokenizer), " ");
        }

        string space = IsBeforeHole && tokenizer.Definition.SpacesWords && Unmarked.Length > 0 && NeedsNoSpace(Unmarked) ? " " : "";
        if (!IsBeforeHole || firstTokens is null)
        {
            return new KnownTokens(Encode(shown, tokenizer), space);
        }

        // Among line ends of both kinds a CR is not separated from its LF.
        string text = shown.TrimEnd('\n');
        int lineEnds = text.EndsWith('\r') ? 0 : firstTokens.LineEnds(shown.Length - text.Length);
        if (lineEnds > 0 && firstTokens.Others(shown[^lineEnds..]) is int[] others)
        {
            return new KnownTokens(Encode(shown[..^lineEnds], tokenizer), shown[^lineEnds..], others);
        }

        int[] ids = Encode(shown, tokenizer);
        (int count, string word) = mayEndInAWord && space.Length == 0 ? firstTokens.WordAtEnd(ids) : default;
        return count > 0 ? new KnownTokens(ids[..^count], word, firstTokens.Others(word)!) : new KnownTokens(ids, space);
    }

    private int[] Encode(string part, Tokenizer tokenizer) => IsFirst ? tokenizer.Encode(part) : tokenizer.EncodeBehind(part);

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

/// <summary>What the network sees of a known text.</summary>
/// <param name="Ids">Its tokens.</param>
/// <param name="Lead">What the hole behind it drops where its text begins with it: not shown, or not needed.</param>
/// <param name="NotFirst">The ids that do not begin the hole.</param>
internal readonly record struct KnownTokens(int[] Ids, string Lead, ReadOnlyMemory<int> NotFirst = default)
{
    /// <summary>The hole behind it.</summary>
    public CanvasSegment Before(CanvasSegment hole) => hole.Beginning(Lead, NotFirst);
}
