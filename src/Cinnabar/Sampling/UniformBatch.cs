// Canvases of a network of uniform noise, a step of each in turn: such networks keep what they have read for each canvas and make a pass for
// each, so nothing is shared but the time.
using Cinnabar.Diffusion;

namespace Cinnabar.Sampling;

/// <summary>Canvases with uniform noise that come and go between steps; not thread-safe.</summary>
internal sealed class UniformBatch(UniformSampler sampler) : ICanvasBatch
{
    private readonly List<(Canvas Canvas, IEnumerator<DenoisingStep> Steps)> _active = [];

    /// <inheritdoc/>
    public int Count => _active.Count;

    /// <inheritdoc/>
    public bool Add(Canvas canvas, SamplerOptions options)
    {
        IEnumerator<DenoisingStep> steps = sampler.Steps(canvas, options).GetEnumerator();
        if (canvas.NoisyCount == 0)
        {
            return false;
        }

        _active.Add((canvas, steps));
        return true;
    }

    /// <inheritdoc/>
    public void Remove(Canvas canvas) => _active.RemoveAll(run => run.Canvas == canvas);

    /// <inheritdoc/>
    public void Step(Action<DenoisingStep>? observer, ICollection<Canvas> finished)
    {
        for (int i = 0; i < _active.Count; i++)
        {
            (Canvas canvas, IEnumerator<DenoisingStep> steps) = _active[i];
            if (steps.MoveNext())
            {
                observer?.Invoke(steps.Current);
            }
            else
            {
                finished.Add(canvas);
            }
        }

        _active.RemoveAll(run => finished.Contains(run.Canvas));
    }
}
