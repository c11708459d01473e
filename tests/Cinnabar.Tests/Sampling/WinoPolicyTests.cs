using Cinnabar.Diffusion;
using Cinnabar.Models;
using Cinnabar.Numerics;
using Cinnabar.Sampling;
using Cinnabar.Tests.Models;

namespace Cinnabar.Tests.Sampling;

public sealed class WinoPolicyTests
{
    private static readonly CanvasTokens s_tokens = new(0, 1, null);

    [Theory]
    [InlineData(3, 3)]
    [InlineData(8, 5)]
    [InlineData(20, 14)]
    [InlineData(60, 20)]
    public void Count_EverythingSure_IsLimited(int candidates, int expected)
    {
        double[] scores = [.. Enumerable.Repeat(0.95, candidates)];
        Assert.Equal(expected, new WinoPolicy(0.6, 0.9, new LowConfidencePolicy()).Count(scores, new StepContext(0, 60, 1)));
    }

    [Fact]
    public void Count_NothingSure_IsTheQuota() =>
        Assert.Equal(1, new WinoPolicy(0.6, 0.9, new LowConfidencePolicy()).Count([0.5, 0.4], new StepContext(0, 2, 1)));

    [Fact]
    public void LogitsWithShadows_OneShadow_EqualsTheCanvasWithThatTokenMasked()
    {
        // With one shadow and one layer of attention everything but the shadow's own key is the same as with the token masked; with two
        // layers the others have seen the token, so only the first of the two equalities is exact.
        var config = TinyNetwork.Config with { NumHiddenLayers = 1 };
        TransformerDenoiser network = TinyNetwork.Of(config);
        int[] ids = [5, 6, 0, 8, 9, 10];
        Tensor both = network.LogitsWithShadows(ids, [2], [4]);
        float[] row = both.Row(0).ToArray();
        float[] shadow = both.Row(1).ToArray();
        Assert.Equal(network.Logits(ids, [2]).Row(0).ToArray(), row);

        ids[4] = 0;
        Close(network.Logits(ids, [4]).Row(0).ToArray(), shadow);
    }

    [Fact]
    public void Run_RandomNetwork_RevokesAndEnds()
    {
        var config = TinyNetwork.Config with { MaxSequenceLength = 40 };
        TransformerDenoiser network = TinyNetwork.Of(config);
        Canvas canvas = new([CanvasSegment.Text([5, 6, 7]), CanvasSegment.Hole(30), CanvasSegment.Text([8])], s_tokens);
        SamplerOptions options = new() { Threshold = 0.05, VerifyThreshold = 0.9, Temperature = 1, Seed = 2 };
        List<DenoisingStep> steps = [.. new Sampler(network).Steps(canvas, options)];
        Assert.Equal(0, canvas.NoisyCount);
        Assert.Contains(steps, step => step.Renoised.Count > 0);
        int accepted = 30;
        foreach (DenoisingStep step in steps)
        {
            Assert.InRange(step.Renoised.Count, 0, Math.Max(0, accepted - 1));
            accepted = step.Commits.Count;
        }

        // Every pass but the first also computed a shadow for each committed position.
        Assert.True(steps[^1].ComputedPositions > 34L * steps.Count);
    }

    [Fact]
    public void Run_NetworkThatCannotLeaveOneOut_IsRefusedByNameBeforeAnyPass()
    {
        TableDenoiser network = new(12, 0, (_, _, token) => token == 5 ? 9 : 0);
        Canvas canvas = new([CanvasSegment.Hole(9)], s_tokens);
        string message = Assert.Throws<CinnabarException>(
            () => new Sampler(network).Run(canvas, new SamplerOptions { Threshold = 0.6, VerifyThreshold = 0.9 })).Message;
        Assert.Contains("VerifyThreshold", message);
        Assert.Empty(network.AskedRows);
        Assert.Equal(9, canvas.NoisyCount);
    }

    [Fact]
    public void Check_NetworkWithShiftedLogits_IsRefusedByName()
    {
        var config = TinyNetwork.Config with { ShiftLogits = true };
        TransformerDenoiser network = TinyNetwork.Of(config);
        Canvas canvas = new([CanvasSegment.Hole(9)], s_tokens);
        SamplerOptions options = new() { Threshold = 0.6, VerifyThreshold = 0.9 };
        Assert.Contains("shift_logits True", Assert.Throws<CinnabarException>(() => new Sampler(network).Check(canvas, options)).Message);

        // A policy of one's own does not verify.
        new Sampler(network).Check(canvas, options with { Policy = () => new LowConfidencePolicy() });
    }

    private static void Close(float[] expected, float[] actual) =>
        Assert.All(expected.Zip(actual), pair => Assert.Equal(pair.First, pair.Second, 1e-4f));
}
