// Canvases of a network of uniform noise, a step of each in turn: such networks keep what they have read for each canvas and make a pass
// for each, so nothing is shared but the time.
using Cinnabar.Diffusion;

namespace Cinnabar.Sampling;

/// <summary>Canvases with uniform noise that come and go between steps; not thread-safe.</summary>
internal sealed class UniformBatch(UniformSampler sampler) : ICanvasBatch
{
    private readonly List<(Canvas Canvas, UniformRun Run)> _active = [];
    private readonly List<(Canvas Canvas, UniformRun Run)> _stepped = [];

    /// <inheritdoc/>
    public int Count => _active.Count;

    /// <inheritdoc/>
    public bool Add(Canvas canvas, SamplerOptions options)
    {
        UniformRun run = sampler.Begin(canvas, options);
        if (run.IsFinished)
        {
            return false;
        }

        _active.Add((canvas, run));
        return true;
    }

    /// <inheritdoc/>
    public void Remove(Canvas canvas) => _active.RemoveAll(run => run.Canvas == canvas);

    /// <inheritdoc/>
    public void Step(Action<DenoisingStep>? observer, ICollection<Canvas> finished, ICollection<FailedCanvas>? failed = null)
    {
        _stepped.Clear();
        _stepped.AddRange(_active);
        _active.Clear();
        foreach ((Canvas canvas, UniformRun run) in _stepped)
        {
            try
            {
                run.Step(CancellationToken.None);
                observer?.Invoke(run.Report());
            }
            catch (Exception error) when (failed is not null)
            {
                failed.Add(new FailedCanvas(canvas, error));
                continue;
            }

            if (run.IsFinished)
            {
                finished.Add(canvas);
            }
            else
            {
                _active.Add((canvas, run));
            }
        }
    }
}
