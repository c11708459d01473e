namespace Cinnabar.Serving;

/// <summary>Work of many pieces that an engine has taken on, see <see cref="ModelEngine.BeginWork"/>. Thread-safe.</summary>
public sealed class EngineWork : IDisposable
{
    private readonly ModelEngine _engine;
    private int _hasEnded;

    internal EngineWork(ModelEngine engine) => _engine = engine;

    /// <summary>Does a piece, on the engine's thread between two steps.</summary>
    /// <param name="piece">About as much as a step, or all texts wait for it.</param>
    /// <param name="cancellation">Gives it up, if it has not begun.</param>
    /// <returns>What it returns, or throws; cancelled if the engine has been stopped and its time is over.</returns>
    /// <exception cref="ObjectDisposedException">The work has ended.</exception>
    public Task<T> RunAsync<T>(Func<DiffusionModel, T> piece, CancellationToken cancellation = default)
    {
        ObjectDisposedException.ThrowIf(Volatile.Read(ref _hasEnded) != 0, this);
        return _engine.ContinueAsync(piece, cancellation);
    }

    /// <summary>Ends the work: there are no more pieces.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _hasEnded, 1) == 0)
        {
            _engine.EndWork();
        }
    }
}
