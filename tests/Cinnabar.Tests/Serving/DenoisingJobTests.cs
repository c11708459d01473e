using Cinnabar.Sampling;
using Cinnabar.Serving;

namespace Cinnabar.Tests.Serving;

/// <summary>The steps that a job shows, to readers of any speed.</summary>
public sealed class DenoisingJobTests(ServingModel serving) : IClassFixture<ServingModel>
{
    private static readonly TimeSpan s_long = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task Steps_All_AreThoseOfTheTextAlone()
    {
        await using ModelEngine engine = new(serving.Load(1));
        TextRequest request = new(7);
        List<DenoisingStep> expected = request.Steps(serving.Model, request.LayOut(serving.Model));
        List<DenoisingStep> steps = await Read(engine.Submit(request.LayOut(engine.Model), request.Options, StepDetail.All));
        Assert.Equal(expected.Count, steps.Count);
        foreach ((DenoisingStep alone, DenoisingStep step) in expected.Zip(steps))
        {
            // Each shows the canvas of its moment, though the text is finished.
            Assert.Equal(alone.Canvas.Ids.ToArray(), step.Canvas.Ids.ToArray());
            Assert.Equal(alone.Commits, step.Commits);
            Assert.Equal((alone.Step, alone.FinalBefore, alone.Remaining), (step.Step, step.FinalBefore, step.Remaining));
        }
    }

    [Fact]
    public async Task Steps_NobodyReads_BlockNobodyAndKeepTheNewest()
    {
        await using ModelEngine engine = new(serving.Load(1));
        DenoisingJob[] jobs =
        [
            engine.Submit(engine.Model.CanvasFor("a", 40), new(), StepDetail.All),
            engine.Submit(engine.Model.CanvasFor("b", 40), new() { Alternatives = 20 }, StepDetail.All),
            engine.Submit(engine.Model.CanvasFor("c", 40), new(), StepDetail.Newest),
            engine.Submit(engine.Model.CanvasFor("d", 40), new(), StepDetail.None),
        ];
        GenerationResult[] results = await Task.WhenAll(jobs.Select(job => job.Completion)).WaitAsync(s_long);
        Assert.Equal(results[0].Steps, (await Read(jobs[0])).Count);
        Assert.Equal(results[1].Steps, (await Read(jobs[1]))[^1].Step);
        Assert.Equal([results[2].Steps], (await Read(jobs[2])).Select(step => step.Step));
        Assert.Empty(await Read(jobs[3]));
    }

    [Theory]
    [InlineData(0, 48)]
    [InlineData(20, 352)]
    public void Steps_NobodyReads_HoldAMegabyte(int alternatives, int bytesAPosition)
    {
        TextCanvas text = serving.Model.CanvasFor("x", 90);
        DenoisingJob job = new(text, new SamplerOptions { Alternatives = alternatives }, StepDetail.All, 0);
        for (int step = 1; step <= 2000; step++)
        {
            job.Take(new DenoisingStep(step, step, 0, 0, text.Canvas) { FinalBefore = 0 });
        }

        job.Finish(text.ToResult());
        int[] kept = [.. job.StepsAsync().ToBlockingEnumerable().Select(step => step.Step)];
        Assert.InRange(kept.Length * text.Canvas.Length * bytesAPosition, 1 << 18, 3 << 19);
        Assert.Equal(Enumerable.Range(2001 - kept.Length, kept.Length), kept);
    }

    [Fact]
    public async Task Steps_Cancelled_EndWithCancellation()
    {
        using GatedSteps gate = new();
        await using ModelEngine engine = new(serving.Load(1));
        DenoisingJob job = engine.Submit(engine.Model.CanvasFor("a", 8), gate.Options, StepDetail.All);
        gate.Let(2);
        List<int> seen = [];
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (DenoisingStep step in job.StepsAsync())
            {
                seen.Add(step.Step);
                job.Cancel();
                gate.Let(1);
            }
        });
        Assert.Equal(1, seen[0]);
    }

    [Theory]
    [InlineData(StepDetail.None)]
    [InlineData(StepDetail.All)]
    public async Task Steps_ReadingCancelled_StopsAndTheJobGoesOn(StepDetail detail)
    {
        using GatedSteps gate = new();
        using CancellationTokenSource source = new();
        await using ModelEngine engine = new(serving.Load(1));
        DenoisingJob job = engine.Submit(engine.Model.CanvasFor("a", 8), gate.Options, detail);
        Task reading = Task.Run(async () =>
        {
            await foreach (DenoisingStep step in job.StepsAsync(source.Token))
            {
            }
        });
        await source.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => reading.WaitAsync(s_long));
        gate.Let(100);
        await job.Completion.WaitAsync(s_long);
    }

    private static async Task<List<DenoisingStep>> Read(DenoisingJob job)
    {
        List<DenoisingStep> steps = [];
        await foreach (DenoisingStep step in job.StepsAsync())
        {
            steps.Add(step);
        }

        return steps;
    }
}
