using Cinnabar.Diffusion;
using Cinnabar.Tests.Models;

namespace Cinnabar.Tests.Diffusion;

public sealed class FillInTheMiddleTests
{
    private const int Mask = 0;
    private const int Eos = 1;
    private const int Pad = 2;
    private const int Bos = 3;

    private static readonly FillInTheMiddle s_layout = new(TinyNetwork.Config with { BosTokenId = Bos });
    private static readonly CanvasTokens s_tokens = new(Mask, Eos, Pad) { NeverEmitted = [Bos] };

    [Fact]
    public void Sequence_HasSuffixPrefixAndMiddle()
    {
        Assert.Equal([Bos, Mask, 14, Pad, 10, 11, 12, 13, Eos], s_layout.Sequence([10, 11], [12, 13], [14]));
        Assert.Equal([Bos, Mask, Pad, Eos], s_layout.Sequence([], [], []));
        Assert.Equal(4, s_layout.MarkerCount);
    }

    [Fact]
    public void Sequence_ModelWithoutBeginOfText_BeginsWithTheMarker()
    {
        FillInTheMiddle layout = new(TinyNetwork.Config);
        Assert.Equal([Mask, 12, Pad, 10, 11, Eos], layout.Sequence([10], [11], [12]));
        Assert.Equal(3, layout.MarkerCount);
    }

    [Fact]
    public void CanvasFor_TextThatFits_AsksForWhatTheSequenceShows()
    {
        Canvas canvas = s_layout.CanvasFor([10, 11], [14], CanvasSegment.Continuation(3), s_tokens, limit: 32);
        int[] shown = s_layout.Sequence([10, 11], [], [14])[..^1];
        Assert.Equal([.. shown, Mask, Mask, Mask], canvas.Ids.ToArray());
        Assert.Equal([6, 7, 8], canvas.NoisyPositions());
        Assert.Equal(PositionState.Frozen, canvas.StateOf(1));
        Assert.Equal([new Hole(6, 3, HoleKind.Continuation)], canvas.Holes);
    }

    [Fact]
    public void CanvasFor_PrefixBeginsWithBeginOfText_DoesNotDoubleIt()
    {
        Canvas canvas = s_layout.CanvasFor([Bos, 10], [11], CanvasSegment.Continuation(1), s_tokens, limit: 32);
        Assert.Equal([Bos, Mask, 11, Pad, 10, Mask], canvas.Ids.ToArray());
        FillInTheMiddle without = new(TinyNetwork.Config);
        canvas = without.CanvasFor([Bos, 10], [11], CanvasSegment.Continuation(1), s_tokens, limit: 32);
        Assert.Equal([Mask, 11, Pad, Bos, 10, Mask], canvas.Ids.ToArray());
    }

    // Known are three markers and the hole of four; of the 33 positions left two thirds go to the prefix.
    [Fact]
    public void CanvasFor_LongText_KeepsWhatIsNearestToTheHole()
    {
        int[] prefix = [.. Enumerable.Range(100, 50)];
        int[] suffix = [.. Enumerable.Range(200, 50)];
        Canvas canvas = s_layout.CanvasFor(prefix, suffix, CanvasSegment.Continuation(4), s_tokens, limit: 40);
        Assert.Equal([Bos, Mask, .. suffix[..11], Pad, .. prefix[^22..], Mask, Mask, Mask, Mask], canvas.Ids.ToArray());
        Assert.Equal(40, canvas.Length);
    }

    [Fact]
    public void CanvasFor_HoleThatLeavesNoRoom_Throws()
    {
        CinnabarException error = Assert.Throws<CinnabarException>(
            () => s_layout.CanvasFor([10, 11], [12], CanvasSegment.Continuation(30), s_tokens, limit: 32));
        Assert.Contains("32 tokens", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Canvas_OrdinaryTextWithTheMask_IsStillRefused() =>
        Assert.Throws<CinnabarException>(() => new Canvas([CanvasSegment.Text([10, Mask])], s_tokens));
}
