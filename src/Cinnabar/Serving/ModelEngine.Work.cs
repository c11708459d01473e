// Other work with the model than texts, such as the likelihood of one. It is done on the engine's thread between two steps, one piece after
// each, so whoever has much of it hands it in piece by piece, and the texts go on meanwhile.
//
// Work of many pieces is taken on once, as a text is (BeginWork). To refuse a later piece, or a text that belongs to it, because others
// have filled the queue or the engine stops, would throw the earlier ones away. While texts are denoised such work gets a third of the
// time: a pass of a score can take as long as ten steps of a short text, and one after each would make everybody's text ten times slower.
namespace Cinnabar.Serving;

public sealed partial class ModelEngine
{
    private const int TextsShare = 2; // time for steps behind a piece, in times of the piece

    private readonly Queue<WorkPiece> _work = new();
    private TimeSpan _owedToTexts; // time for steps before the next piece of what has begun; used by the thread alone
    private int _begun; // works of many pieces that have not ended
    private bool _givesUp; // the time of a stop is over, or the thread has ended

    // An engine that stops still gets the pieces of what has begun.
    private bool MayGetMore => !_isStopping || (_begun > 0 && !_givesUp);

    /// <summary>Does other work with the model, on the engine's thread between two steps.</summary>
    /// <param name="work">About as much as a step, or all texts wait for it; more of it: <see cref="BeginWork"/>.</param>
    /// <param name="cancellation">Gives it up, if it has not begun.</param>
    /// <returns>What it returns, or throws.</returns>
    /// <exception cref="EngineBusyException">Too much waits, or the engine has been stopped.</exception>
    public Task<T> RunAsync<T>(Func<DiffusionModel, T> work, CancellationToken cancellation = default)
    {
        lock (_lock)
        {
            RequireRoom(WorkTaken());
            return Enqueue(work, isOfBegun: false, cancellation);
        }
    }

    /// <summary>Takes on work of many pieces: none of them is refused, and a stop gives them the time that it gives to texts.</summary>
    /// <returns>Takes the pieces; to be disposed when there are no more.</returns>
    /// <exception cref="EngineBusyException">Too much waits, or the engine has been stopped.</exception>
    public EngineWork BeginWork()
    {
        lock (_lock)
        {
            RequireRoom(WorkTaken());
            _begun++;
        }

        return new EngineWork(this);
    }

    /// <summary>Does a piece of what has begun.</summary>
    internal Task<T> ContinueAsync<T>(Func<DiffusionModel, T> work, CancellationToken cancellation)
    {
        lock (_lock)
        {
            return _givesUp
                ? Task.FromCanceled<T>(new CancellationToken(canceled: true))
                : Enqueue(work, isOfBegun: true, cancellation);
        }
    }

    /// <summary>Ends what has begun.</summary>
    internal void EndWork()
    {
        lock (_lock)
        {
            _begun--;
            Monitor.Pulse(_lock); // a stop may have waited for it
        }
    }

    // Under the lock.
    private Task<T> Enqueue<T>(Func<DiffusionModel, T> work, bool isOfBegun, CancellationToken cancellation)
    {
        TaskCompletionSource<T> completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
        _work.Enqueue(new WorkPiece(Run, isOfBegun));
        Monitor.Pulse(_lock);
        return completion.Task;

        void Run(bool isGivenUp)
        {
            if (isGivenUp || cancellation.IsCancellationRequested)
            {
                completion.TrySetCanceled(cancellation);
                return;
            }

            try
            {
                completion.TrySetResult(work(Model));
            }
            catch (Exception error)
            {
                NoteLoss(error);
                completion.TrySetException(error);
            }
        }
    }

    // What has begun counts as one, whether or not a piece of it waits at the moment.
    private int WorkTaken() => _begun + _work.Count(piece => !piece.IsOfBegun);

    // Under the lock.
    private void GiveUpWork()
    {
        _givesUp = true;
        Monitor.Pulse(_lock);
        while (_work.TryDequeue(out WorkPiece piece))
        {
            piece.Do(true);
        }
    }

    // One piece; the next comes after the next step, or when texts have had their share.
    private void RunWork()
    {
        bool mayGoOn = _batch.Count == 0 || _owedToTexts <= TimeSpan.Zero;
        WorkPiece piece;
        lock (_lock)
        {
            if (!_work.TryPeek(out piece) || (piece.IsOfBegun && !mayGoOn))
            {
                return;
            }

            _work.Dequeue();
        }

        long start = _time.GetTimestamp();
        piece.Do(false);
        if (piece.IsOfBegun)
        {
            _owedToTexts = TextsShare * _time.GetElapsedTime(start);
        }
    }

    // Do: called with whether it is given up.
    private readonly record struct WorkPiece(Action<bool> Do, bool IsOfBegun);
}
