using Cinnabar.Diffusion;

namespace Cinnabar.Sampling;

/// <summary>Canvases that are denoised together and come and go between steps.</summary>
public interface ICanvasBatch
{
    /// <summary>Canvases that are not finished.</summary>
    int Count { get; }

    /// <summary>Takes a canvas in; its first step is the next one.</summary>
    /// <param name="canvas">Changed in place by every step.</param>
    /// <param name="options">How it is sampled.</param>
    /// <returns>False: it has no step to take, and is not in the batch.</returns>
    /// <exception cref="CinnabarException">An option, or the canvas, does not fit.</exception>
    bool Add(Canvas canvas, SamplerOptions options);

    /// <summary>Drops a canvas, which stays as its last step left it; nothing if it is not in the batch.</summary>
    void Remove(Canvas canvas);

    /// <summary>Takes one step of every canvas.</summary>
    /// <param name="observer">Called for every step taken, in the order of the canvases.</param>
    /// <param name="finished">Receives the canvases that have no further step; they leave the batch.</param>
    /// <param name="failed">
    /// Receives the canvases whose step failed, with the reason; they leave the batch, the others go on. Null: the first failure is thrown,
    /// and the batch is of no use any more.
    /// </param>
    /// <exception cref="CinnabarException">The network returned NaN, or nothing may be written at a position.</exception>
    void Step(Action<DenoisingStep>? observer, ICollection<Canvas> finished, ICollection<FailedCanvas>? failed = null);
}

/// <summary>A canvas whose step failed.</summary>
/// <param name="Canvas">As the failure left it.</param>
/// <param name="Error">The reason.</param>
public readonly record struct FailedCanvas(Canvas Canvas, Exception Error);
