using Cinnabar.Diffusion;
using Cinnabar.Numerics;
using Cinnabar.Sampling;
using Cinnabar.Serving;
using Cinnabar.Tests;

namespace Cinnabar.Server.Tests.Api;

public sealed class EngineWorkTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cinnabar-engine-").FullName;

    [Fact]
    public async Task Work_IsDoneBetweenStepsOnTheEnginesThread()
    {
        await using ModelEngine engine = Start();
        using SemaphoreSlim gate = new(0);
        Task<bool> held = engine.RunAsync(_ => gate.Wait(10_000)); // until everything is handed in
        TextCanvas text = engine.Model.CanvasFor("x", 20);
        DenoisingJob job = engine.Submit(text, new SamplerOptions { MaxNewTokens = 20 });
        List<Task<(int Noisy, string? Thread)>> looks =
            [.. Enumerable.Range(0, 10).Select(_ => engine.RunAsync(_ => (text.Canvas.NoisyCount, Thread.CurrentThread.Name)))];
        gate.Release();
        Assert.True(await held);
        (int Noisy, string? Thread)[] seen = await Task.WhenAll(looks);
        await job.Completion;

        // One piece a step: each sees one token more than the one before.
        Assert.All(seen, look => Assert.Equal("cinnabar tiny", look.Thread));
        Assert.All(seen.Zip(seen.Skip(1)), pair => Assert.InRange(pair.First.Noisy - pair.Second.Noisy, 1, 20));
    }

    [Fact]
    public async Task Work_ThatFailsFailsAlone()
    {
        await using ModelEngine engine = Start();

        await Assert.ThrowsAsync<InvalidTimeZoneException>(() => engine.RunAsync<int>(_ => throw new InvalidTimeZoneException()));
        Assert.Equal("tiny", await engine.RunAsync(model => model.Name));
    }

    [Fact]
    public async Task Work_CanBeGivenUpRefusedAndEnded()
    {
        ModelEngine engine = Start(new EngineOptions { MaxRunning = 1, MaxWaiting = 2 });
        using SemaphoreSlim gate = new(0);
        using SemaphoreSlim isHeld = new(0);
        Task<int> held = engine.RunAsync(_ => isHeld.Release() + (gate.Wait(TimeSpan.FromSeconds(10)) ? 1 : 0));
        await isHeld.WaitAsync();
        using CancellationTokenSource cancellation = new();
        bool ran = false;
        Task<bool> givenUp = engine.RunAsync(_ => ran = true, cancellation.Token);
        Task<bool> ended = engine.RunAsync(_ => ran = true);
        Task<bool> third = engine.RunAsync(_ => ran = true);
        EngineBusyException busy = await Assert.ThrowsAsync<EngineBusyException>(() => engine.RunAsync(_ => true));
        await cancellation.CancelAsync();
        Task stop = engine.StopAsync(TimeSpan.Zero);
        EngineBusyException stopped = await Assert.ThrowsAsync<EngineBusyException>(() => engine.RunAsync(_ => true));
        gate.Release();
        await stop;

        Assert.Equal(1, await held);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => givenUp);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => ended);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => third);
        Assert.False(ran);
        Assert.False(busy.IsStopped);
        Assert.True(stopped.IsStopped);
    }

    [Fact]
    public async Task WorkOfManyPieces_IsTakenOnOnce()
    {
        await using ModelEngine engine = Start(new EngineOptions { MaxRunning = 1, MaxWaiting = 1 });
        using SemaphoreSlim gate = new(0);
        using SemaphoreSlim isHeld = new(0);
        using EngineWork work = engine.BeginWork();
        Task<bool> first = work.RunAsync(_ => isHeld.Release() == 0 && gate.Wait(10_000));
        await isHeld.WaitAsync();
        Task<bool> other = engine.RunAsync(_ => true);

        // Both places are taken: nobody else gets in, but the next piece does.
        Assert.Throws<EngineBusyException>(() => engine.BeginWork());
        await Assert.ThrowsAsync<EngineBusyException>(() => engine.RunAsync(_ => true));
        Task<string> next = work.RunAsync(model => model.Name);
        gate.Release();
        Assert.True(await first);
        Assert.True(await other);
        Assert.Equal("tiny", await next);

        // What has ended leaves its place.
        using EngineWork second = engine.BeginWork();
        Assert.Throws<EngineBusyException>(() => engine.BeginWork());
        work.Dispose();
        work.Dispose();
        using EngineWork third = engine.BeginWork();
        Assert.Throws<EngineBusyException>(() => engine.BeginWork());
        await Assert.ThrowsAsync<ObjectDisposedException>(() => work.RunAsync(_ => true));
    }

    [Fact]
    public async Task WorkOfManyPieces_LeavesTextsTwiceItsTime()
    {
        ManualTime clock = new();
        await using ModelEngine engine = Start(time: clock);
        using EngineWork work = engine.BeginWork();
        using SemaphoreSlim gate = new(0);
        Task<bool> held = engine.RunAsync(_ => gate.Wait(10_000)); // until everything is handed in
        TextCanvas text = engine.Model.CanvasFor("x", 30);
        SamplerOptions options = new() { MaxNewTokens = 30, Policy = () => new TakesTime(clock, TimeSpan.FromMilliseconds(10)) };
        DenoisingJob job = engine.Submit(text, options);
        Task<int>[] pieces =
        [
            .. Enumerable.Range(0, 3).Select(_ => work.RunAsync(_ =>
            {
                clock.Advance(TimeSpan.FromMilliseconds(50));
                return text.Canvas.NoisyCount;
            })),
        ];
        gate.Release();
        Assert.True(await held);
        int[] noisy = await Task.WhenAll(pieces);
        await job.Completion;

        // A step writes one token in 10 ms.
        Assert.Equal([10, 10], noisy.Zip(noisy.Skip(1)).Select(pair => pair.First - pair.Second));
    }

    [Fact]
    public async Task WorkOfManyPieces_IsFinishedByAStop()
    {
        ModelEngine engine = Start();
        EngineWork work = engine.BeginWork();
        Assert.Equal(1, await work.RunAsync(_ => 1));
        Task stop = engine.StopAsync(TimeSpan.FromSeconds(30));

        // Between two pieces the engine has nothing to do, and waits.
        await Task.Delay(50);
        Assert.False(stop.IsCompleted);
        Assert.True(Assert.Throws<EngineBusyException>(() => engine.BeginWork()).IsStopped);
        Assert.Equal(2, await work.RunAsync(_ => 2));
        work.Dispose();
        await stop.WaitAsync(TimeSpan.FromSeconds(10));
    }

    [Fact]
    public async Task WorkOfManyPieces_IsGivenUpWhenTheTimeOfAStopIsOver()
    {
        ModelEngine engine = Start();
        using EngineWork work = engine.BeginWork();
        Assert.Equal(1, await work.RunAsync(_ => 1));
        await engine.StopAsync(TimeSpan.FromMilliseconds(50)).WaitAsync(TimeSpan.FromSeconds(10));

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => work.RunAsync(_ => 2));
    }

    [Fact]
    public async Task WorkOfManyPieces_PieceThatWaitsWhenTheTimeOfAStopIsOver_IsGivenUp()
    {
        ModelEngine engine = Start();
        using SemaphoreSlim gate = new(0);
        using SemaphoreSlim isHeld = new(0);
        using EngineWork work = engine.BeginWork();
        Task<bool> begun = work.RunAsync(_ => isHeld.Release() == 0 && gate.Wait(30_000));
        await isHeld.WaitAsync();
        bool ran = false;
        Task<bool> waiting = work.RunAsync(_ => ran = true);
        Task stop = engine.StopAsync(TimeSpan.FromMilliseconds(20));

        // The one that has begun is finished.
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting.WaitAsync(TimeSpan.FromSeconds(10)));
        Assert.False(stop.IsCompleted);
        gate.Release();
        Assert.True(await begun);
        await stop.WaitAsync(TimeSpan.FromSeconds(10));
        Assert.False(ran);
    }

    [Fact]
    public async Task TextOfWorkThatHasBegun_IsTakenThoughThereIsNoRoomAndTheEngineStops()
    {
        ModelEngine engine = Start(new EngineOptions { MaxRunning = 1, MaxWaiting = 0 });
        EngineWork work = engine.BeginWork();
        using SemaphoreSlim gate = new(0);
        Task<bool> held = work.RunAsync(_ => gate.Wait(10_000));
        DenoisingJob other = engine.Submit(engine.Model.CanvasFor("x", 4));
        Assert.False(Assert.Throws<EngineBusyException>(() => engine.Submit(engine.Model.CanvasFor("x", 4))).IsStopped);
        DenoisingJob own = work.Submit(engine.Model.CanvasFor("x", 4));
        Task stop = engine.StopAsync(TimeSpan.FromSeconds(30));
        Assert.True(Assert.Throws<EngineBusyException>(() => engine.Submit(engine.Model.CanvasFor("x", 4))).IsStopped);
        DenoisingJob late = work.Submit(engine.Model.CanvasFor("x", 4));
        work.Dispose();
        Assert.Throws<ObjectDisposedException>(() => work.Submit(engine.Model.CanvasFor("x", 4)));
        gate.Release();

        Assert.True(await held);
        await Task.WhenAll(other.Completion, own.Completion, late.Completion, stop).WaitAsync(TimeSpan.FromSeconds(10));
    }

    [Fact]
    public async Task TextOfWorkThatHasBegun_IsCancelledWhenTheTimeOfAStopIsOver()
    {
        ModelEngine engine = Start();
        using EngineWork work = engine.BeginWork();
        await engine.StopAsync(TimeSpan.FromMilliseconds(50)).WaitAsync(TimeSpan.FromSeconds(10));
        DenoisingJob job = work.Submit(engine.Model.CanvasFor("x", 4), detail: StepDetail.All);

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => job.Completion.WaitAsync(TimeSpan.FromSeconds(10)));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (DenoisingStep step in job.StepsAsync())
            {
                Assert.Fail($"Step {step.Step} was taken.");
            }
        });
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private ModelEngine Start(EngineOptions? options = null, TimeProvider? time = null)
    {
        string path = Path.Combine(_folder, "tiny");
        TinyModelFolder.Write(path);
        return new ModelEngine(DiffusionModel.Load(path, KernelTable.Create(threads: 1)), options, time);
    }

    // One token a step, each step as long as it says.
    private sealed class TakesTime(ManualTime clock, TimeSpan step) : StepPolicy
    {
        public override double Score(TokenDistribution row, CounterRandom random) => row.Probability;

        public override bool NeedsPass(in StepContext context)
        {
            clock.Advance(step);
            return true;
        }
    }
}
