using Cinnabar.Diffusion;
using Cinnabar.Numerics;
using Cinnabar.Sampling;
using Cinnabar.Tests.Diffusion;

namespace Cinnabar.Tests.Sampling;

public sealed class SamplerTests
{
    private const int V = 12;
    private const int Mask = 11;
    private const int Eos = 10;
    private const int Pad = 9;
    private static readonly CanvasTokens s_tokens = new(Mask, Eos, Pad);

    [Fact]
    public void Steps_EnumeratedAgain_LeaveOtherCanvasesAlone()
    {
        Sampler sampler = new(Sharp(position => position));
        IEnumerable<DenoisingStep> steps = sampler.Steps(Canvas.ForContinuation([5], 5, s_tokens), new());
        Assert.Equal(5, steps.Count());
        Assert.Empty(steps);
        Assert.Empty(steps);

        // Two runs of their own, not one twice.
        Canvas[] canvases = [Canvas.ForContinuation([5], 5, s_tokens), Canvas.ForContinuation([5], 5, s_tokens)];
        sampler.Run(canvases, [new(), new()]);
        Assert.All(canvases, canvas => Assert.Equal(0, canvas.NoisyCount));
    }

    [Fact]
    public void Run_PolicyOfOnesOwn_IsMadeForEachRun()
    {
        int made = 0;
        StepPolicy Make()
        {
            made++;
            return new LowConfidencePolicy();
        }

        Sampler sampler = new(Sharp(_ => 1));
        SamplerOptions options = new() { Policy = Make };
        sampler.Run(Canvas.ForContinuation([5], 2, s_tokens), options);
        sampler.Run(Canvas.ForContinuation([5], 2, s_tokens), options);
        Assert.Equal(2, made);
    }

    [Fact]
    public void Run_LowConfidence_CommitsMostProbableFirstTiesToTheLeft()
    {
        // Sureness by position; 2 and 4 tie.
        double[] sure = [0, 1, 3, 2, 3, 0.5];
        List<DenoisingStep> steps = Steps(Sharp(position => sure[position]), Canvas.ForContinuation([5], 5, s_tokens), new());
        Assert.Equal([2, 4, 3, 1, 5], steps.Select(step => Assert.Single(step.Commits).Position));
        Assert.Equal([1, 2, 3, 4, 5], steps.Select(step => step.Step));
        Assert.Equal([4, 3, 2, 1, 0], steps.Select(step => step.Remaining));
    }

    [Fact]
    public void Run_EntropyAndMargin_FollowTheirOwnOrder()
    {
        // Position 0: best token 0.5, then 0.49: sure of two. Position 1: best token 0.4, the rest equal.
        double Logit(int[] ids, int position, int token) => (position, token) switch
        {
            (0, 0) => Math.Log(0.5),
            (0, 1) => Math.Log(0.49),
            (0, _) => Math.Log(0.01 / 8),
            (_, 0) => Math.Log(0.4),
            _ => Math.Log(0.6 / 9),
        };
        int First(Remasking remasking) => Steps(
            new(V, Mask, Logit), Canvas.ForContinuation([], 2, s_tokens), new() { Remasking = remasking })[0].Commits[0].Position;
        Assert.Equal(0, First(Remasking.LowConfidence));
        Assert.Equal(0, First(Remasking.Entropy));
        Assert.Equal(1, First(Remasking.Margin));
    }

    [Fact]
    public void Run_FourStepsForTenMasks_Commits3322()
    {
        List<DenoisingStep> steps = Steps(Sharp(_ => 1), Canvas.ForContinuation([5], 10, s_tokens), new() { Steps = 4 });
        Assert.Equal([3, 3, 2, 2], steps.Select(step => step.Commits.Count));
        Assert.Equal(4, steps[^1].ForwardPasses);
    }

    [Fact]
    public void Run_Timesteps_Commits2224AndSkipsPassesOfEmptySteps()
    {
        var options = new SamplerOptions { Steps = 4, Transfer = Transfer.Timestep };
        Assert.Equal(
            [2, 2, 2, 4], Steps(Sharp(_ => 1), Canvas.ForContinuation([5], 10, s_tokens), options).Select(step => step.Commits.Count));

        TableDenoiser denoiser = Sharp(_ => 1);
        List<DenoisingStep> many = Steps(denoiser, Canvas.ForContinuation([5], 4, s_tokens), options with { Steps = 16 });
        int working = many.Count(step => step.Commits.Count > 0);
        Assert.True(working < many.Count);
        Assert.Equal(working, denoiser.AskedRows.Count);
        Assert.Equal(working, many[^1].ForwardPasses);
    }

    [Fact]
    public void Run_Blocks_AskOnlyForNoisyRowsOfTheActiveBlock()
    {
        TableDenoiser denoiser = Sharp(position => position);
        List<DenoisingStep> steps = Steps(denoiser, Canvas.ForContinuation([5], 5, s_tokens), new() { BlockSize = 2 });
        Assert.Equal([0, 0, 1, 1, 2], steps.Select(step => step.Block));
        int[][] expected = [[1, 2], [1], [3, 4], [3], [5]];
        Assert.Equal(expected, denoiser.AskedRows);
    }

    [Fact]
    public void Run_BlocksOverSeveralHoles_GoLeftToRightOverNoisyPositions()
    {
        TableDenoiser denoiser = Sharp(_ => 1);
        var canvas = new Canvas(
            [CanvasSegment.Hole(1), CanvasSegment.Text([1]), CanvasSegment.Hole(2), CanvasSegment.Text([2]), CanvasSegment.Hole(1)],
            s_tokens);
        Steps(denoiser, canvas, new() { BlockSize = 2, Steps = 2 });
        int[][] expected = [[0, 2], [3, 5]];
        Assert.Equal(expected, denoiser.AskedRows);
    }

    [Fact]
    public void Run_StepsNotDivisibleByBlocks_PutsTheRemainderFirst()
    {
        List<DenoisingStep> steps = Steps(Sharp(_ => 1), Canvas.ForContinuation([5], 12, s_tokens), new() { BlockSize = 4, Steps = 7 });
        Assert.Equal([0, 0, 0, 1, 1, 2, 2], steps.Select(step => step.Block));
    }

    [Fact]
    public void Run_FewerStepsThanBlocks_IsRefused()
    {
        string message = Assert.Throws<CinnabarException>(
            () => Steps(Sharp(_ => 1), Canvas.ForContinuation([5], 12, s_tokens), new() { BlockSize = 4, Steps = 2 })).Message;
        Assert.Contains("Steps", message);
    }

    [Fact]
    public void Run_MoreStepsThanMasks_TakesOneTokenAStep()
    {
        List<DenoisingStep> steps = Steps(Sharp(_ => 1), Canvas.ForContinuation([5], 3, s_tokens), new() { Steps = 50 });
        Assert.Equal([1, 1, 1], steps.Select(step => step.Commits.Count));
    }

    [Fact]
    public void Run_EndOfTextWithEverythingBeforeItFilled_Stops()
    {
        // Position 3 says end of text and is surest; 1 and 2 come next; 4 … 9 would follow.
        TableDenoiser denoiser = new(V, Mask, (_, position, token) =>
            token == (position == 3 ? Eos : 4) ? (position == 3 ? 9 : 8 - (0.5 * position)) : 0);
        Canvas canvas = Canvas.ForContinuation([5], 9, s_tokens);
        List<DenoisingStep> steps = Steps(denoiser, canvas, new());
        Assert.Equal([3, 1, 2], steps.Select(step => step.Commits[0].Position));
        Assert.Equal([2, 4, 5, 6, 7, 8, 9], steps[2].Commits.Select(commit => commit.Position));
        Assert.All(steps[2].Commits.Skip(1), commit => Assert.Equal(Eos, commit.TokenId));
        Assert.Equal([5, 4, 4], canvas.Text());
        Assert.Equal(3, denoiser.AskedRows.Count);
    }

    [Fact]
    public void Run_PaddingInAHole_ShortensTheHoleAndSavesPasses()
    {
        // The hole 1 … 6 wants 4, 4, then padding; surest from the left.
        TableDenoiser denoiser = new(V, Mask, (_, position, token) => token == (position >= 3 ? Pad : 4) ? 9 - position : 0);
        var canvas = new Canvas([CanvasSegment.Text([5]), CanvasSegment.Hole(6), CanvasSegment.Text([6])], s_tokens);
        Steps(denoiser, canvas, new());
        Assert.Equal([5, 4, 4, 6], canvas.Text());
        Assert.Equal(3, denoiser.AskedRows.Count);
    }

    [Fact]
    public void Run_ForbiddenTokens_AreNeverEmitted()
    {
        // Mask, padding, end of text and 3 have the highest logits everywhere.
        TableDenoiser denoiser = new(V, Mask, (_, _, token) => token is Mask or Pad or Eos or 3 ? 20 : token == 2 ? 1 : 0);
        CanvasTokens tokens = s_tokens with { NeverEmitted = [3] };
        Canvas tail = Canvas.ForContinuation([5], 3, tokens with { EosTokenId = null });
        Steps(denoiser, tail, new());
        Assert.All(tail.TextOf(0), id => Assert.DoesNotContain(id, new[] { Mask, Pad, 3 }));

        Canvas allowed = Canvas.ForContinuation([5], 1, tokens with { EosTokenId = null });
        Steps(denoiser, allowed, new() { AllowPadding = true });
        Assert.Equal([5, Pad], allowed.Text());

        var infill = new Canvas(
            [CanvasSegment.Text([5]), CanvasSegment.Hole(2), CanvasSegment.Text([5])], tokens with { PaddingTokenId = null });
        Steps(denoiser, infill, new() { Temperature = 0.1 });
        Assert.All(infill.TextOf(0), id => Assert.True(id is not (Mask or Eos or 3)));
    }

    [Fact]
    public void Run_Threshold_CommitsAllThatReachItAtLeastOne()
    {
        // Probabilities by position: two above 0.9, then none: one a step.
        double[] p = [0, 0.95, 0.5, 0.99, 0.6];
        TableDenoiser denoiser = WithProbability(position => p[position]);
        List<DenoisingStep> steps = Steps(denoiser, Canvas.ForContinuation([5], 4, s_tokens), new() { Threshold = 0.9 });
        int[][] expected = [[1, 3], [4], [2]];
        Assert.Equal(expected, steps.Select(step => step.Commits.Select(commit => commit.Position).ToArray()));
        Assert.Equal(0.95, steps[0].Commits[0].Confidence, 1e-6);
    }

    [Fact]
    public void Run_ThresholdWithSteps_TakesAtMostThatManySteps()
    {
        List<DenoisingStep> steps = Steps(
            WithProbability(_ => 0.5), Canvas.ForContinuation([5], 8, s_tokens), new() { Threshold = 0.9, Steps = 2 });
        Assert.Equal([4, 4], steps.Select(step => step.Commits.Count));
    }

    [Fact]
    public void Run_Guidance_CombinesBothPassesAndMasksKnownTextInTheSecond()
    {
        // With the prompt, 4 leads 3 by 1; without it by 3. Guided with scale 1: 3 leads.
        TableDenoiser denoiser = new(V, Mask, (ids, _, token) => token switch
        {
            3 => 5,
            4 => ids[0] == Mask ? 8 : 6,
            _ => 0,
        });
        Canvas canvas = Canvas.ForContinuation([5, 6], 2, s_tokens);
        List<DenoisingStep> steps = Steps(denoiser, canvas, new() { CfgScale = 2 });
        Assert.Equal([2, 4], steps.Select(step => step.ForwardPasses));

        // u + 3(c − u): token 3 stays 5, token 4 becomes 8 + 3·(6 − 8) = 2.
        Assert.Equal([3, 3], canvas.TextOf(0));
        int[][] expected = [[5, 6, Mask, Mask], [Mask, Mask, Mask, Mask], [5, 6, 3, Mask], [Mask, Mask, 3, Mask]];
        Assert.Equal(expected, denoiser.AskedIds);
        double[] logits = [5, 2, 0, 0, 0, 0, 0, 0, 0, 0];
        Assert.Equal(Math.Exp(5) / logits.Sum(Math.Exp), steps[0].Commits[0].Confidence, 1e-6);
    }

    [Fact]
    public void Run_GuidanceWithImpossibleTokens_KeepsThemImpossible()
    {
        TableDenoiser denoiser = new(V, Mask, (ids, _, token) =>
            token == 3 || (token == 4 && ids[0] == Mask) || (token == 2 && ids[0] != Mask) ? double.NegativeInfinity : token == 6 ? 1 : 0);
        Canvas canvas = Canvas.ForContinuation([5], 1, s_tokens);
        Steps(denoiser, canvas, new() { CfgScale = 1 });
        Assert.Equal([6], canvas.TextOf(0));
    }

    [Fact]
    public void Run_NaNLogits_NamesThePosition()
    {
        TableDenoiser denoiser = new(V, Mask, (_, position, token) => position == 2 && token == 7 ? double.NaN : 0);
        string message = Assert.Throws<CinnabarException>(
            () => Steps(denoiser, Canvas.ForContinuation([5], 2, s_tokens), new())).Message;
        Assert.Contains("NaN for token 7 at position 2", message);
    }

    [Fact]
    public void Run_NothingNoisy_AsksNothing()
    {
        TableDenoiser denoiser = Sharp(_ => 1);
        Assert.Equal(0, new Sampler(denoiser).Run(new Canvas([CanvasSegment.Text([1, 2])], s_tokens), new()));
        var empty = new Canvas([CanvasSegment.Text([1]), CanvasSegment.Hole(0)], s_tokens);
        Assert.Equal(0, new Sampler(denoiser).Run(empty, new() { Steps = 4 }));
        Assert.Equal(0, new Sampler(denoiser).Run(new Canvas([], s_tokens), new() { BlockSize = 4 }));
        Assert.Empty(denoiser.AskedRows);
    }

    [Fact]
    public void Run_EmptyPrompt_FillsTheCanvas()
    {
        Canvas canvas = Canvas.ForContinuation([], 3, s_tokens);
        new Sampler(Sharp(_ => 1)).Run(canvas, new());
        Assert.Equal([4, 4, 4], canvas.Text());
    }

    [Fact]
    public void Run_Cancelled_StopsBeforeThePassAndKeepsTheCanvas()
    {
        using var source = new CancellationTokenSource();
        Canvas canvas = Canvas.ForContinuation([5], 4, s_tokens);
        TableDenoiser denoiser = Sharp(_ => 1);
        Assert.Throws<OperationCanceledException>(() => new Sampler(denoiser).Run(canvas, new(), source.Token, step =>
        {
            if (step.Step == 2)
            {
                source.Cancel();
            }
        }));
        Assert.Equal(2, canvas.NoisyCount);
        Assert.Equal(2, denoiser.AskedRows.Count);
    }

    [Fact]
    public void Run_CanvasThatDoesNotFit_IsRefusedBeforeAnyPass()
    {
        TableDenoiser denoiser = new(V, Mask, (_, _, _) => 0) { MaxLength = 4 };
        string Refused(Canvas canvas) => Assert.Throws<CinnabarException>(() => Steps(denoiser, canvas, new())).Message;
        Assert.Contains("at most 4 tokens (the network's limit), found 5", Refused(Canvas.ForContinuation([5], 4, s_tokens)));
        Assert.Contains("ids below 12 (the network's vocabulary), found 12", Refused(Canvas.ForContinuation([V], 1, s_tokens)));
        Assert.Throws<CinnabarException>(
            () => Steps(denoiser, Canvas.ForContinuation([5], 1, s_tokens with { NeverEmitted = [500] }), new()));
        Assert.Contains("found 13", Refused(Canvas.ForContinuation([5], 1, s_tokens with { ExpandTokenId = V + 1 })));
        Assert.Throws<ArgumentException>(() => Steps(denoiser, Canvas.ForContinuation([5], 1, s_tokens with { MaskTokenId = 2 }), new()));
        Assert.Throws<CinnabarException>(() => new Sampler(denoiser).Steps(Canvas.ForContinuation([5], 1, s_tokens), new() { TopP = 2 }));
        Assert.Empty(denoiser.AskedRows);
    }

    [Fact]
    public void Run_AnyNumberOfThreads_GivesTheSameCanvas()
    {
        var options = new SamplerOptions { Temperature = 1, TopP = 0.9, Steps = 5, Seed = 3, Remasking = Remasking.Entropy };
        double Logit(int[] ids, int position, int token) => new CounterRandom(1, ids.Sum(), position).Unit((ulong)token) * 4;
        Canvas alone = Canvas.ForContinuation([5], 23, s_tokens);
        new Sampler(new TableDenoiser(V, Mask, Logit)).Run(alone, options);
        foreach (int threads in new[] { 2, 3, 40 })
        {
            using var workers = new WorkerPool(threads);
            Canvas shared = Canvas.ForContinuation([5], 23, s_tokens);
            new Sampler(new TableDenoiser(V, Mask, Logit), workers).Run(shared, options);
            Assert.Equal(alone.Ids.ToArray(), shared.Ids.ToArray());
        }
    }

    [Fact]
    public void Run_Origin_CommitsEachPositionUniformlyOverTheSteps()
    {
        // Under α = 1 − t every position is committed in each of S equal steps with probability nearly 1/S.
        var counts = new double[4];
        for (ulong seed = 0; seed < 200; seed++)
        {
            Canvas canvas = Canvas.ForContinuation([], 20, s_tokens);
            new Sampler(Sharp(_ => 1)).Run(canvas, new() { Remasking = Remasking.Origin, Steps = 4, Seed = seed });
            for (int i = 0; i < 20; i++)
            {
                counts[canvas.CommittedAt(i) - 1]++;
            }
        }

        Assert.True(ChiSquare.Fits(counts, [0.24975, 0.24975, 0.24975, 0.25075]));
    }

    [Fact]
    public void Run_Random_ChoosesEveryPositionEquallyOftenFirst()
    {
        var counts = new double[6];
        for (ulong seed = 0; seed < 1_500; seed++)
        {
            // One position far surer than the others must make no difference.
            Canvas canvas = Canvas.ForContinuation([], 6, s_tokens);
            DenoisingStep first = new Sampler(Sharp(position => position == 2 ? 9 : 1)).Steps(canvas, new()
            {
                Remasking = Remasking.Random,
                Seed = seed,
            }).First();
            counts[first.Commits[0].Position]++;
        }

        Assert.True(ChiSquare.Fits(counts, Enumerable.Repeat(1.0 / 6, 6)));
    }

    [Fact]
    public void Run_Temperature_DrawsOneTokenPerPassFromTheJointDistribution()
    {
        // A chain x0 → x1 in the table: sampling one position a pass must give p(x0) p(x1 | x0).
        double[] start = [0.2, 0.8];
        double[][] next = [[0.9, 0.1], [0.3, 0.7]];
        double Logit(int[] ids, int position, int token) => token > 1 ? double.NegativeInfinity
            : position == 0 ? Math.Log(start[token])
            : ids[0] == Mask ? Math.Log(0.5)
            : Math.Log(next[ids[0]][token]);
        var counts = new double[4];
        for (ulong seed = 0; seed < 4_000; seed++)
        {
            Canvas canvas = Canvas.ForContinuation([], 2, s_tokens);
            new Sampler(new TableDenoiser(V, Mask, Logit)).Run(canvas, new() { Temperature = 1, BlockSize = 1, Seed = seed });
            counts[(canvas.Ids[0] * 2) + canvas.Ids[1]]++;
        }

        Assert.True(ChiSquare.Fits(counts, [0.18, 0.02, 0.24, 0.56]));
    }

    // Every position wants token 4, with the given lead over all others.
    private static TableDenoiser Sharp(Func<int, double> lead) =>
        new(V, Mask, (_, position, token) => token == 4 ? 1 + lead(position) : 0);

    // Token 4 has exactly this probability among the ids that may be emitted in a continuation: all but the mask and padding.
    private static TableDenoiser WithProbability(Func<int, double> p) =>
        new(V, Mask, (_, position, token) => token == 4 ? Math.Log(p(position)) : Math.Log((1 - p(position)) / (V - 3)));

    private static List<DenoisingStep> Steps(TableDenoiser denoiser, Canvas canvas, SamplerOptions options) =>
        [.. new Sampler(denoiser).Steps(canvas, options)];
}
