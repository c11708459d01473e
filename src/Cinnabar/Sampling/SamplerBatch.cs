// Continuous batching: canvases come and go between steps, and every step of all of them shares passes through the network where it can
// (SharedPass). Each canvas becomes what it would become alone. Whether a run has another step is decided right after the last one, so that
// a finished canvas leaves without waiting for the passes of the others. What fails for one canvas alone (nothing may be written at a
// position, the network lacks what an option needs) fails that canvas alone.
using Cinnabar.Diffusion;

namespace Cinnabar.Sampling;

/// <summary>Canvases that are denoised together and come and go between steps; not thread-safe.</summary>
public sealed class SamplerBatch
{
    private readonly DenoisingRuns _runs;
    private readonly List<DenoisingRun> _active = []; // each between Next and its pass
    private readonly List<DenoisingRun> _stepped = [];

    internal SamplerBatch(DenoisingRuns runs) => _runs = runs;

    /// <summary>Canvases that are not finished.</summary>
    public int Count => _active.Count;

    /// <summary>Takes a canvas in; its first step is the next one.</summary>
    /// <param name="canvas">Changed in place by every step.</param>
    /// <param name="options">How it is sampled.</param>
    /// <param name="isWatched">Whether the observer of steps looks at the canvas, and not only at numbers.</param>
    /// <returns>False: it has no step to take, and is not in the batch.</returns>
    /// <exception cref="CinnabarException">An option, or the canvas, does not fit.</exception>
    public bool Add(Canvas canvas, SamplerOptions options, bool isWatched = true)
    {
        if (_active.Exists(run => run.Canvas == canvas))
        {
            throw new ArgumentException("The canvas is in the batch already.", nameof(canvas));
        }

        DenoisingRun run = _runs.Begin(canvas, options);
        run.IsWatched = isWatched;
        return TakesStep(run);
    }

    /// <summary>Drops a canvas, which stays as its last step left it; nothing if it is not in the batch.</summary>
    public void Remove(Canvas canvas)
    {
        if (_active.Find(run => run.Canvas == canvas) is DenoisingRun found)
        {
            _active.Remove(found);
            _runs.Return(found);
        }
    }

    /// <summary>Takes one step of every canvas.</summary>
    /// <param name="observer">Called for every step taken, in the order of the canvases.</param>
    /// <param name="finished">Receives the canvases that have no further step; they leave the batch.</param>
    /// <param name="failed">
    /// Receives the canvases whose step failed, with the reason; they leave the batch, the others go on. Null: the first failure is thrown,
    /// and the batch is of no use any more.
    /// </param>
    /// <exception cref="CinnabarException">The network returned NaN, or nothing may be written at a position.</exception>
    public void Step(Action<DenoisingStep>? observer, ICollection<Canvas> finished, ICollection<FailedCanvas>? failed = null)
    {
        _runs.FinishSteps(_active, failed);
        if (failed is { Count: > 0 })
        {
            _active.RemoveAll(run => failed.Any(failure => failure.Canvas == run.Canvas));
        }

        if (observer is not null)
        {
            foreach (DenoisingRun run in _active)
            {
                observer(run.Report());
            }
        }

        _stepped.Clear();
        _stepped.AddRange(_active);
        _active.Clear();
        foreach (DenoisingRun run in _stepped)
        {
            try
            {
                if (!TakesStep(run))
                {
                    finished.Add(run.Canvas);
                }
            }
            catch (Exception error) when (failed is not null)
            {
                failed.Add(new FailedCanvas(run.Canvas, error));
            }
        }
    }

    private bool TakesStep(DenoisingRun run)
    {
        bool takes = run.Next(CancellationToken.None);
        if (takes)
        {
            _active.Add(run);
        }
        else
        {
            _runs.Return(run);
        }

        return takes;
    }
}
