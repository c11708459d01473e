// The layout in which a network that reads left to right fills a hole: what stands after it, what stands before it, then the hole
// (Bavarian et al. 2022, "Efficient Training of Language Models to Fill in the Middle", order suffix, prefix, middle):
//
//   [bos] [mask] suffix [pad] prefix middle [eos]                           no bos if the model has none
//
// The middle goes on where the prefix ends, so writing it is what the network does with any text. In the other order (prefix, suffix,
// middle) it must first learn to look back for the place: with 20 million tokens ours had not, and wrote what begins most lines.
// The vocabulary gets no new markers. Such a network knows no noise, and its sequences are never padded, so the id of the mask is free
// to say "the suffix follows" and that of padding "the prefix follows"; end of text ends the middle. (One that is read both ways knows
// noise and padding in its other reading, where nothing is laid out so.) Training and inference both lay text out here.
using Cinnabar.Checkpoints;

namespace Cinnabar.Diffusion;

/// <summary>Lays out text with one hole for an autoregressive model.</summary>
public sealed class FillInTheMiddle
{
    private readonly int[] _begin; // [bos], or nothing
    private readonly int _suffixFollows;
    private readonly int _prefixFollows;
    private readonly int _end;

    /// <summary>Takes the markers from the special ids of a model.</summary>
    public FillInTheMiddle(ModelConfig config)
    {
        _begin = config.BosTokenId is int bos ? [bos] : [];
        _suffixFollows = config.MaskTokenId;
        _prefixFollows = config.PadTokenId;
        _end = config.EosTokenId;
    }

    /// <summary>Tokens that <see cref="Sequence"/> adds to the text: 4, or 3 without a begin-of-text token.</summary>
    public int MarkerCount => _begin.Length + 3;

    /// <summary>A whole sequence, as training shows it.</summary>
    public int[] Sequence(ReadOnlySpan<int> prefix, ReadOnlySpan<int> middle, ReadOnlySpan<int> suffix) =>
        [.. Prompt(prefix, suffix), .. middle, _end];

    /// <summary>A canvas whose known text asks for the middle, and whose continuation will be it.</summary>
    /// <param name="prefix">Tokens before the hole; a begin-of-text token at their start is not doubled.</param>
    /// <param name="suffix">Tokens after the hole.</param>
    /// <param name="middle">The hole, a continuation.</param>
    /// <param name="tokens">The special ids of the canvas.</param>
    /// <param name="limit">Positions there are; tokens far from the hole are left out where they do not fit.</param>
    /// <exception cref="CinnabarException">The hole and a few tokens around it do not fit.</exception>
    public Canvas CanvasFor(
        ReadOnlySpan<int> prefix, ReadOnlySpan<int> suffix, CanvasSegment middle, CanvasTokens tokens, int limit)
    {
        int[] prompt = PromptFor(prefix, suffix, middle.Length, limit);
        return new Canvas([CanvasSegment.Layout(prompt), middle], tokens);
    }

    /// <summary>What asks for a middle of <paramref name="middle"/> tokens, at most.</summary>
    /// <inheritdoc cref="CanvasFor"/>
    internal int[] PromptFor(ReadOnlySpan<int> prefix, ReadOnlySpan<int> suffix, int middle, int limit)
    {
        prefix = _begin.Length > 0 && prefix.StartsWith(_begin) ? prefix[_begin.Length..] : prefix;
        KeptText[] kept = ContextWindow.Choose([prefix.Length, suffix.Length], PositionsFor(middle), limit);
        return Prompt(prefix[^kept[0].Tail..], suffix[..kept[1].Head]);
    }

    /// <summary>Whether there is room for a middle of <paramref name="middle"/> tokens and a few on both sides.</summary>
    internal bool Fits(int prefix, int suffix, int middle, int limit) =>
        ContextWindow.Fits([prefix, suffix], PositionsFor(middle), limit);

    // A middle as long as its canvas has no end.
    private int PositionsFor(int middle) => MarkerCount - 1 + middle;

    private int[] Prompt(ReadOnlySpan<int> prefix, ReadOnlySpan<int> suffix) =>
        [.. _begin, _suffixFollows, .. suffix, _prefixFollows, .. prefix];
}
