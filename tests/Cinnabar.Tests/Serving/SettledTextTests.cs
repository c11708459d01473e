using Cinnabar.Diffusion;
using Cinnabar.Sampling;
using Cinnabar.Serving;
using Cinnabar.Tokenizers;

namespace Cinnabar.Tests.Serving;

/// <summary>What streams give out: nothing that changes later, and in the end all.</summary>
public sealed class SettledTextTests(ServingModel serving) : IClassFixture<ServingModel>
{
    private const int Requests = 230;

    private Tokenizer Tokenizer => serving.Model.Tokenizer;

    [Fact]
    public void FinalBefore_AllPolicies_IsTrueOfEveryLaterStep()
    {
        (int early, int revisions) = (0, 0);
        for (int number = 0; number < Requests; number++)
        {
            TextRequest request = new(number);
            List<DenoisingStep> steps = request.Steps(serving.Model, request.LayOut(serving.Model));
            Dictionary<int, int> final = [];
            foreach (DenoisingStep step in steps)
            {
                Assert.All(final, known => Assert.True(
                    step.Canvas.StateOf(known.Key) != PositionState.Noisy && step.Canvas.Ids[known.Key] == known.Value,
                    $"Request {number} ({request}): position {known.Key} changed in step {step.Step}."));
                for (int position = 0; position < step.FinalBefore; position++)
                {
                    if (step.Canvas.StateOf(position) == PositionState.Committed)
                    {
                        final[position] = step.Canvas.Ids[position];
                    }
                }

                early += final.Count > 0 && step.Remaining > 0 ? 1 : 0;
                revisions += step.Edits.Count + step.Renoised.Count;
            }
        }

        // The test sees what it is about.
        Assert.True(early > 300 && revisions > 100, $"{early} steps with final positions, {revisions} revisions.");
    }

    [Fact]
    public void FinalBefore_LastStepOfABudget_LeavesEarlierBlocksAlone()
    {
        // Once everything stands, an edit of the first block would be sure.
        int mask = 11;
        Tests.Sampling.TableDenoiser network = new(12, mask, (ids, position, token) =>
            token == (ids.AsSpan(4).Contains(mask) && ids[4] == mask ? 1 : 2) ? 9 : 0);
        Canvas canvas = new([CanvasSegment.Hole(8)], new CanvasTokens(mask, null, null));
        SamplerOptions options = new() { BlockSize = 4, Steps = 4, EditThreshold = 0.5, MaxPasses = 5 };
        List<int[]> first = [];
        List<int> final = [];
        foreach (DenoisingStep step in new Sampler(network).Steps(canvas, options))
        {
            first.Add(step.Canvas.Ids[..4].ToArray());
            final.Add(step.FinalBefore);
        }

        int since = final.FindIndex(before => before >= 4);
        Assert.InRange(since, 1, final.Count - 2);
        Assert.All(first.Skip(since), ids => Assert.Equal(first[since], ids));
    }

    [Fact]
    public void Pieces_AllPolicies_JoinToTheFinalTextUpToAStop()
    {
        int pieces = 0;
        int stopped = 0;
        for (int number = 0; number < Requests; number++)
        {
            TextRequest request = new(number);
            TextCanvas text = request.LayOut(serving.Model);
            List<DenoisingStep> steps = request.Steps(serving.Model, text);
            GenerationResult result = text.ToResult();
            DeterministicRandom random = new((ulong)number);
            for (int hole = 0; hole < result.Holes.Count; hole++)
            {
                string final = result.Holes[hole].Text;
                foreach (string[] stops in (string[][])[[], [PieceOf(final, random), PieceOf(final, random) + "?", PieceOf(final, random)]])
                {
                    // Some readers see all steps, some a few.
                    int seen = 1 + random.NextInt(3);
                    SettledText settled = new(text, Tokenizer, hole, stops);
                    List<string> given = [.. steps.Where((_, i) => i % seen == 0).Select(settled.Append)];
                    given.Add(settled.Finish(result));
                    Assert.Equal(CutAt(final, stops), string.Concat(given));
                    Assert.Equal(stops.Any(stop => final.Contains(stop, StringComparison.Ordinal)), settled.IsStopped);
                    pieces += given.Count(piece => piece.Length > 0);
                    stopped += settled.IsStopped ? 1 : 0;
                }
            }
        }

        Assert.True(pieces > 500 && stopped > 200, $"{pieces} pieces, {stopped} stopped.");
    }

    [Theory]
    [InlineData("abcd", new[] { "bc", "abcd" }, "a")]
    [InlineData("xabcx", new[] { "abc", "bc" }, "x")]
    [InlineData("abab", new[] { "abb" }, "abab")]
    [InlineData("aaab", new[] { "aab" }, "a")]
    public void Stop_SeveralOrOverlapping_CutsAtTheOneThatIsCompleteFirst(string written, string[] stops, string expected)
    {
        // However many tokens come at a time.
        for (int atATime = 1; atATime <= written.Length; atATime++)
        {
            (TextCanvas text, List<DenoisingStep> steps) = Written("x = ", written, atATime);
            SettledText settled = new(text, Tokenizer, 0, stops);
            Assert.Equal(expected, string.Concat(steps.Select(settled.Append)) + settled.Finish(text.ToResult()));
        }
    }

    [Fact]
    public void TokensToStop_AreTheFewestThatHoldOne()
    {
        (TextCanvas text, _) = Written("x = ", "abcabd", 1);
        int[] ids = text.Canvas.TextOf(hole: 0);

        Assert.Equal(3, Needed(["bd", "bc"], 6));
        Assert.Equal(6, Needed(["bd"], 6));
        Assert.Equal(6, Needed(["?"], 6));
        Assert.Equal(6, Needed([], 6));
        Assert.Equal(0, Needed(["a"], 0));

        int Needed(string[] stops, int tokens) => new SettledText(text, Tokenizer, 0, stops).TokensToStop(ids.AsSpan(0, tokens));
    }

    [Fact]
    public void CarriageReturns_TextWithThem_LineFeedIsAStopBeforeBoth()
    {
        (TextCanvas text, List<DenoisingStep> steps) = Written("x\r\n", "ab\ncd", 1);
        SettledText all = new(text, Tokenizer, 0, []);
        Assert.Equal(["a", "b", "\r\n", "c", "d", ""], [.. steps.Select(all.Append), all.Finish(text.ToResult())]);
        SettledText settled = new(text, Tokenizer, 0, ["\n"]);
        Assert.Equal("ab", string.Concat(steps.Select(settled.Append)) + settled.Finish(text.ToResult()));
    }

    [Fact]
    public void CarriageReturn_AtTheEndSoFar_WaitsForItsLineFeed()
    {
        (TextCanvas text, List<DenoisingStep> steps) = Written("x\r\n", "a\r\nb\r", 1);
        SettledText settled = new(text, Tokenizer, 0, []);
        Assert.Equal(["a", "", "\r\n", "b", "", "\r"], [.. steps.Select(settled.Append), settled.Finish(text.ToResult())]);
    }

    [Fact]
    public void Characters_SplitOverTokens_ComeWhole()
    {
        int[] bytes = serving.ByteTokens("🙂");
        (TextCanvas text, List<DenoisingStep> steps) = Written("", [.. bytes, .. serving.ByteTokens("a"), bytes[0]], 1);
        SettledText settled = new(text, Tokenizer, 0, []);
        Assert.Equal(["", "", "", "🙂", "a", "", "\uFFFD"], [.. steps.Select(settled.Append), settled.Finish(text.ToResult())]);
    }

    [Fact]
    public void SpaceBeforeTheHole_WrittenAgain_IsGivenOnce()
    {
        (TextCanvas text, List<DenoisingStep> steps) = Written("x = ", " b", 1);
        SettledText settled = new(text, Tokenizer, 0, []);
        string given = string.Concat(steps.Select(settled.Append)) + settled.Finish(text.ToResult());
        Assert.Equal("x = b", "x = " + given);
    }

    [Fact]
    public void Stop_EmptyText_IsRefused() => Assert.Throws<CinnabarException>(
        () => new SettledText(serving.Model.CanvasFor("x", 2), Tokenizer, 0, ["a", ""]));

    // As a reader of one character after the other would: stop when the text so far ends with a stop.
    private static string CutAt(string text, string[] stops)
    {
        for (int length = 1; length <= text.Length; length++)
        {
            string[] complete = [.. stops.Where(stop => text.AsSpan(0, length).EndsWith(stop, StringComparison.Ordinal))];
            if (complete.Length > 0)
            {
                return text[..(length - complete.Max(stop => stop.Length))];
            }
        }

        return text;
    }

    private static string PieceOf(string text, DeterministicRandom random)
    {
        if (text.Length == 0)
        {
            return "@";
        }

        int start = random.NextInt(text.Length);
        string piece = text.Substring(start, 1 + random.NextInt(Math.Min(6, text.Length - start)));

        // Half of a line end is no line end.
        return piece is ['\n', ..] or [.., '\r'] ? "@" : piece;
    }

    private (TextCanvas Text, List<DenoisingStep> Steps) Written(string prompt, string written, int atATime) =>
        Written(prompt, serving.ByteTokens(written), atATime);

    // A continuation that gets these tokens from the left.
    private (TextCanvas Text, List<DenoisingStep> Steps) Written(string prompt, int[] ids, int atATime)
    {
        TextCanvas text = serving.Model.CanvasFor(prompt, ids.Length);
        return (text, ServingModel.Write(text, ids, atATime));
    }
}
