// Continuous batching: canvases come and go between steps, and every step of all of them shares passes through the network (SharedPass).
// Each canvas becomes what it would become alone. Whether a run has another step is decided right after the last one, so that a finished
// canvas leaves without waiting for the passes of the others. What fails for one canvas alone (nothing may be written at a position, the
// network lacks what an option needs) fails that canvas alone.
using Cinnabar.Diffusion;

namespace Cinnabar.Sampling;

/// <summary>Canvases that are denoised together and come and go between steps; not thread-safe.</summary>
public sealed class SamplerBatch : ICanvasBatch
{
    private readonly Sampler _sampler;
    private readonly SharedPass _shared;
    private readonly List<SamplerRun> _active = []; // each between Next and its pass
    private readonly List<SamplerRun> _stepped = [];

    internal SamplerBatch(Sampler sampler, SharedPass shared)
    {
        _sampler = sampler;
        _shared = shared;
    }

    /// <inheritdoc/>
    public int Count => _active.Count;

    /// <inheritdoc/>
    public bool Add(Canvas canvas, SamplerOptions options)
    {
        if (_active.Exists(run => run.Canvas == canvas))
        {
            throw new ArgumentException("The canvas is in the batch already.", nameof(canvas));
        }

        SamplerRun run = _sampler.Begin(canvas, options);
        return TakesStep(run);
    }

    /// <inheritdoc/>
    public void Remove(Canvas canvas)
    {
        if (_active.Find(run => run.Canvas == canvas) is SamplerRun found)
        {
            _active.Remove(found);
            _sampler.Return(found);
        }
    }

    /// <inheritdoc/>
    public void Step(Action<DenoisingStep>? observer, ICollection<Canvas> finished, ICollection<FailedCanvas>? failed = null)
    {
        _shared.FinishSteps(_active, failed);
        if (failed is { Count: > 0 })
        {
            _active.RemoveAll(run => failed.Any(failure => failure.Canvas == run.Canvas));
        }

        if (observer is not null)
        {
            foreach (SamplerRun run in _active)
            {
                observer(run.Report());
            }
        }

        _stepped.Clear();
        _stepped.AddRange(_active);
        _active.Clear();
        foreach (SamplerRun run in _stepped)
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

    private bool TakesStep(SamplerRun run)
    {
        bool takes = run.Next(CancellationToken.None);
        if (takes)
        {
            _active.Add(run);
        }
        else
        {
            _sampler.Return(run);
        }

        return takes;
    }
}
