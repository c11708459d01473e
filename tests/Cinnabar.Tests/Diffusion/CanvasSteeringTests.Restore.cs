using Cinnabar.Diffusion;
using Cinnabar.Sampling;
using Cinnabar.Tests.Sampling;

namespace Cinnabar.Tests.Diffusion;

/// <summary>Going on from an earlier state.</summary>
public sealed partial class CanvasSteeringTests
{
    public static TheoryData<SamplerOptions> GoingOn =>
    [
        new SamplerOptions(), new SamplerOptions { Threshold = 0.5 }, new SamplerOptions { BlockSize = 4 },
        new SamplerOptions { Factor = 1 }, new SamplerOptions { Remasking = Remasking.Entropy, EntropyBound = 0.5 },
    ];

    [Theory]
    [MemberData(nameof(GoingOn))]
    public void Restore_AnyStep_GoesOnToTheSameResult(SamplerOptions options)
    {
        for (ulong seed = 0; seed < 20; seed++)
        {
            Canvas whole = Holes();
            List<int[]> states = [Holes().Ids.ToArray()];
            new Sampler(Network(seed)).Run(whole, options, observer: step => states.Add(step.Canvas.Ids.ToArray()));
            foreach (int[] state in states)
            {
                Canvas restored = Holes();
                restored.Restore(state);
                Assert.Equal(state, restored.Ids.ToArray());
                Assert.Equal(state.Count(id => id == Mask), restored.NoisyCount);
                new Sampler(Network(seed)).Run(restored, options);
                Assert.Equal(whole.Ids.ToArray(), restored.Ids.ToArray());
            }
        }
    }

    [Fact]
    public void Restore_SameState_SameSteps()
    {
        SamplerOptions options = new()
        {
            Temperature = 1, Seed = 4, RemaskBelow = 0.3, EditThreshold = 0.5, Credit = true, Threshold = 0.4,
        };
        int[] state = Holes().Ids.ToArray();
        (state[2], state[3], state[9]) = (4, 5, 6);
        int[][] results = [.. Enumerable.Range(0, 2).Select(_ =>
        {
            Canvas canvas = Holes();
            canvas.Restore(state);
            new Sampler(Network(1)).Run(canvas, options);
            return canvas.Ids.ToArray();
        })];
        Assert.Equal(results[0], results[1]);
        Assert.DoesNotContain(Mask, results[0]);
    }

    [Fact]
    public void Restore_PoliciesThatRemember_KnowRestoredPositionsToo()
    {
        // What was restored is masked again, as the network wants another token there.
        TableDenoiser network = new(V, Mask, (_, _, token) => token == 3 ? 9 : 0);
        SamplerOptions threshold = new() { Threshold = 0.9, RemaskBelow = 0.5, Steps = 6 };
        foreach (SamplerOptions options in (SamplerOptions[])[threshold with { Credit = true }, threshold with { Stability = 1 }])
        {
            Canvas canvas = new([CanvasSegment.Hole(8)], new CanvasTokens(Mask, null, null));
            canvas.Restore([4, 4, Mask, Mask, Mask, Mask, Mask, Mask]);
            int renoised = 0;
            new Sampler(network).Run(canvas, options, observer: step => renoised += step.Renoised.Count);
            Assert.True(renoised > 0);
            Assert.Equal(Enumerable.Repeat(3, 8), canvas.Ids.ToArray());
        }
    }

    [Fact]
    public void Restore_CanvasThatWasWrittenOn_ShowsTheStateAlone()
    {
        Canvas canvas = Holes();
        new Sampler(Network(3)).Run(canvas, new SamplerOptions());
        int[] state = Holes().Ids.ToArray();
        state[4] = 7;
        canvas.Restore(state);
        Assert.Equal(state, canvas.Ids.ToArray());
        Assert.Equal((PositionState.Committed, 0, 1f), (canvas.StateOf(4), canvas.CommittedAt(4), canvas.ConfidenceOf(4)));
        Assert.Equal(12, canvas.NoisyCount);
    }

    public static TheoryData<int, int> WrongStates => new()
    {
        { 0, 5 }, { 0, Mask }, { 0, -1 }, { 7, 3 }, { 2, -1 }, { 2, int.MinValue }, { 2, Never }, { 2, Eos }, { 9, Never },
    };

    [Theory]
    [MemberData(nameof(WrongStates))]
    public void Restore_WrongId_IsRefusedAndChangesNothing(int position, int id)
    {
        Canvas canvas = Holes();
        int[] state = canvas.Ids.ToArray();
        state[1] = 4;
        state[position] = id;
        Assert.Contains($"position {position}", Assert.Throws<CinnabarException>(() => canvas.Restore(state)).Message);
        Assert.Equal(Holes().Ids.ToArray(), canvas.Ids.ToArray());
        Assert.Equal(13, canvas.NoisyCount);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(14)]
    [InlineData(16)]
    public void Restore_WrongLength_IsRefused(int length) =>
        Assert.Throws<CinnabarException>(() => Holes().Restore(new int[length]));

    [Fact]
    public void Restore_EndsOfTheKindOfHole_Stand()
    {
        Canvas canvas = Holes();
        int[] state = canvas.Ids.ToArray();
        (state[1], state[2], state[8], state[9]) = (5, Pad, 4, Eos);
        canvas.Restore(state);
        Assert.Equal([5], canvas.TextOf(0));
        Assert.Equal([4], canvas.TextOf(1));
    }

    [Fact]
    public void Restore_IdBeyondTheVocabulary_IsRefusedBeforeAnyPass()
    {
        Canvas canvas = Holes();
        int[] state = canvas.Ids.ToArray();
        state[3] = int.MaxValue;
        canvas.Restore(state);
        TableDenoiser network = Network(1);
        Assert.Throws<CinnabarException>(() => new Sampler(network).Run(canvas, new SamplerOptions()));
        Assert.Empty(network.AskedIds);
    }
}
