using Cinnabar.Diffusion;
using Cinnabar.Numerics;
using Cinnabar.Numerics.Kernels;
using Cinnabar.Sampling;
using Cinnabar.Serving;
using Cinnabar.Tests.Models.Gemma;

namespace Cinnabar.Tests.Serving;

/// <summary>Texts that come, go and are given up at any time: the others become what they become alone.</summary>
public sealed class ModelEngineTrafficTests(ServingModel serving) : IClassFixture<ServingModel>
{
    private const int Requests = 69;

    [Theory]
    [InlineData(1, 7)]
    [InlineData(2, 64)]
    [InlineData(3, 3)]
    public async Task Submit_RandomTraffic_GivesWhatEachTextBecomesAlone(int threads, int running)
    {
        await using ModelEngine engine = new(
            serving.Load(threads), new EngineOptions { MaxRunning = running, MaxWaiting = Requests });
        DeterministicRandom random = new((ulong)threads);
        List<(int Number, TextCanvas Text, DenoisingJob Job, bool MayBeCancelled)> jobs = [];
        for (int i = 0; i < Requests; i++)
        {
            TextRequest request = new(i);
            TextCanvas text = request.LayOut(engine.Model);
            DenoisingJob job = engine.Submit(text, request.Options, (StepDetail)random.NextInt(3));
            bool cancels = random.NextInt(5) == 0;
            jobs.Add((i, text, job, cancels));
            if (random.NextInt(4) == 0)
            {
                await Task.Yield();
                Thread.SpinWait(random.NextInt(20_000));
            }

            if (cancels)
            {
                job.Cancel();
            }
        }

        int finished = 0;
        foreach ((int number, TextCanvas text, DenoisingJob job, bool mayBeCancelled) in jobs)
        {
            try
            {
                GenerationResult result = await job.Completion;
                finished++;
                AssertAsAlone(number, text, result);
            }
            catch (OperationCanceledException) when (mayBeCancelled)
            {
            }
        }

        Assert.InRange(finished, jobs.Count(job => !job.MayBeCancelled), Requests);
        EngineStatus status = engine.Status;
        Assert.Equal((0, 0), (status.Running, status.Waiting));
        Assert.Equal(((long)finished, (long)(Requests - finished)), (status.Finished, status.Cancelled));
    }

    [Fact]
    public async Task Submit_AutoregressiveModel_GivesWhatItGivesAlone()
    {
        DiffusionModel LeftToRight() => serving.Load(1, config => config with { AttentionKind = AttentionKind.Causal, ShiftLogits = true });
        DiffusionModel alone = LeftToRight();
        await using ModelEngine engine = new(LeftToRight());
        SamplerOptions[] options = [new() { Temperature = 1, Seed = 3 }, new(), new() { Threshold = 0.5, Steps = 3 }];
        DenoisingJob[] jobs = [.. options.Select(o => engine.Submit(engine.Model.CanvasFor("int x", 10), o))];
        for (int i = 0; i < jobs.Length; i++)
        {
            GenerationResult expected = alone.Generate("int x", options[i] with { MaxNewTokens = 10 });
            GenerationResult result = await jobs[i].Completion;
            Assert.Equal(expected.TokenIds, result.TokenIds);
            Assert.Equal(expected.ForwardPasses, result.ForwardPasses);
        }
    }

    [Fact]
    public async Task Submit_UniformNoise_GivesWhatItGivesAlone()
    {
        using TinyGemma folder = new();
        DiffusionModel alone = DiffusionModel.Load(folder.Path, KernelTable.Create(threads: 1));
        await using ModelEngine engine = new(DiffusionModel.Load(folder.Path, KernelTable.Create(threads: 1)));
        ulong[] seeds = [1, 2, 3, 4];
        DenoisingJob[] jobs = [.. seeds.Select(seed => engine.Submit(
            engine.Model.CanvasFor($"int {seed}", (int)(5 * seed)), engine.Model.DefaultOptions with { Seed = seed }, StepDetail.All))];
        TextCanvas pinned = engine.Model.CanvasFor("int", 5);
        pinned.Canvas.Pin(pinned.Canvas.Holes[0].Start, 5);
        Assert.Contains("without pins", Assert.Throws<CinnabarException>(() => engine.Submit(pinned)).Message, StringComparison.Ordinal);
        for (int i = 0; i < seeds.Length; i++)
        {
            GenerationResult expected = alone.Generate(
                $"int {seeds[i]}", alone.DefaultOptions with { Seed = seeds[i], MaxNewTokens = (int)(5 * seeds[i]) });
            GenerationResult result = await jobs[i].Completion;
            Assert.Equal(expected.TokenIds, result.TokenIds);
            Assert.Equal(expected.Steps, result.Steps);
        }
    }

    [Fact]
    public void CanvasFor_ManyThreads_LaysOutTheSame()
    {
        int[][] expected = [.. Enumerable.Range(0, 40).Select(i => Laid(i))];
        Parallel.For(0, 400, i => Assert.Equal(expected[i % 40], Laid(i % 40)));

        int[] Laid(int i) =>
            serving.Model.CanvasFor(TextWithHoles.Parse($"naïve – 日本 {i}\r\n return <fill:3> {i * 7919};")).Canvas.Ids.ToArray();
    }

    private void AssertAsAlone(int number, TextCanvas text, GenerationResult result)
    {
        TextRequest request = new(number);
        TextCanvas alone = request.LayOut(serving.Model);
        List<DenoisingStep> steps = request.Steps(serving.Model, alone);
        GenerationResult expected = alone.ToResult();
        Assert.Equal(expected.Text, result.Text);
        Assert.Equal(expected.TokenIds, result.TokenIds);
        Assert.Equal(alone.Canvas.Ids.ToArray(), text.Canvas.Ids.ToArray());
        int[] positions = [.. Enumerable.Range(0, alone.Canvas.Length)];
        Assert.Equal(positions.Select(alone.Canvas.ConfidenceOf), positions.Select(text.Canvas.ConfidenceOf));
        Assert.Equal(positions.Select(alone.Canvas.CommittedAt), positions.Select(text.Canvas.CommittedAt));
        Assert.Equal((steps[^1].Step, steps[^1].ForwardPasses, request.Options.Seed), (result.Steps, result.ForwardPasses, result.Seed));
        Assert.Equal(steps.Max(step => step.CacheDrift), result.CacheDrift);
    }
}
