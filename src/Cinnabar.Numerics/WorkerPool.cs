// A fixed set of threads that share the items of one loop at a time.
//
// Items are handed out by an atomic counter, so a slow thread takes fewer. What an item computes never depends on which
// thread runs it or on how many there are; kernels choose their items so that every sum is made inside one item. That is
// what makes results the same bits for 1, 2 or 16 threads. Inside a loop denormal numbers count as zero (FloatControl).
//
// Workers wait for the next loop in a spin, and after a while asleep. Starting a loop wakes only those that sleep: the number of the loop
// is published first and looked at again after falling asleep, so neither side can miss the other. A worker takes part in a loop by
// passing its gate. The caller closes the gate when no item is left and waits for those inside only: whoever comes late, because it
// slept or another program has its core, is not waited for.
//
// A loop's body is a struct. Where the loop is shared, the threads find it in an object that the pool keeps for each type of body, so a
// loop allocates only the first time.
using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using Cinnabar.Numerics.Jit;

namespace Cinnabar.Numerics;

/// <summary>A fixed pool of worker threads. One loop runs at a time; a loop started inside a loop runs on its own thread alone.</summary>
public sealed class WorkerPool : IDisposable
{
    // A training step issues a loop every few hundred microseconds; waiting that long in a spin is cheaper than two context switches.
    private const int SpinIterations = 2_000;

    private const int Open = 1 << 30;

    [ThreadStatic]
    private static bool t_insideLoop;

    private readonly Sleeper[] _workers;
    private readonly Lock _oneLoop = new();
    private readonly Dictionary<Type, SharedLoop> _loops = [];
    private SharedLoop? _loop;
    private int _count;
    private int _next;
    private int _gate; // Open, plus the number of workers inside
    private int _generation;
    private volatile bool _stopping;
    private Exception? _failure;

    /// <summary>Starts <paramref name="threads"/> − 1 background threads; the caller of a loop is the last one.</summary>
    /// <param name="threads">Threads that share a loop, at least 1.</param>
    public WorkerPool(int threads)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        Threads = threads;
        _workers = new Sleeper[threads - 1];
        for (int i = 0; i < _workers.Length; i++)
        {
            Sleeper worker = _workers[i] = new Sleeper();
            new Thread(() => Work(worker)) { IsBackground = true, Name = $"cinnabar worker {i + 1}" }.Start();
        }
    }

    /// <summary>Threads that share a loop.</summary>
    public int Threads { get; }

    /// <summary>Whether the whole process uses this pool, so that nobody may end its threads.</summary>
    internal bool IsShared { get; init; }

    /// <summary>
    /// Runs <paramref name="body"/> once for each of the consecutive ranges of <paramref name="grain"/> items that cover 0 …
    /// <paramref name="total"/> − 1, in any order, and returns when all are done.
    /// </summary>
    /// <exception cref="ObjectDisposedException">The pool was disposed.</exception>
    /// <exception cref="Exception">The first one thrown by <paramref name="body"/>; remaining ranges are then not started.</exception>
    public void For<TBody>(int total, int grain, TBody body)
        where TBody : struct, ILoopBody
    {
        int ranges = (total + grain - 1) / grain;
        if (ranges <= 1 || _workers.Length == 0 || t_insideLoop)
        {
            uint control = FloatControl.FlushDenormals();
            try
            {
                for (int range = 0; range < ranges; range++)
                {
                    body.Run(range * grain, Math.Min(total, (range + 1) * grain));
                }
            }
            finally
            {
                FloatControl.Restore(control);
            }

            KeepAlive(body);
            return;
        }

        lock (_oneLoop)
        {
            ObjectDisposedException.ThrowIf(_stopping, this);
            SharedLoop<TBody> loop = LoopOf<TBody>();
            loop.Set(body, total, grain);
            _loop = loop;
            _count = ranges;
            _failure = null;
            Volatile.Write(ref _next, 0);
            Interlocked.Exchange(ref _gate, Open);
            Begin();
            TakeItems();
            Interlocked.And(ref _gate, ~Open);
            SpinWait spin = default;
            while (Volatile.Read(ref _gate) != 0)
            {
                spin.SpinOnce(sleep1Threshold: -1);
            }

            _loop = null;
            loop.Set(default, 0, grain); // the pool outlives what the body refers to
            if (_failure is not null)
            {
                ExceptionDispatchInfo.Throw(_failure);
            }
        }
    }

    /// <summary>Calls <paramref name="body"/> once for every item 0 … <paramref name="count"/> − 1, in any order.</summary>
    /// <inheritdoc cref="For{TBody}(int, int, TBody)"/>
    public void For(int count, Action<int> body) => For(count, grain: 1, new EachItem(body));

    /// <summary>Ends the threads; those that all tables of the process share stay.</summary>
    public void Dispose()
    {
        if (!IsShared)
        {
            _stopping = true;
            Begin();
        }
    }

    private void Begin()
    {
        Interlocked.Increment(ref _generation);
        foreach (Sleeper worker in _workers)
        {
            worker.Wake();
        }
    }

    private void Work(Sleeper me)
    {
        int seen = 0;
        while (true)
        {
            for (int i = 0; i < SpinIterations && Volatile.Read(ref _generation) == seen; i++)
            {
                Thread.SpinWait(8);
            }

            me.SleepWhile(ref _generation, seen);
            if (_stopping)
            {
                return;
            }

            seen = Volatile.Read(ref _generation);
            if (Enter())
            {
                TakeItems();
                Interlocked.Decrement(ref _gate);
            }
        }
    }

    // What a loop has written before it opened the gate is seen by whoever passes it, and stays until they have left.
    private bool Enter()
    {
        int gate = Volatile.Read(ref _gate);
        while ((gate & Open) != 0)
        {
            int found = Interlocked.CompareExchange(ref _gate, gate + 1, gate);
            if (found == gate)
            {
                return true;
            }

            gate = found;
        }

        return false;
    }

    private void TakeItems()
    {
        SharedLoop loop = _loop!;
        t_insideLoop = true;
        uint control = FloatControl.FlushDenormals();
        try
        {
            int item;
            while ((item = Interlocked.Increment(ref _next) - 1) < _count)
            {
                loop.Run(item);
            }
        }
        catch (Exception failure)
        {
            Interlocked.CompareExchange(ref _failure, failure, null);
            Volatile.Write(ref _next, _count);
        }
        finally
        {
            FloatControl.Restore(control);
            t_insideLoop = false;
        }
    }

    private SharedLoop<TBody> LoopOf<TBody>()
        where TBody : struct, ILoopBody
    {
        if (!_loops.TryGetValue(typeof(TBody), out SharedLoop? loop))
        {
            _loops.Add(typeof(TBody), loop = new SharedLoop<TBody>());
        }

        return (SharedLoop<TBody>)loop;
    }

    // Bodies take raw pointers from tensors that only their fields keep alive; a call that the compiler cannot look into needs them whole.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void KeepAlive<TBody>(in TBody body)
        where TBody : struct, ILoopBody
    {
    }

    // Not a SemaphoreSlim: that takes a lock for every loop, and allocates where a thread has to wait.
    private sealed class Sleeper
    {
        private readonly AutoResetEvent _event = new(false);
        private int _asleep;

        public void SleepWhile(ref int value, int unchanged)
        {
            if (Volatile.Read(ref value) != unchanged)
            {
                return;
            }

            Interlocked.Exchange(ref _asleep, 1);
            while (Volatile.Read(ref value) == unchanged)
            {
                _event.WaitOne();
            }

            Volatile.Write(ref _asleep, 0);
        }

        // The value was changed by an interlocked operation before.
        public void Wake()
        {
            if (Volatile.Read(ref _asleep) != 0)
            {
                _event.Set();
            }
        }
    }

    private abstract class SharedLoop
    {
        public abstract void Run(int range);
    }

    private sealed class SharedLoop<TBody> : SharedLoop
        where TBody : struct, ILoopBody
    {
        private TBody _body;
        private int _total;
        private int _grain;

        public void Set(TBody body, int total, int grain)
        {
            _body = body;
            _total = total;
            _grain = grain;
        }

        public override void Run(int range) => _body.Run(range * _grain, Math.Min(_total, (range + 1) * _grain));
    }

    private readonly struct EachItem(Action<int> body) : ILoopBody
    {
        public void Run(int from, int to)
        {
            for (int item = from; item < to; item++)
            {
                body(item);
            }
        }
    }
}
