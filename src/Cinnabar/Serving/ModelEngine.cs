// One model for many callers at once. A thread of its own denoises all canvases together, step after step; between steps canvases come in,
// in the order they were submitted, and finished or cancelled ones leave. The text of each is what it would be alone.
//
//   Submit ─▶ waiting ─▶ running: batch.Step, batch.Step, … ─▶ Completion
//
// Callers never make the thread wait: a step that nobody reads is dropped. Time spent waiting counts towards a deadline; a text whose
// deadline is too short for two steps, as the last one went, is written in one. What goes wrong fails the texts it concerns and never the
// thread.
using Cinnabar.Diffusion;
using Cinnabar.Numerics;
using Cinnabar.Sampling;

namespace Cinnabar.Serving;

/// <summary>A model that many callers share. Thread-safe. Nothing else may use the model meanwhile, but to lay out texts.</summary>
public sealed partial class ModelEngine : IAsyncDisposable
{
    private readonly TimeProvider _time;
    private readonly EngineOptions _options;
    private readonly object _lock = new();
    private readonly Queue<DenoisingJob> _waiting = new();
    private readonly Dictionary<Canvas, DenoisingJob> _running = []; // changed by the thread alone
    private readonly HashSet<Canvas> _taken = []; // of all jobs that are checked, wait or run
    private readonly List<Canvas> _finished = [];
    private readonly List<FailedCanvas> _failed = [];
    private readonly Thread _thread;
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private SamplerBatch _batch;
    private EngineStatus _status;
    private (TimeSpan Time, int Positions) _lastStep; // positions of all its canvases
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
        _batch = model.StartBatch(_time);
        _thread = new Thread(Work) { IsBackground = true, Name = $"cinnabar {model.Name}" };
        _thread.Start();
    }

    /// <summary>The model: its texts are laid out with <see cref="DiffusionModel.CanvasFor(string, int?)"/> and the like.</summary>
    public DiffusionModel Model { get; }

    /// <summary>Why the device cannot be used any more, and no text will be written; null: it can.</summary>
    public DeviceException? Lost { get; private set; }

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

            (int positions, long start) = (PositionsInWork(), _time.GetTimestamp());
            try
            {
                _batch.Step(Observe, _finished, _failed);
                _lastStep = (_time.GetElapsedTime(start), positions);
                _owedToTexts -= _lastStep.Time;
            }
            catch (Exception error)
            {
                // Nobody knows what state the batch is in; the next texts start afresh.
                FailAll(error);
            }

            _failed.ForEach(failure => Fail(_running[failure.Canvas], failure.Error));
            _finished.ForEach(Finish);
            _failed.Clear();
            _finished.Clear();
        }

        lock (_lock)
        {
            GiveUpWork(); // pieces that came since the last look, as their work was ended
        }

        _ended.SetResult();
    }

    private void Begin(DenoisingJob job)
    {
        job.Started = _time.GetTimestamp();
        try
        {
            if (!job.IsCancelled && !_batch.Add(job.Text.Canvas, Remaining(job), job.IsWatched))
            {
                Finish(job.Text.Canvas);
            }
        }
        catch (Exception error)
        {
            Fail(job, error);
        }
    }

    private int PositionsInWork() => _running.Keys.Sum(canvas => canvas.Length);

    // The options with what waiting has left of the deadline: if that is too short for two steps, the first pass writes everything. A step
    // is taken to last as long as the one before, less if fewer positions are in work, not more: what more of them cost, passes measure.
    private SamplerOptions Remaining(DenoisingJob job)
    {
        SamplerOptions options = job.Options;
        if (options.Deadline is not TimeSpan deadline)
        {
            return options;
        }

        TimeSpan left = deadline - _time.GetElapsedTime(job.Submitted);
        TimeSpan step = _lastStep.Time * Math.Min(1, PositionsInWork() / (double)_lastStep.Positions);
        return left > 2 * step
            ? options with { Deadline = left }
            : options with { Deadline = null, MaxPasses = options.CfgScale > 0 ? 2 : 1 };
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
        GenerationResult result;
        try
        {
            result = GenerationResult.Finished(
                job.Text.ToResult(), Model, job.Options, job.Last, _time.GetElapsedTime(job.Started)) with { CacheDrift = job.Drift };
        }
        catch (Exception error)
        {
            Fail(job, error);
            return;
        }

        Leave(job, status => status with { Finished = status.Finished + 1, NewTokens = status.NewTokens + result.NewTokens });
        job.Finish(result);
    }

    private void Fail(DenoisingJob job, Exception error)
    {
        NoteLoss(error);
        Leave(job, status => status with { Failed = status.Failed + 1 });
        job.Fail(error);
    }

    private void NoteLoss(Exception error)
    {
        if (error is DeviceException { IsLost: true } lost)
        {
            Lost ??= lost;
        }
    }

    private void FailAll(Exception error)
    {
        _failed.Clear();
        _finished.Clear();
        foreach (DenoisingJob job in _running.Values.ToArray())
        {
            Fail(job, error);
        }

        _batch = Model.StartBatch(_time);
    }

    private void Leave(DenoisingJob job, Func<EngineStatus, EngineStatus> count)
    {
        lock (_lock)
        {
            _running.Remove(job.Text.Canvas);
            _taken.Remove(job.Text.Canvas);
            _status = count(_status) with
            {
                Steps = _status.Steps + (job.Last?.Step ?? 0),
                ForwardPasses = _status.ForwardPasses + (job.Last?.ForwardPasses ?? 0),
            };
        }
    }
}
