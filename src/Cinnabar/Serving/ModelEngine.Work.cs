// Other work with the model than texts, such as the likelihood of one. It is done on the engine's thread between two steps, one piece after
// each, so whoever has much of it hands it in piece by piece, and the texts go on meanwhile.
namespace Cinnabar.Serving;

public sealed partial class ModelEngine
{
    private readonly Queue<Action<bool>> _work = new(); // called with whether it is given up

    /// <summary>Does other work with the model, on the engine's thread between two steps.</summary>
    /// <param name="work">About as much as a step, or all texts wait for it.</param>
    /// <param name="cancellation">Gives it up, if it has not begun.</param>
    /// <returns>What it returns, or throws.</returns>
    /// <exception cref="EngineBusyException">Too much waits, or the engine has been stopped.</exception>
    public Task<T> RunAsync<T>(Func<DiffusionModel, T> work, CancellationToken cancellation = default)
    {
        TaskCompletionSource<T> completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_lock)
        {
            RequireRoom(_work.Count);
            _work.Enqueue(Run);
            Monitor.Pulse(_lock);
        }

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
                completion.TrySetException(error);
            }
        }
    }

    private void GiveUpWork()
    {
        while (_work.TryDequeue(out Action<bool>? work))
        {
            work(true);
        }
    }

    // One piece; the next comes after the next step.
    private void RunWork()
    {
        Action<bool>? work;
        lock (_lock)
        {
            _work.TryDequeue(out work);
        }

        work?.Invoke(false);
    }
}
