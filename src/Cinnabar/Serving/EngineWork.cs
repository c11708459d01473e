using Cinnabar.Sampling;

namespace Cinnabar.Serving;

/// <summary>Work of many pieces that an engine has taken on, see <see cref="ModelEngine.BeginWork"/>. Thread-safe.</summary>
public sealed class EngineWork : IDisposable
{
    private readonly ModelEngine _engine;
    private int _hasEnded;

    internal EngineWork(ModelEngine engine) => _engine = engine;

    /// <summary>Does a piece, on the engine's thread between two steps; texts in work get twice its time before the next one.</summary>
    /// <param name="piece">About as much as a step, or all texts wait for it.</param>
    /// <param name="cancellation">Gives it up, if it has not begun.</param>
    /// <returns>What it returns, or throws; cancelled if the engine has been stopped and its time is over.</returns>
    /// <exception cref="ObjectDisposedException">The work has ended.</exception>
    public Task<T> RunAsync<T>(Func<DiffusionModel, T> piece, CancellationToken cancellation = default)
    {
        RequireNotEnded();
        return _engine.ContinueAsync(piece, cancellation);
    }

    /// <summary>Finds the lengths of holes, see <see cref="DiffusionModel.FindLengths"/>: a piece for each pass.</summary>
    /// <param name="text">Any text; one that needs no search comes back as it is.</param>
    /// <param name="options">How the holes will be filled; null: the model's defaults.</param>
    /// <param name="cancellation">Gives the search up.</param>
    /// <exception cref="CinnabarException">The model or an option does not go with a search.</exception>
    /// <exception cref="ObjectDisposedException">The work has ended.</exception>
    public Task<TextWithHoles> FindLengthsAsync(
        TextWithHoles text, SamplerOptions? options = null, CancellationToken cancellation = default)
    {
        RequireNotEnded();
        return text.FindsLengths ? _engine.FindLengthsAsync(this, text, options, cancellation) : Task.FromResult(text);
    }

    /// <summary>Hands in a text that belongs to the work. It is denoised like any other, and goes on when the work has ended.</summary>
    /// <param name="text">Laid out for this model; the engine changes its canvas from now on.</param>
    /// <param name="options">How it is sampled; null: the model's defaults.</param>
    /// <param name="detail">Which steps the job will show.</param>
    /// <returns>Its job; cancelled if the engine has been stopped and its time is over.</returns>
    /// <exception cref="CinnabarException">An option is out of range, or does not fit the canvas or the model.</exception>
    /// <exception cref="ArgumentException">The engine works on that text already.</exception>
    /// <exception cref="ObjectDisposedException">The work has ended.</exception>
    public DenoisingJob Submit(TextCanvas text, SamplerOptions? options = null, StepDetail detail = StepDetail.None)
    {
        RequireNotEnded();
        return _engine.HandIn(text, options, detail, isOfBegun: true);
    }

    /// <summary>Ends the work: there are no more pieces.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _hasEnded, 1) == 0)
        {
            _engine.EndWork();
        }
    }

    private void RequireNotEnded() => ObjectDisposedException.ThrowIf(Volatile.Read(ref _hasEnded) != 0, this);
}
