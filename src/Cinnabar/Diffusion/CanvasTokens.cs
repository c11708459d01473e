// The ids with a meaning for the canvas, and which of them may be predicted where.
//
//                        continuation (tail of a text)     infill hole (text follows)
//   mask, NeverEmitted   never                              never
//   end of text          ends the text                      never (unless it is also the padding id)
//   padding              never, unless allowed or it        ends the hole
//                        is also an end-of-text id
//
// LLaDA uses one id for end of text and padding; ours are two.
namespace Cinnabar.Diffusion;

/// <summary>Token ids with a meaning for the canvas.</summary>
/// <param name="MaskTokenId">
/// The id that stands for noise; never emitted. Where noise is uniform, what a hole shows before its first step.
/// </param>
/// <param name="EosTokenId">End of text: ends a continuation; null if the model has none.</param>
/// <param name="PaddingTokenId">End of hole: fills the unused rest of an infill hole; null: holes keep their length.</param>
public sealed record CanvasTokens(int MaskTokenId, int? EosTokenId, int? PaddingTokenId)
{
    /// <summary>Further ids that end a continuation, such as the end of a chat turn; default none.</summary>
    public IReadOnlyList<int> AlsoEndText { get; init; } = [];

    /// <summary>Further ids that are never emitted anywhere, such as begin of text; default none.</summary>
    public IReadOnlyList<int> NeverEmitted { get; init; } = [];

    /// <summary>
    /// Says that one more position is needed where it is predicted (DreamOn's expand); null, the default: holes do not grow.
    /// </summary>
    public int? ExpandTokenId { get; init; }

    /// <summary>
    /// Whether a known padding token stands behind every infill hole whose text may end before it (<see cref="Hole.IsClosed"/>), as its
    /// network knows it from training; default false.
    /// </summary>
    public bool ClosesHoles { get; init; }

    /// <summary>Whether <paramref name="tokenId"/> ends the text of a hole of this kind.</summary>
    public bool Ends(HoleKind kind, int tokenId) => kind == HoleKind.Infill
        ? tokenId == PaddingTokenId
        : tokenId == EosTokenId || AlsoEndText.Contains(tokenId);

    /// <summary>The ids that end the text of a hole of this kind.</summary>
    public IEnumerable<int> EndsOf(HoleKind kind) => kind == HoleKind.Infill
        ? PaddingTokenId is int padding ? [padding] : []
        : EosTokenId is int eos ? [eos, .. AlsoEndText] : AlsoEndText;

    /// <summary>The ids that must not be emitted in a hole of this kind, ascending.</summary>
    /// <param name="kind">Kind of the hole.</param>
    /// <param name="allowPadding">Lets padding appear in a continuation, where it is an ordinary token.</param>
    public int[] Forbidden(HoleKind kind, bool allowPadding = false)
    {
        var forbidden = new SortedSet<int>(NeverEmitted) { MaskTokenId };
        IEnumerable<int> endOfText = EndsOf(HoleKind.Continuation);
        if (kind == HoleKind.Infill)
        {
            forbidden.UnionWith(endOfText.Where(id => id != PaddingTokenId));
        }
        else if (PaddingTokenId is int padding && !allowPadding && !endOfText.Contains(padding))
        {
            forbidden.Add(padding);
        }

        return [.. forbidden];
    }
}
