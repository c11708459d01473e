// One model for many callers at once. A thread of its own denoises all canvases together, step after step; between steps canvases come in,
// in the order they were submitted, and finished or cancelled ones leave. The text of each is what it would be alone.
//
//   Submit ─▶ waiting ─▶ running: batch.Step, batch.Step, … ─▶ Completion
//
// Callers never make the thread wait: a step that nobody reads is dropped. Time spent waiting counts towards a deadline.
using Cinnabar.Diffusion;
using Cinnabar.Sampling;

namespace Cinnabar.Serving;

/// <summary>A model that many callers share. Thread-safe. Nothing else may use the model meanwhile, but to lay out texts.</summary>
public sealed partial class ModelEngine : IAsyncDisposable
{
    private static readonly TimeSpan s_leastDeadline = TimeSpan.FromTicks(1); // one pass then writes everything

    private readonly TimeProvider _time;
    private readonly EngineOptions _options;
    private readonly object _lock = new();
    private readonly Queue<DenoisingJob> _waiting = new();
    private readonly Dictionary<Canvas, DenoisingJob> _running = []; // changed by the thread alone
    private readonly List<Canvas> _finished = [];
    private readonly Thread _thread;
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private ICanvasBatch _batch;
    private EngineStatus _status;
    private bool _isStopping;

    /// <summary>Starts the thread.</summary>
    /// <param name="model">The model, used by nobody else.</param>
    /// <param name="options">How much is done at once; null: the defaults.</param>
    /// <param name="time">The clock of deadlines and durations; null: the system's.</param>
    /// <exception cref="CinnabarException">An option is out of range.</exception>
    public ModelEngine(DiffusionModel model, EngineOptions? options = null, TimeProvider? time = null)
    {
        _options = options ?? new EngineOptions();
        _options.Validate();
        _time = time ?? TimeProvider.System;
        Model = model;
        _batch = model.StartBatch();
        _thread = new Thread(Work) { IsBackground = true, Name = $"cinnabar {model.Name}" };
        _thread.Start();
    }

    /// <summary>The model: its texts are laid out with <see cref="DiffusionModel.CanvasFor(string, int?)"/> and the like.</summary>
    public DiffusionModel Model { get; }

    /// <summary>What it is doing.</summary>
    public EngineStatus Status
    {
        get
        {
            lock (_lock)
            {
                return _status with { Running = _running.Count, Waiting = _waiting.Count };
            }
        }
    }

    /// <summary>Hands in a text.</summary>
    /// <param name="text">Laid out for this model; the engine changes its canvas from now on.</param>
    /// <param name="options">How it is sampled; null: the model's defaults.</param>
    /// <param name="detail">Which steps the job will show.</param>
    /// <exception cref="EngineBusyException">Too many texts wait, or the engine has been stopped.</exception>
    /// <exception cref="CinnabarException">An option is out of range.</exception>
    public DenoisingJob Submit(TextCanvas text, SamplerOptions? options = null, StepDetail detail = StepDetail.None)
    {
        options = Model.Followed(options ?? Model.DefaultOptions);
        options.Validate();
        DenoisingJob job = new(text, options, detail, _time.GetTimestamp());
        lock (_lock)
        {
            RequireRoom(_waiting.Count + _running.Count);
            _waiting.Enqueue(job);
            Monitor.Pulse(_lock);
        }

        return job;
    }

    /// <summary>Refuses new texts, finishes those in work and ends the thread.</summary>
    /// <param name="within">Time for what is in work; then it is cancelled.</param>
    public async Task StopAsync(TimeSpan within)
    {
        lock (_lock)
        {
            _isStopping = true;
            Monitor.Pulse(_lock);
        }

        try
        {
            await _ended.Task.WaitAsync(within, _time).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            lock (_lock)
            {
                foreach (DenoisingJob job in _waiting.Concat(_running.Values))
                {
                    job.Cancel();
                }

                GiveUpWork();
            }

            await _ended.Task.ConfigureAwait(false);
        }
    }

    /// <summary>Cancels everything and ends the thread.</summary>
    public async ValueTask DisposeAsync() => await StopAsync(TimeSpan.Zero).ConfigureAwait(false);

    private void Work()
    {
        while (Admit())
        {
            DropCancelled();
            RunWork();
            if (_batch.Count == 0)
            {
                continue;
            }

            try
            {
                _batch.Step(Observe, _finished);
            }
            catch (Exception error)
            {
                // What the steps of a pass have in common is broken, so is every canvas in it; the next ones start afresh.
                FailAll(error);
                continue;
            }

            foreach (Canvas canvas in _finished)
            {
                Finish(canvas);
            }

            _finished.Clear();
        }

        _ended.SetResult();
    }

    // Waits for work and takes it in; false: there will be none.
    private bool Admit()
    {
        List<DenoisingJob> admitted = [];
        lock (_lock)
        {
            while (_waiting.Count == 0 && _running.Count == 0 && _work.Count == 0 && !_isStopping)
            {
                Monitor.Wait(_lock);
            }

            // Those given up while they waited make room for others at once.
            for (int waiting = _waiting.Count; waiting > 0; waiting--)
            {
                DenoisingJob job = _waiting.Dequeue();
                if (job.IsCancelled || _running.Count < _options.MaxRunning)
                {
                    _running.Add(job.Text.Canvas, job);
                    admitted.Add(job);
                }
                else
                {
                    _waiting.Enqueue(job);
                }
            }

            if (_running.Count == 0)
            {
                return !_isStopping || _work.Count > 0;
            }
        }

        admitted.ForEach(Begin);
        return true;
    }

    private void RequireRoom(int taken)
    {
        if (_isStopping)
        {
            throw new EngineBusyException($"Expected {Model.Name} to take texts, found that it is being stopped.", isStopped: true);
        }

        if (taken >= _options.MaxWaiting + _options.MaxRunning)
        {
            _status = _status with { Refused = _status.Refused + 1 };
            throw new EngineBusyException(
                $"Expected fewer than {_options.MaxRunning} texts in work and {_options.MaxWaiting} that wait for {Model.Name}, "
                + "found as many already. Try again in a moment.",
                isStopped: false);
        }
    }

    private void Begin(DenoisingJob job)
    {
        job.Started = _time.GetTimestamp();
        SamplerOptions options = job.Options;
        if (options.Deadline is TimeSpan deadline)
        {
            TimeSpan left = deadline - _time.GetElapsedTime(job.Submitted);
            options = options with { Deadline = left > s_leastDeadline ? left : s_leastDeadline };
        }

        try
        {
            if (!job.IsCancelled && !_batch.Add(job.Text.Canvas, options))
            {
                Finish(job.Text.Canvas);
            }
        }
        catch (Exception error)
        {
            Leave(job, status => status with { Failed = status.Failed + 1 });
            job.Fail(error);
        }
    }

    private void Observe(DenoisingStep step) => _running[step.Canvas].Take(step);

    private void DropCancelled()
    {
        foreach (DenoisingJob job in _running.Values.Where(job => job.IsCancelled).ToArray())
        {
            _batch.Remove(job.Text.Canvas);
            Leave(job, status => status with { Cancelled = status.Cancelled + 1 });
            job.FinishCancelled();
        }
    }

    private void Finish(Canvas canvas)
    {
        DenoisingJob job = _running[canvas];
        GenerationResult result = GenerationResult.Finished(
            job.Text.ToResult(), Model, job.Options, job.Last, _time.GetElapsedTime(job.Started));
        Leave(job, status => status with { Finished = status.Finished + 1, NewTokens = status.NewTokens + result.NewTokens });
        job.Finish(result);
    }

    private void FailAll(Exception error)
    {
        _finished.Clear();
        foreach (DenoisingJob job in _running.Values.ToArray())
        {
            Leave(job, status => status with { Failed = status.Failed + 1 });
            job.Fail(error);
        }

        _batch = Model.StartBatch();
    }

    private void Leave(DenoisingJob job, Func<EngineStatus, EngineStatus> count)
    {
        lock (_lock)
        {
            _running.Remove(job.Text.Canvas);
            _status = count(_status) with
            {
                Steps = _status.Steps + (job.Last?.Step ?? 0),
                ForwardPasses = _status.ForwardPasses + (job.Last?.ForwardPasses ?? 0),
            };
        }
    }
}
