using Cinnabar.Sampling;
using Cinnabar.Serving;

namespace Cinnabar.Tests.Serving;

/// <summary>Coming, waiting, being given up, stopping, and the clock.</summary>
public sealed class ModelEngineTests(ServingModel serving) : IClassFixture<ServingModel>
{
    private static readonly TimeSpan s_long = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task Cancel_Running_FreesItsPlaceWithinAStep()
    {
        using GatedSteps gate = new();
        await using ModelEngine engine = Engine(running: 1);
        DenoisingJob job = engine.Submit(engine.Model.CanvasFor("a", 8), gate.Options);
        DenoisingJob next = engine.Submit(engine.Model.CanvasFor("b", 3));
        gate.WaitForArrival();
        gate.Let(2);
        gate.WaitForArrival();
        gate.WaitForArrival();
        job.Cancel();
        gate.Let(1);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => job.Completion.WaitAsync(s_long));
        await next.Completion.WaitAsync(s_long);
        Assert.InRange(gate.Passed, 3, 4);
        Assert.Equal((1, 1), (engine.Status.Cancelled, engine.Status.Finished));
    }

    [Fact]
    public async Task Cancel_Waiting_IsDroppedThoughNoPlaceIsFree()
    {
        using GatedSteps gate = new();
        await using ModelEngine engine = Engine(running: 1);
        DenoisingJob running = engine.Submit(engine.Model.CanvasFor("a", 8), gate.Options);
        DenoisingJob given = engine.Submit(engine.Model.CanvasFor("b", 3));
        DenoisingJob patient = engine.Submit(engine.Model.CanvasFor("c", 3));
        gate.WaitForArrival();
        Assert.Equal((1, 2), (engine.Status.Running, engine.Status.Waiting));
        given.Cancel();
        gate.Let(2);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => given.Completion.WaitAsync(s_long));
        Assert.False(running.Completion.IsCompleted || patient.Completion.IsCompleted);
        gate.Let(100);
        await Task.WhenAll(running.Completion, patient.Completion).WaitAsync(s_long);
    }

    [Fact]
    public async Task Submit_Full_IsRefusedAndWorksAgainLater()
    {
        using GatedSteps gate = new();
        await using ModelEngine engine = Engine(running: 1, waiting: 1);
        DenoisingJob[] jobs =
        [
            engine.Submit(engine.Model.CanvasFor("a", 4), gate.Options), engine.Submit(engine.Model.CanvasFor("b", 4)),
        ];
        TextCanvas third = engine.Model.CanvasFor("c", 4);
        EngineBusyException refused = Assert.Throws<EngineBusyException>(() => engine.Submit(third));
        Assert.False(refused.IsStopped);
        Assert.Equal(1, engine.Status.Refused);
        gate.Let(100);
        await Task.WhenAll(jobs.Select(job => job.Completion)).WaitAsync(s_long);
        Assert.Equal(4, (await engine.Submit(third).Completion.WaitAsync(s_long)).Holes[0].CanvasLength);
    }

    [Fact]
    public async Task Submit_NoPlaceToWait_TakesWhatCanRun()
    {
        await using ModelEngine engine = Engine(running: 2, waiting: 0);
        await engine.Submit(engine.Model.CanvasFor("a", 4)).Completion.WaitAsync(s_long);
    }

    [Fact]
    public async Task Submit_SameTextTwice_IsRefusedUntilTheFirstIsDone()
    {
        using GatedSteps gate = new();
        await using ModelEngine engine = Engine();
        TextCanvas text = engine.Model.CanvasFor("a", 4);
        DenoisingJob job = engine.Submit(text, gate.Options);
        Assert.Throws<ArgumentException>(() => engine.Submit(text));
        gate.Let(100);
        GenerationResult result = await job.Completion.WaitAsync(s_long);
        GenerationResult again = await engine.Submit(text).Completion.WaitAsync(s_long);
        Assert.Equal((result.Text, 0), (again.Text, again.Steps));
    }

    [Fact]
    public async Task Stop_WithTime_FinishesWhatRunsAndWaits()
    {
        ModelEngine engine = Engine(running: 2);
        DenoisingJob[] jobs = [.. Enumerable.Range(0, 6).Select(i => engine.Submit(engine.Model.CanvasFor($"{i}", 6)))];
        await engine.StopAsync(s_long);
        Assert.All(jobs, job => Assert.True(job.Completion.IsCompletedSuccessfully));
        Assert.True(Assert.Throws<EngineBusyException>(() => engine.Submit(engine.Model.CanvasFor("x", 2))).IsStopped);
        await engine.StopAsync(TimeSpan.Zero);
    }

    [Fact]
    public async Task Stop_WithoutTime_CancelsWhatRunsAndWaits()
    {
        using GatedSteps gate = new();
        ModelEngine engine = Engine(running: 1);
        DenoisingJob running = engine.Submit(engine.Model.CanvasFor("a", 8), gate.Options);
        DenoisingJob waiting = engine.Submit(engine.Model.CanvasFor("b", 8));
        gate.WaitForArrival();
        Task stopped = engine.StopAsync(TimeSpan.FromMilliseconds(1));
        await Task.Delay(50);
        Assert.False(stopped.IsCompleted);
        gate.Let(1);
        await stopped.WaitAsync(s_long);
        Assert.True(running.Completion.IsCanceled && waiting.Completion.IsCanceled);
        Assert.InRange(gate.Passed, 1, 1);
    }

    [Fact]
    public async Task Stop_Idle_EndsAtOnce()
    {
        ModelEngine engine = Engine();
        await engine.StopAsync(s_long).WaitAsync(s_long);
        await engine.DisposeAsync();
    }

    // A piece may come just when its work is ended, which was all that a stop had waited for.
    [Fact]
    public async Task Stop_PieceBehindTheEndOfItsWork_IsGivenUp()
    {
        ModelEngine engine = Engine();
        EngineWork work = engine.BeginWork();
        Task stopped = engine.StopAsync(s_long);
        work.Dispose();
        await stopped.WaitAsync(s_long);
        bool ran = false;
        Task<bool> piece = engine.ContinueAsync(_ => ran = true, CancellationToken.None);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => piece.WaitAsync(TimeSpan.FromSeconds(5)));
        Assert.False(ran);
    }

    [Fact]
    public async Task Deadline_PassedWhileWaiting_IsOnePass()
    {
        StandingClock clock = new();
        using GatedSteps gate = new();
        await using ModelEngine engine = new(serving.Load(1), new EngineOptions { MaxRunning = 1 }, clock);
        DenoisingJob first = engine.Submit(engine.Model.CanvasFor("a", 2), gate.Options);
        SamplerOptions second = new() { Deadline = TimeSpan.FromSeconds(1) };
        DenoisingJob late = engine.Submit(engine.Model.CanvasFor("b", 12), second);
        DenoisingJob guided = engine.Submit(engine.Model.CanvasFor("b", 12), second with { CfgScale = 1 });
        DenoisingJob inTime = engine.Submit(engine.Model.CanvasFor("b", 12), second with { Deadline = TimeSpan.FromSeconds(9) });
        gate.WaitForArrival();
        clock.Advance(TimeSpan.FromSeconds(5));
        gate.Let(100);
        await Task.WhenAll(first.Completion, late.Completion, guided.Completion, inTime.Completion).WaitAsync(s_long);
        Assert.Equal((1, 1), ((await late.Completion).Steps, (await late.Completion).ForwardPasses));
        Assert.Equal((1, 2), ((await guided.Completion).Steps, (await guided.Completion).ForwardPasses));
        Assert.InRange((await inTime.Completion).Steps, 2, 12);
        Assert.Equal(second.Deadline, late.Options.Deadline);
    }

    [Fact]
    public async Task Deadline_WhileRunning_CountsThePassesOfNeighbours()
    {
        // Each round takes 0.4 s by the clock, most of it for the neighbour; a fifth round would not end in time.
        StandingClock clock = new();
        await using ModelEngine engine = new(serving.Load(1), time: clock);
        using GatedSteps gate = new();
        DenoisingJob neighbour = engine.Submit(engine.Model.CanvasFor("a", 30), gate.Options);
        gate.WaitForArrival();
        DenoisingJob job = engine.Submit(
            engine.Model.CanvasFor("b", 40), new() { Deadline = TimeSpan.FromSeconds(2), Policy = () => new Slow(clock, 0.01) });
        gate.Let(1);
        gate.WaitForArrival();
        TimeSpan begin = TimeSpan.FromTicks(clock.GetTimestamp());
        while (!job.Completion.IsCompleted)
        {
            clock.Advance(TimeSpan.FromSeconds(0.39));
            gate.Let(1);
            gate.WaitForArrival();
        }

        TimeSpan took = TimeSpan.FromTicks(clock.GetTimestamp()) - begin;
        Assert.InRange(took.TotalSeconds, 0.5, 2.01);
        Assert.InRange((await job.Completion).Steps, 2, 5);
        neighbour.Cancel();
        gate.Let(1);
    }

    [Fact]
    public async Task Deadline_TooShortForTwoSteps_IsOnePass()
    {
        StandingClock clock = new();
        await using ModelEngine engine = new(serving.Load(1), time: clock);
        using GatedSteps gate = new();
        DenoisingJob neighbour = engine.Submit(engine.Model.CanvasFor("a", 30), gate.Options);
        gate.WaitForArrival();
        gate.Let(1);
        gate.WaitForArrival();
        clock.Advance(TimeSpan.FromSeconds(0.4)); // a step
        DenoisingJob hurried = engine.Submit(engine.Model.CanvasFor("b", 40), new() { Deadline = TimeSpan.FromSeconds(0.7) });
        DenoisingJob calm = engine.Submit(engine.Model.CanvasFor("b", 40), new() { Deadline = TimeSpan.FromSeconds(9) });
        gate.Let(100);
        await Task.WhenAll(neighbour.Completion, hurried.Completion, calm.Completion).WaitAsync(s_long);
        Assert.Equal(1, (await hurried.Completion).Steps);
        Assert.InRange((await calm.Completion).Steps, 2, 40);
    }

    private ModelEngine Engine(int running = 64, int waiting = 64) =>
        new(serving.Load(1), new EngineOptions { MaxRunning = running, MaxWaiting = waiting });

    /// <summary>Every step takes some seconds by the clock.</summary>
    private sealed class Slow(StandingClock clock, double seconds) : StepPolicy
    {
        public override double Score(TokenDistribution row, Cinnabar.Diffusion.CounterRandom random) => row.Probability;

        public override void Choose(StepView view, StepChoice choice)
        {
            clock.Advance(TimeSpan.FromSeconds(seconds));
            base.Choose(view, choice);
        }
    }
}
