// How texts come in: whoever hands one in is told at once whether there is room, and the thread takes it in between two steps.
using Cinnabar.Sampling;

namespace Cinnabar.Serving;

public sealed partial class ModelEngine
{
    /// <summary>The most texts that it takes at once: those that it works on and those that wait.</summary>
    public int MostTexts => _options.MaxRunning + _options.MaxWaiting;

    /// <summary>Hands in a text.</summary>
    /// <param name="text">Laid out for this model; the engine changes its canvas from now on.</param>
    /// <param name="options">How it is sampled; null: the model's defaults.</param>
    /// <param name="detail">Which steps the job will show.</param>
    /// <exception cref="EngineBusyException">Too many texts wait, or the engine has been stopped.</exception>
    /// <exception cref="CinnabarException">An option is out of range, or does not fit the canvas or the model.</exception>
    /// <exception cref="ArgumentException">The engine works on that text already.</exception>
    public DenoisingJob Submit(TextCanvas text, SamplerOptions? options = null, StepDetail detail = StepDetail.None) =>
        HandIn(text, options, detail, isOfBegun: false);

    /// <summary>Hands in a text. One of work that has begun is not refused: if the time of a stop is over, its job is cancelled.</summary>
    internal DenoisingJob HandIn(TextCanvas text, SamplerOptions? options, StepDetail detail, bool isOfBegun)
    {
        options = Model.Followed(options ?? Model.DefaultOptions);
        DenoisingJob job = new(text, options, detail, _time.GetTimestamp());
        lock (_lock)
        {
            if (!isOfBegun)
            {
                RequireRoom(_taken.Count);
            }

            if (!_taken.Add(text.Canvas))
            {
                throw new ArgumentException("The engine works on this text already; lay it out once more.", nameof(text));
            }
        }

        bool isHandedIn = false;
        try
        {
            Model.Check(text.Canvas, options);
            lock (_lock)
            {
                isHandedIn = WillBeTaken(isOfBegun);
                if (isHandedIn)
                {
                    _waiting.Enqueue(job);
                    Monitor.Pulse(_lock);
                }
                else
                {
                    job.FinishCancelled();
                }
            }
        }
        finally
        {
            if (!isHandedIn)
            {
                lock (_lock)
                {
                    _taken.Remove(text.Canvas);
                }
            }
        }

        return job;
    }

    // Waits for work and takes it in; false: there will be none.
    private bool Admit()
    {
        List<DenoisingJob> admitted = [];
        lock (_lock)
        {
            while (_waiting.Count == 0 && _running.Count == 0 && _work.Count == 0 && MayGetMore)
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
                return MayGetMore || _work.Count > 0;
            }
        }

        admitted.ForEach(Begin);
        return true;
    }

    private void RequireGoingOn()
    {
        if (_isStopping)
        {
            throw new EngineBusyException($"Expected {Model.Name} to take texts, found that it is being stopped.", isStopped: true);
        }
    }

    // Under the lock. Whether somebody will take the text in.
    private bool WillBeTaken(bool isOfBegun)
    {
        if (isOfBegun)
        {
            return MayGetMore;
        }

        RequireGoingOn();
        return true;
    }

    private void RequireRoom(int taken)
    {
        RequireGoingOn();
        if (taken >= MostTexts)
        {
            _status = _status with { Refused = _status.Refused + 1 };
            throw new EngineBusyException(
                $"Expected fewer than {_options.MaxRunning} texts in work and {_options.MaxWaiting} that wait for {Model.Name}, "
                + "found as many already. Try again in a moment.",
                isStopped: false);
        }
    }
}
