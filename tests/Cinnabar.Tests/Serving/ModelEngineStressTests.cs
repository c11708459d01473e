using Cinnabar.Diffusion;
using Cinnabar.Sampling;
using Cinnabar.Serving;
using Cinnabar.Tests.Models;

namespace Cinnabar.Tests.Serving;

/// <summary>Many texts from many threads. Alone, as the runtime counts the memory of the whole process.</summary>
[Collection(nameof(MemoryTests))]
public sealed class ModelEngineStressTests
{
    private const int Threads = 8;
    private const int Jobs = 2400;
    private const int Rounds = 3;
    private const int WarmUp = 400;

    [Fact]
    public async Task Submit_ThousandsWithRandomCancels_LosesNoneAndHoldsNoMemory()
    {
        using ServingModel serving = new();
        await using ModelEngine engine = new(serving.Load(1), new EngineOptions { MaxRunning = 16, MaxWaiting = 24 });
        Counts counts = new();
        await Run(engine, WarmUp, counts);

        // What is kept for each text makes every round grow; buffers that find their size, or other tests' garbage, at most one.
        long grown = long.MaxValue;
        for (int round = 0; round < Rounds; round++)
        {
            long before = GC.GetTotalMemory(forceFullCollection: true);
            await Run(engine, Jobs / Rounds, counts);
            grown = Math.Min(grown, GC.GetTotalMemory(forceFullCollection: true) - before);
        }

        Assert.Equal(WarmUp + Jobs, counts.Finished + counts.Cancelled);
        bool isMixed = counts.Finished > Jobs / 4 && counts.Cancelled > Jobs / 20;
        Assert.True(isMixed, $"{counts.Finished} finished, {counts.Cancelled} cancelled.");
        EngineStatus status = engine.Status;
        Assert.Equal((0, 0, 0L), (status.Running, status.Waiting, status.Failed));
        Assert.Equal(
            ((long)counts.Finished, (long)counts.Cancelled, (long)counts.Refused), (status.Finished, status.Cancelled, status.Refused));
        Assert.True(grown < 256 * (Jobs / Rounds), $"{grown} bytes more after {Jobs / Rounds} texts.");
    }

    private static Task Run(ModelEngine engine, int jobs, Counts counts) => Task.WhenAll(
        Enumerable.Range(0, Threads).Select(thread => Task.Run(() => Client(engine, thread, jobs / Threads, counts))));

    private static async Task Client(ModelEngine engine, int thread, int jobs, Counts counts)
    {
        DeterministicRandom random = new((ulong)thread);
        List<DenoisingJob> open = [];
        for (int i = 0; i < jobs; i++)
        {
            open.Add(await Submit(engine, random, counts));
            if (random.NextInt(4) == 0)
            {
                open[random.NextInt(open.Count)].Cancel();
            }

            if (open.Count > random.NextInt(8))
            {
                await Close(open, counts);
            }
        }

        while (open.Count > 0)
        {
            await Close(open, counts);
        }
    }

    private static async Task<DenoisingJob> Submit(ModelEngine engine, DeterministicRandom random, Counts counts)
    {
        SamplerOptions options = new()
        {
            Temperature = 1,
            Seed = random.NextUInt64(),
            Cache = random.NextInt(6) == 0 ? CacheKind.Dual : CacheKind.None,
            RemaskBelow = random.NextInt(4) == 0 ? 0.2 : null,
        };
        while (true)
        {
            try
            {
                TextCanvas text = engine.Model.CanvasFor("int x = ", 1 + random.NextInt(5));
                return engine.Submit(text, options, (StepDetail)random.NextInt(3));
            }
            catch (EngineBusyException)
            {
                Interlocked.Increment(ref counts.Refused);
                await Task.Delay(1);
            }
        }
    }

    private static async Task Close(List<DenoisingJob> open, Counts counts)
    {
        try
        {
            await open[0].Completion.WaitAsync(TimeSpan.FromSeconds(60));
            Interlocked.Increment(ref counts.Finished);
        }
        catch (OperationCanceledException)
        {
            Interlocked.Increment(ref counts.Cancelled);
        }

        open.RemoveAt(0);
    }

    private sealed class Counts
    {
        public int Finished;
        public int Cancelled;
        public int Refused;
    }
}
