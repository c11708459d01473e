using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace Cinnabar.Numerics.Tests;

public sealed class WorkerPoolTests
{
    private static readonly TimeSpan s_soon = TimeSpan.FromSeconds(30);

    public static TheoryData<int> Threads => [1, 2, 3, 5, 16];

    [Theory]
    [MemberData(nameof(Threads))]
    public void For_AnyCount_CallsEveryItemOnce(int threads)
    {
        using WorkerPool pool = new(threads);
        foreach (int count in (int[])[0, 1, 2, 3, 4, 5, 15, 16, 17, 100, 1000])
        {
            int[] calls = new int[count];
            pool.For(count, item => Interlocked.Increment(ref calls[item]));
            Assert.All(calls, n => Assert.Equal(1, n));
        }
    }

    [Theory]
    [MemberData(nameof(Threads))]
    public void For_ManyShortLoops_LosesNoItem(int threads)
    {
        using WorkerPool pool = new(threads);
        int total = 0;
        for (int loop = 0; loop < 50; loop++)
        {
            pool.For(3, _ => Interlocked.Increment(ref total));
        }

        Assert.Equal(150, total);
    }

    [Fact]
    public void For_ManyItems_UsesEveryThread()
    {
        // Each item waits for the other two, so three threads must be at it.
        using WorkerPool pool = new(3);
        using Barrier together = new(3);
        pool.For(3, _ => Assert.True(together.SignalAndWait(s_soon)));
    }

    [Theory]
    [InlineData(0, 4)]
    [InlineData(1, 4)]
    [InlineData(4, 4)]
    [InlineData(5, 4)]
    [InlineData(37, 8)]
    public void For_AnyTotal_CoversItInRangesOfTheGrain(int total, int grain)
    {
        using WorkerPool pool = new(2);
        ConcurrentBag<(int From, int To)> ranges = [];
        pool.For(total, grain, new NoteRanges(ranges));
        int next = 0;
        foreach ((int from, int to) in ranges.OrderBy(r => r.From))
        {
            Assert.Equal(next, from);
            Assert.Equal(Math.Min(total, from + grain), to);
            next = to;
        }

        Assert.Equal(total, next);
    }

    [Theory]
    [MemberData(nameof(Threads))]
    public void For_BodyThrows_RethrowsAndThePoolStaysUsable(int threads)
    {
        using WorkerPool pool = new(threads);
        for (int round = 0; round < 4; round++)
        {
            InvalidOperationException error = Assert.Throws<InvalidOperationException>(
                () => pool.For(50, item => throw new InvalidOperationException($"item {item}")));
            Assert.StartsWith("item ", error.Message, StringComparison.Ordinal);
            int calls = 0;
            pool.For(50, _ => Interlocked.Increment(ref calls));
            Assert.Equal(50, calls);
        }
    }

    [Fact]
    public void For_LastItemThrows_IsNotLost()
    {
        using WorkerPool pool = new(2);
        Assert.Throws<InvalidOperationException>(() => pool.For(40, item =>
        {
            if (item == 39)
            {
                throw new InvalidOperationException();
            }
        }));
    }

    [Fact]
    public void For_InsideFor_RunsEveryItem()
    {
        using WorkerPool pool = new(3);
        int calls = 0;
        pool.For(10, _ => pool.For(20, _ => pool.For(2, _ => Interlocked.Increment(ref calls))));
        Assert.Equal(400, calls);
    }

    [Fact]
    public void For_CalledByTwoThreads_RunsBothLoops()
    {
        using WorkerPool pool = new(2);
        int calls = 0;
        Thread[] callers = [.. Enumerable.Range(0, 2).Select(_ => new Thread(() =>
        {
            for (int loop = 0; loop < 100; loop++)
            {
                pool.For(7, _ => Interlocked.Increment(ref calls));
            }
        }))];
        Array.ForEach(callers, caller => caller.Start());
        Assert.All(callers, caller => Assert.True(caller.Join(s_soon)));
        Assert.Equal(1400, calls);
    }

    [Fact]
    public void Dispose_IdleThreads_EndsThem()
    {
        WorkerPool pool = new(3);
        using Barrier together = new(3);
        ConcurrentBag<Thread> threads = [];
        pool.For(3, _ =>
        {
            threads.Add(Thread.CurrentThread);
            together.SignalAndWait(s_soon);
        });
        pool.Dispose();
        Thread[] workers = [.. threads.Where(thread => thread != Thread.CurrentThread)];
        Assert.Equal(2, workers.Length);
        Assert.All(workers, worker => Assert.True(worker.Join(s_soon)));
    }

    [Theory]
    [MemberData(nameof(Threads))]
    public void For_DenormalNumbers_AreZeroInsideAndNotOutside(int threads)
    {
        float inside = X86Base.X64.IsSupported ? 0 : 0.75e-38f; // other processors keep them
        using WorkerPool pool = new(threads);
        foreach (int count in (int[])[1, 100])
        {
            float[] results = new float[count];
            pool.For(count, item => results[item] = Half(1.5e-38f));
            Assert.All(results, result => Assert.Equal(inside, result));
            Assert.Throws<InvalidOperationException>(() => pool.For(count, _ => throw new InvalidOperationException()));
            Assert.Equal(0.75e-38f, Half(1.5e-38f));
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void For_BodyOfTheSameType_AllocatesNothing(int threads)
    {
        using WorkerPool pool = new(threads);
        int[] counts = new int[100];
        pool.For(counts.Length, grain: 7, new CountItems(counts));
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int loop = 0; loop < 10; loop++)
        {
            pool.For(counts.Length, grain: 7, new CountItems(counts));
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.All(counts, count => Assert.Equal(11, count));
    }

    [Fact]
    public void For_Finished_KeepsNothingOfTheBodyAlive()
    {
        using WorkerPool pool = new(2);
        WeakReference counts = Loop(pool);
        GC.Collect();
        Assert.False(counts.IsAlive);

        [MethodImpl(MethodImplOptions.NoInlining)]
        static WeakReference Loop(WorkerPool pool)
        {
            int[] counts = new int[100];
            pool.For(counts.Length, grain: 7, new CountItems(counts));
            return new WeakReference(counts);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static float Half(float value) => value * 0.5f;

    [Fact]
    public void For_AfterDispose_ThrowsInsteadOfWaitingForever()
    {
        WorkerPool pool = new(2);
        pool.Dispose();
        Assert.Throws<ObjectDisposedException>(() => pool.For(5, _ => { }));
    }

    [Fact]
    public void Constructor_NoThreads_Throws() => Assert.Throws<ArgumentOutOfRangeException>(() => new WorkerPool(0));

    private readonly struct NoteRanges(ConcurrentBag<(int From, int To)> ranges) : ILoopBody
    {
        public void Run(int from, int to) => ranges.Add((from, to));
    }

    private readonly struct CountItems(int[] counts) : ILoopBody
    {
        public void Run(int from, int to)
        {
            for (int item = from; item < to; item++)
            {
                Interlocked.Increment(ref counts[item]);
            }
        }
    }
}
