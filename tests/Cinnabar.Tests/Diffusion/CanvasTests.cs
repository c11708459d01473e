using Cinnabar.Diffusion;

namespace Cinnabar.Tests.Diffusion;

public sealed class CanvasTests
{
    private const int Mask = 9;
    private const int Eos = 8;
    private const int Pad = 7;
    private static readonly CanvasTokens s_tokens = new(Mask, Eos, Pad);

    [Fact]
    public void Canvas_FromSegments_KnowsStatesAndHoles()
    {
        var canvas = new Canvas(
            [
                CanvasSegment.Text([1, 2]), CanvasSegment.Hole(2), CanvasSegment.Text([3]), CanvasSegment.Hole(0),
                CanvasSegment.Continuation(1),
            ],
            s_tokens);
        Assert.Equal([1, 2, Mask, Mask, 3, Mask], canvas.Ids.ToArray());
        Assert.Equal([2, 3, 5], canvas.NoisyPositions());
        Assert.Equal(
            [new Hole(2, 2, HoleKind.Infill), new Hole(5, 0, HoleKind.Infill), new Hole(5, 1, HoleKind.Continuation)], canvas.Holes);
        Assert.Equal([-1, -1, 0, 0, -1, 2], Enumerable.Range(0, 6).Select(canvas.HoleOf));
        Assert.Equal(PositionState.Frozen, canvas.StateOf(4));
        Assert.Equal(PositionState.Noisy, canvas.StateOf(5));
        Assert.Equal(1f, canvas.ConfidenceOf(0));
        Assert.Equal(0f, canvas.ConfidenceOf(2));
    }

    // Only a hole whose text may end before it: one that is exact, grows or has no end token, and a tail, are not closed.
    [Fact]
    public void Canvas_ThatClosesHoles_HasOneKnownPaddingTokenBehindThose()
    {
        CanvasSegment[] segments =
        [
            CanvasSegment.Text([1]), CanvasSegment.Hole(2), CanvasSegment.Text([3]), CanvasSegment.Hole(1, least: 1),
            CanvasSegment.Hole(0), CanvasSegment.GrowingHole(1, 3), CanvasSegment.Text([4]), CanvasSegment.Continuation(1),
        ];
        CanvasTokens closing = s_tokens with { ClosesHoles = true };
        Canvas canvas = new(segments, closing);
        Assert.Equal([1, Mask, Mask, Pad, 3, Mask, Mask, 4, Mask], canvas.Ids.ToArray());
        Assert.Equal([true, false, false, false, false], canvas.Holes.Select(hole => hole.IsClosed));
        Assert.Equal([1, 5, 6, 6, 8], canvas.Holes.Select(hole => hole.Start));
        Assert.Equal([4, 6, 6, 7, 9], canvas.Holes.Select(hole => hole.Next));
        Assert.Equal((PositionState.Frozen, -1, 1f), (canvas.StateOf(3), canvas.HoleOf(3), canvas.ConfidenceOf(3)));
        Assert.Equal(canvas.Length, segments.Sum(segment => segment.MostPositions(closing)) - 2);
        Assert.Equal([1, Mask, Mask, 3, Mask, Mask, 4, Mask], canvas.Text());

        CommitAll(canvas, (1, 5), (2, 6));
        Assert.Equal([5, 6], canvas.TextOf(0));
        Assert.Equal([1, 5, 6, 3], canvas.Text()[..4]);
        Canvas copy = canvas.Copy();
        Assert.Equal(canvas.Holes, copy.Holes);
        copy.Restore(canvas.Ids);
        Assert.Equal(canvas.Ids.ToArray(), copy.Ids.ToArray());
        Assert.All(new Canvas(segments, closing with { PaddingTokenId = null }).Holes, hole => Assert.False(hole.IsClosed));
    }

    [Fact]
    public void Commit_RecordsStepAndConfidence()
    {
        Canvas canvas = Canvas.ForContinuation([1], 2, s_tokens);
        canvas.Commit(new Commit(2, 4, 0.25f), 3);
        Assert.Equal([1, Mask, 4], canvas.Ids.ToArray());
        Assert.Equal((PositionState.Committed, 3, 0.25f), (canvas.StateOf(2), canvas.CommittedAt(2), canvas.ConfidenceOf(2)));
        Assert.Equal(1, canvas.NoisyCount);
    }

    [Fact]
    public void Text_AfterTheFirstPaddingOfAHole_IsDropped()
    {
        var canvas = new Canvas([CanvasSegment.Text([1]), CanvasSegment.Hole(4), CanvasSegment.Text([2]), CanvasSegment.Hole(2)], s_tokens);
        CommitAll(canvas, (1, 5), (2, Pad), (3, 6), (4, Pad), (6, Pad), (7, Pad));
        Assert.Equal([5], canvas.TextOf(0));
        Assert.Equal([], canvas.TextOf(1));
        Assert.Equal([1, 5, 2], canvas.Text());
    }

    [Fact]
    public void Text_OfAContinuation_EndsAtEndOfTextAndKeepsPadding()
    {
        Canvas canvas = Canvas.ForContinuation([1], 4, s_tokens);
        CommitAll(canvas, (1, 5), (2, Pad), (3, Eos), (4, 6));
        Assert.Equal([1, 5, Pad], canvas.Text());
    }

    [Fact]
    public void Text_FrozenEndTokens_AreOrdinaryText()
    {
        Canvas canvas = Canvas.ForContinuation([Eos, 1, Pad], 1, s_tokens);
        Assert.Equal([Eos, 1, Pad, Mask], canvas.Text());
    }

    [Fact]
    public void Settle_EndTokenWithNoisyPositionBefore_FillsNothing()
    {
        var canvas = new Canvas([CanvasSegment.Hole(4), CanvasSegment.Text([1])], s_tokens);
        CommitAll(canvas, (2, Pad));
        var commits = new List<Commit>();
        canvas.Settle(2, commits);
        Assert.Empty(commits);
        Assert.Equal([0, 1, 3], canvas.NoisyPositions());
    }

    [Fact]
    public void Settle_EverythingBeforeTheEndTokenFilled_FillsTheRestOfThatHoleOnly()
    {
        var canvas = new Canvas([CanvasSegment.Hole(4), CanvasSegment.Text([1]), CanvasSegment.Hole(1)], s_tokens);
        CommitAll(canvas, (0, 5));
        canvas.Commit(new Commit(1, Pad, 0.5f), 1);
        canvas.Commit(new Commit(3, 6, 0.5f), 1);
        var commits = new List<Commit>();
        canvas.Settle(2, commits);
        Assert.Equal([new Commit(2, Pad, 0.5f)], commits);
        Assert.Equal([5, Pad, Pad, 6, 1, Mask], canvas.Ids.ToArray());
        Assert.Equal(2, canvas.CommittedAt(2));
    }

    [Fact]
    public void Settle_HoleWithoutEndToken_FillsNothing()
    {
        var canvas = new Canvas([CanvasSegment.Hole(2), CanvasSegment.Hole(0)], s_tokens);
        CommitAll(canvas, (0, Eos), (1, 5));
        var commits = new List<Commit>();
        canvas.Settle(2, commits);
        Assert.Empty(commits);
    }

    [Fact]
    public void Canvas_HoleOfNegativeLength_IsRefused() =>
        Assert.Contains("-1", Assert.Throws<CinnabarException>(() => Canvas.ForContinuation([1], -1, s_tokens)).Message);

    [Fact]
    public void Canvas_ContinuationBeforeText_IsRefused() => Assert.Throws<CinnabarException>(
        () => new Canvas([CanvasSegment.Continuation(1), CanvasSegment.Text([1])], s_tokens));

    [Theory]
    [InlineData(Mask)]
    [InlineData(-1)]
    public void Canvas_KnownTextWithImpossibleIds_IsRefused(int id) =>
        Assert.Throws<CinnabarException>(() => Canvas.ForContinuation([1, id], 1, s_tokens));

    [Fact]
    public void Canvas_TooManyPositions_IsRefusedBeforeAllocating() => Assert.Throws<CinnabarException>(
        () => new Canvas([CanvasSegment.Hole(int.MaxValue), CanvasSegment.Hole(int.MaxValue)], s_tokens));

    [Fact]
    public void Forbidden_ByKindOfHole_FollowsTheTable()
    {
        CanvasTokens tokens = s_tokens with { NeverEmitted = [3], AlsoEndText = [6] };
        Assert.Equal([3, Pad, Mask], tokens.Forbidden(HoleKind.Continuation));
        Assert.Equal([3, Mask], tokens.Forbidden(HoleKind.Continuation, allowPadding: true));
        Assert.Equal([3, 6, Eos, Mask], tokens.Forbidden(HoleKind.Infill));

        // LLaDA: one id for both.
        Assert.Equal([Mask], new CanvasTokens(Mask, Eos, Eos).Forbidden(HoleKind.Continuation));
        Assert.Equal([Mask], new CanvasTokens(Mask, Eos, Eos).Forbidden(HoleKind.Infill));
        Assert.Equal([Mask], new CanvasTokens(Mask, null, null).Forbidden(HoleKind.Infill));
    }

    private static void CommitAll(Canvas canvas, params (int Position, int Token)[] commits)
    {
        foreach ((int position, int token) in commits)
        {
            canvas.Commit(new Commit(position, token, 0.5f), 1);
        }
    }
}
