using Cinnabar.Diffusion;
using Cinnabar.Sampling;
using Cinnabar.Serving;

namespace Cinnabar.Tests.Serving;

/// <summary>What goes wrong with one text stays with it; what goes wrong with the network ends what runs, not the engine.</summary>
public sealed class ModelEngineFailureTests(ServingModel serving) : IClassFixture<ServingModel>
{
    private static readonly TimeSpan s_long = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task Text_WhereNothingMayBeWritten_FailsAlone()
    {
        TextCanvas hopeless = serving.Model.CanvasFor("b", 6);
        hopeless.Canvas.Ban(hopeless.Canvas.Holes[0].Start + 2, [.. Enumerable.Range(0, serving.Model.Config.VocabularySize)]);
        await AssertFailsAlone<CinnabarException>(hopeless, new(), "may be emitted");
    }

    [Fact]
    public async Task Text_WhosePolicyThrows_FailsAlone()
    {
        foreach (string place in (string[])["score", "choose", "needs", "continues"])
        {
            SamplerOptions options = new() { Policy = () => new Broken(place), Steps = 3 };
            await AssertFailsAlone<NotSupportedException>(serving.Model.CanvasFor("b", 6), options, place);
        }
    }

    [Fact]
    public async Task Text_ThatDoesNotFit_IsRefused()
    {
        await using ModelEngine engine = new(serving.Load(1));
        TextCanvas unknown = engine.Model.CanvasFor("b", 6);
        unknown.Canvas.Pin(unknown.Canvas.Holes[0].Start, serving.Model.Config.VocabularySize + 7);
        Assert.Contains("vocabulary", Assert.Throws<CinnabarException>(() => engine.Submit(unknown)).Message, StringComparison.Ordinal);
        TextCanvas text = engine.Model.CanvasFor("b", 6);
        SamplerOptions tooFew = new() { Steps = 1, BlockSize = 2 };
        Assert.Contains("Steps", Assert.Throws<CinnabarException>(() => engine.Submit(text, tooFew)).Message, StringComparison.Ordinal);
        DiffusionModel other = serving.Load(1, config => config with { MaskTokenId = config.BosTokenId!.Value, BosTokenId = null });
        Assert.Throws<ArgumentException>(() => engine.Submit(other.CanvasFor("b", 4)));

        // What was refused counts for nothing, and may be handed in again.
        Assert.Equal(6, (await engine.Submit(text).Completion.WaitAsync(s_long)).Holes[0].CanvasLength);
        Assert.Equal((0, 1), (engine.Status.Failed, engine.Status.Finished));
    }

    [Fact]
    public async Task Text_OptionTheNetworkCannotFollow_IsRefused()
    {
        // A network with shifted logits cannot leave out a token.
        await using ModelEngine engine = new(serving.Load(1, config => config with { ShiftLogits = true }));
        DenoisingJob neighbour = engine.Submit(engine.Model.CanvasFor("a", 20));
        SamplerOptions verified = new() { Threshold = 0.5, VerifyThreshold = 0.5 };
        string message = Assert.Throws<CinnabarException>(() => engine.Submit(engine.Model.CanvasFor("b", 6), verified)).Message;
        Assert.Contains("VerifyThreshold", message, StringComparison.Ordinal);
        await neighbour.Completion.WaitAsync(s_long);
    }

    [Fact]
    public async Task Network_Broken_FailsWhatRunsAndTheEngineGoesOn()
    {
        // Loops of a pool that was disposed throw, in the middle of a pass.
        DiffusionModel model = serving.Load(threads: 2);
        await using ModelEngine engine = new(model);
        await engine.Submit(model.CanvasFor("a", 4)).Completion.WaitAsync(s_long);
        model.Kernels.Workers.Dispose();
        for (int round = 0; round < 3; round++)
        {
            DenoisingJob[] jobs =
                [.. Enumerable.Range(0, 3).Select(i => engine.Submit(model.CanvasFor($"b{i}", 40), null, StepDetail.All))];
            foreach (DenoisingJob job in jobs)
            {
                await Assert.ThrowsAsync<ObjectDisposedException>(() => job.Completion.WaitAsync(s_long));
                await Assert.ThrowsAsync<ObjectDisposedException>(async () =>
                {
                    await foreach (DenoisingStep step in job.StepsAsync())
                    {
                    }
                });
            }
        }

        Assert.Equal((0, 9, 1), (engine.Status.Running, engine.Status.Failed, engine.Status.Finished));
    }

    private async Task AssertFailsAlone<TError>(TextCanvas text, SamplerOptions options, string says)
        where TError : Exception
    {
        await using ModelEngine engine = new(serving.Load(1));
        GenerationResult expected = serving.Model.Generate("a", new() { MaxNewTokens = 20, Seed = 3, Temperature = 1 });
        DenoisingJob Neighbour() => engine.Submit(engine.Model.CanvasFor("a", 20), new() { Seed = 3, Temperature = 1 });
        DenoisingJob before = Neighbour();
        DenoisingJob job = engine.Submit(text, options, StepDetail.All);
        DenoisingJob after = Neighbour();
        Assert.Contains(says, (await Assert.ThrowsAsync<TError>(() => job.Completion.WaitAsync(s_long))).Message);
        Assert.Equal(expected.TokenIds, (await before.Completion.WaitAsync(s_long)).TokenIds);
        Assert.Equal(expected.TokenIds, (await after.Completion.WaitAsync(s_long)).TokenIds);
        Assert.Equal(expected.TokenIds, (await Neighbour().Completion.WaitAsync(s_long)).TokenIds);
        Assert.Equal((1, 3), (engine.Status.Failed, engine.Status.Finished));
    }

    /// <summary>Throws in the second step, at a place.</summary>
    private sealed class Broken(string place) : StepPolicy
    {
        private int _steps;

        public override double Score(TokenDistribution row, CounterRandom random) =>
            place == "score" && _steps == 2 ? throw new NotSupportedException(place) : row.Probability;

        public override void Choose(StepView view, StepChoice choice)
        {
            Throw("choose");
            base.Choose(view, choice);
        }

        public override bool NeedsPass(in StepContext context)
        {
            _steps++;
            Throw("needs");
            return true;
        }

        public override bool Continues(in StepContext context, StepChoice? last) =>
            place == "continues" && last is not null ? throw new NotSupportedException(place) : base.Continues(context, last);

        private void Throw(string at)
        {
            if (place == at && _steps == 2)
            {
                throw new NotSupportedException(place);
            }
        }
    }
}
