using Cinnabar.Diffusion;
using Cinnabar.Sampling;

namespace Cinnabar.Tests.Sampling;

/// <summary>Policies that edit, mask again, or watch how a distribution changes from step to step.</summary>
public sealed class RevisingPolicyTests
{
    private const int V = 12;
    private const int Mask = 11;
    private const int Eos = 10;
    private const int Pad = 9;
    private static readonly CanvasTokens s_tokens = new(Mask, Eos, Pad);

    [Fact]
    public void TokenEditing_NeighbourChangesTheMind_ReplacesTheToken()
    {
        // Position 0 wants token 1 while position 1 is noisy, then token 2. Position 1 always wants token 3, less surely.
        TableDenoiser network = Table((ids, position, token) =>
            position == 0 ? (token == (ids[1] == Mask ? 1 : 2) ? 9 : 0) : token == 3 ? 8 : 0);
        List<DenoisingStep> steps = Run(network, Holes(2), new() { EditThreshold = 0.9 });
        Assert.Equal([2, 3], steps[^1].Canvas.Ids.ToArray());
        Assert.Equal([0, 0, 1, 0], steps.Select(step => step.Edits.Count));
        Assert.Equal(new Commit(0, 2, steps[2].Edits[0].Confidence), steps[2].Edits[0]);
        Assert.InRange(steps[2].Edits[0].Confidence, 0.99, 1);
    }

    [Fact]
    public void TokenEditing_TwoMindsForEver_StopsAfter16Steps()
    {
        // Each position wants what the other one does not have.
        TableDenoiser network = Table((ids, position, token) => token == (ids[1 - position] == 1 ? 2 : 1) ? 20 : 0);
        List<DenoisingStep> steps = Run(network, Holes(2), new() { Steps = 1, EditThreshold = 0.9 });
        Assert.Equal(1 + 16, steps.Count);
        Assert.All(steps.Skip(1), step => Assert.Equal(2, step.Edits.Count));
    }

    [Fact]
    public void TokenEditing_BelowTheThreshold_EditsNothing()
    {
        TableDenoiser network = Table((ids, position, token) =>
            position == 0 ? (token == (ids[1] == Mask ? 1 : 2) ? 1.5 : 0) : token == 3 ? 1 : 0);
        Assert.All(Run(network, Holes(2), new() { EditThreshold = 0.9 }), step => Assert.Empty(step.Edits));
    }

    [Fact]
    public void TokenEditing_EndOfHoleIsBest_IsNotWritten()
    {
        // Once both stand, padding is by far the best for position 0.
        TableDenoiser network = Table((ids, position, token) => (position, ids.Contains(Mask)) switch
        {
            (0, false) => token == Pad ? 20 : 0,
            _ => token == 4 ? 9 : 0,
        });
        List<DenoisingStep> steps = Run(network, Holes(2), new() { Steps = 1, EditThreshold = 0.05 });
        Assert.DoesNotContain(Pad, steps[^1].Canvas.Ids.ToArray());
    }

    [Fact]
    public void RemaskBelow_TokenThatLostItsSupport_IsWrittenAgain()
    {
        // Position 0 takes token 1 first; when position 1 stands, token 1 is improbable and token 2 right.
        TableDenoiser network = Table((ids, position, token) =>
            position == 0 ? (token == (ids[1] == Mask ? 1 : 2) ? 9 : 0) : token == 3 ? 8 - position : 0);
        List<DenoisingStep> steps = Run(network, Holes(5), new() { Steps = 3, Threshold = 0.995, RemaskBelow = 0.4 });
        Assert.Contains(steps, step => step.Renoised.SequenceEqual([0]));
        Assert.Equal(2, steps[^1].Canvas.Ids[0]);
        Assert.All(steps, step => Assert.True(step.Renoised.Count == 0 || step.Renoised.Count < step.Commits.Count));
    }

    [Fact]
    public void Stability_SureButChanging_Waits()
    {
        // Position 0 is sure and stays so; position 1 is sure, but of another token in every pass; position 2 is unsure.
        TableDenoiser? network = null;
        network = Table((_, position, token) => position switch
        {
            0 => token == 1 ? 9 : 0,
            1 => token == 2 + (network!.AskedRows.Count % 2) ? 9 : 0,
            _ => token == 5 ? 0.5 : 0,
        });
        var options = new SamplerOptions { Steps = 50, Transfer = Transfer.Timestep, Threshold = 0.9, Stability = 0.01 };
        List<DenoisingStep> steps = Run(network, Holes(3), options);
        Assert.Equal([0, 0, 1, 0], steps.Take(4).Select(step => step.Commits.Count));
        Assert.Equal(0, steps[2].Commits[0].Position);
    }

    [Fact]
    public void Stability_SteadyNetwork_CommitsEverythingSureInTheThirdStep()
    {
        TableDenoiser network = Table((_, position, token) => token == position ? 9 : 0);
        var options = new SamplerOptions { Steps = 50, Transfer = Transfer.Timestep, Threshold = 0.9, Stability = 0.01 };
        List<DenoisingStep> steps = Run(network, Holes(6), options);
        Assert.Equal([0, 0, 6], steps.Select(step => step.Commits.Count));
    }

    [Fact]
    public void Credit_TokenThatLedBefore_IsRaised()
    {
        var policy = new CreditPolicy(new LowConfidencePolicy());
        policy.Begin(Holes(1));
        float[] first = [0, 2, 0];
        policy.Adjust(0, first);
        double top = Math.Exp(2) / (Math.Exp(2) + 2);
        Assert.Equal(2 + (0.7 * Math.Log(1 + Math.Pow(top, 0.2))), first[1], 1e-5);
        Assert.Equal(0, first[0]);

        float[] tie = [1, 1, 0];
        policy.Adjust(0, tie);
        Assert.True(tie[1] > tie[2] && tie[1] > 1 && tie[0] > 1);
    }

    [Fact]
    public void Credit_NothingMayBeWritten_SaysSo()
    {
        Canvas canvas = Holes(2);
        canvas.Ban(1, [.. Enumerable.Range(0, V)]);
        string message = Assert.Throws<CinnabarException>(
            () => Run(Table((_, _, _) => 0), canvas, new() { Credit = true })).Message;
        Assert.Contains("may be emitted at position 1", message);
    }

    [Fact]
    public void EarlyExit_SureOnAverage_CommitsTheBlockAtOnce()
    {
        TableDenoiser network = Table((_, position, token) => token == 1 ? 6 + position : 0);
        Assert.Single(Run(network, Holes(4), new() { EarlyExit = 7 }));
        Assert.Equal([1, 1, 1, 1], Run(network, Holes(4), new() { EarlyExit = 7.6 }).Select(step => step.Commits.Count));
    }

    [Fact]
    public void Hierarchy_CommitsTheBestOfEachGapAndAllThatAreVerySure()
    {
        // Two runs of noisy positions: 0 … 2 and 4 … 5.
        double[] sure = [0.6, 0.7, 0.95, 0, 0.55, 0.65];
        TableDenoiser network = Table((_, position, token) => Math.Log(token == 1 ? sure[position] : (1 - sure[position]) / (V - 3)));
        Canvas canvas = new([CanvasSegment.Hole(3), CanvasSegment.Text([7]), CanvasSegment.Hole(2)], s_tokens);
        DenoisingStep step = Run(network, canvas, new() { Threshold = 0.9, LowThreshold = 0.5 })[0];
        Assert.Equal([2, 5], step.Commits.Select(commit => commit.Position));
    }

    [Fact]
    public void Hierarchy_NothingFairlySure_CommitsTheQuota()
    {
        TableDenoiser network = Table((_, _, token) => token == 1 ? 0.1 : 0);
        Assert.Single(Run(network, Holes(4), new() { Threshold = 0.9, LowThreshold = 0.5 })[0].Commits);
    }

    [Theory]
    [InlineData(new[] { -0.01, -0.02, -0.04, -0.5 }, 0.05, 3)]
    [InlineData(new[] { -0.01, -0.02, -0.04, -0.5 }, 0.07, 4)]
    [InlineData(new[] { -3.0, -3.0 }, 0.1, 1)]
    [InlineData(new[] { 0.0, double.NegativeInfinity }, 0.1, 1)]
    public void EntropyBound_SumsAllButTheLast(double[] scores, double bound, int expected) =>
        Assert.Equal(expected, new EntropyBoundPolicy(bound, new EntropyPolicy()).Count(scores, new StepContext(0, 9, 1)));

    [Theory]
    [InlineData(RemdmKind.Cap)]
    [InlineData(RemdmKind.Rescale)]
    [InlineData(RemdmKind.Confidence)]
    [InlineData(RemdmKind.Loop)]
    public void Remdm_ManyPositions_MasksAgainAsOftenAsItsSigmaSays(RemdmKind kind)
    {
        const int L = 2000;
        const double Eta = 0.1;
        TableDenoiser network = new(V, Mask, (_, _, token) => token == 1 ? 2 : 0) { MaxLength = L };
        Canvas canvas = Holes(L);
        int committed = 0;
        foreach (DenoisingStep step in new Sampler(network).Steps(
            canvas, new() { Steps = 10, Remasking = Remasking.Origin, Remdm = kind, RemdmEta = Eta, Seed = 3 }))
        {
            // ε makes the times differ from these by at most 0.001.
            double t = 1 - ((step.Step - 1) / 10.0);
            double largest = step.Step == 1 ? 1 : Math.Min(1, (t - 0.1) / (1 - t));
            double sigma = kind switch
            {
                RemdmKind.Cap => Math.Min(Eta, largest),
                RemdmKind.Rescale => Eta * largest,
                RemdmKind.Loop => t is > 0.05 and <= 0.55 ? Eta : 0,
                _ => committed == 0 ? 0 : largest / committed,
            };
            double expected = step.Step == 10 ? 0 : sigma * committed;
            Assert.InRange(step.Renoised.Count, expected - (5 * Math.Sqrt(expected + 1)), expected + (5 * Math.Sqrt(expected + 1)));
            committed += step.Commits.Count - step.Renoised.Count;
            if (kind != RemdmKind.Loop)
            {
                Assert.InRange(committed, (L * step.Step / 10.0) - 130, (L * step.Step / 10.0) + 130);
            }
        }

        Assert.Equal(0, canvas.NoisyCount);
    }

    private static TableDenoiser Table(Func<int[], int, int, double> logit) => new(V, Mask, logit);

    private static Canvas Holes(int length) => new([CanvasSegment.Hole(length)], s_tokens);

    private static List<DenoisingStep> Run(TableDenoiser network, Canvas canvas, SamplerOptions options) =>
        [.. new Sampler(network).Steps(canvas, options)];
}
