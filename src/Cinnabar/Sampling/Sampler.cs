// A network and what reads it, ready for one canvas after another or several at once. What a step does depends on the noise, see the table
// in Diffusion/Corruption.cs:
//
//   the mask token    MaskedRun     commits the positions that a StepPolicy chooses
//   random tokens     UniformRun    accepts some, draws the others anew
//   Gaussian          LatentRun     moves latents towards what the network guesses, and shows what they spell
using Cinnabar.Diffusion;
using Cinnabar.Latents;
using Cinnabar.Models;
using Cinnabar.Numerics;
using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Sampling;

/// <summary>Denoises canvases with one network; not thread-safe, use one sampler a thread.</summary>
public sealed class Sampler
{
    private readonly DenoisingRuns _runs;

    /// <summary>Makes a sampler.</summary>
    /// <param name="denoiser">The network.</param>
    /// <param name="workers">Threads that share the rows of a step; null: the caller alone. The result is the same.</param>
    /// <param name="time">The clock of <see cref="SamplerOptions.Deadline"/>; null: the system's.</param>
    /// <param name="statistics">Reads rows of logits on the network's device, where that is enough; null: the processor reads all.</param>
    /// <param name="tokens">
    /// Ids from this one on are rows of the network's table that no token belongs to: where noise is uniform neither noise nor text. Null:
    /// there are none.
    /// </param>
    public Sampler(
        IDenoiser denoiser,
        WorkerPool? workers = null,
        TimeProvider? time = null,
        ITokenStatistics? statistics = null,
        int? tokens = null) =>
        _runs = denoiser switch
        {
            IUniformDenoiser uniform => new UniformRuns(uniform, workers, tokens),
            LatentTextDenoiser latents => new LatentRuns(latents),
            _ => new MaskedRuns(denoiser, workers, time ?? TimeProvider.System, statistics),
        };

    /// <summary>Denoises <paramref name="canvas"/> to the end.</summary>
    /// <param name="canvas">Changed in place.</param>
    /// <param name="options">Checked before the first pass.</param>
    /// <param name="cancellation">Looked at before every pass.</param>
    /// <param name="observer">Called after every step; without one, a step after the first canvas allocates nothing.</param>
    /// <returns>The number of passes through the network.</returns>
    /// <exception cref="CinnabarException">An option, or the canvas, does not fit; the network returned NaN.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; the canvas is as the last step left it.</exception>
    public int Run(
        Canvas canvas, SamplerOptions options, CancellationToken cancellation = default, Action<DenoisingStep>? observer = null) =>
        Run(canvas, options, cancellation, observer, isWatched: true);

    // isWatched: whether the observer looks at the canvas, and not only at numbers.
    internal int Run(
        Canvas canvas, SamplerOptions options, CancellationToken cancellation, Action<DenoisingStep>? observer, bool isWatched)
    {
        DenoisingRun run = _runs.Begin(canvas, options);
        run.IsWatched = isWatched;
        while (run.Step(cancellation))
        {
            observer?.Invoke(run.Report());
        }

        _runs.Return(run);
        return run.Passes;
    }

    /// <summary>
    /// Denoises several canvases at once: the network computes a step of each in one pass, if it is an <see cref="IBatchDenoiser"/>.
    /// Each becomes what it would become alone; one that is done leaves the batch. Those with guidance, measured drift, VerifyThreshold,
    /// LeftToRight or DraftTokens take passes of their own.
    /// </summary>
    /// <param name="canvases">Changed in place, each another one.</param>
    /// <param name="options">One for each canvas.</param>
    /// <param name="cancellation">Looked at before every pass.</param>
    /// <param name="observer">Called after every step of each canvas with the canvas' index.</param>
    /// <returns>The number of passes that each canvas took part in.</returns>
    /// <inheritdoc cref="Run(Canvas, SamplerOptions, CancellationToken, Action{DenoisingStep}?)"/>
    public int[] Run(
        IReadOnlyList<Canvas> canvases,
        IReadOnlyList<SamplerOptions> options,
        CancellationToken cancellation = default,
        Action<int, DenoisingStep>? observer = null)
    {
        if (options.Count != canvases.Count || canvases.Distinct().Count() != canvases.Count)
        {
            throw new ArgumentException(
                $"Expected different canvases and options for each, found {canvases.Count} canvases, {canvases.Distinct().Count()} of them "
                + $"different, and {options.Count} options.",
                nameof(canvases));
        }

        Dictionary<Canvas, int> indices = [];
        SamplerBatch batch = StartBatch();
        for (int i = 0; i < canvases.Count; i++)
        {
            indices.Add(canvases[i], i);
            batch.Add(canvases[i], options[i]);
        }

        int[] passes = new int[canvases.Count];
        List<Canvas> finished = [];
        while (batch.Count > 0)
        {
            cancellation.ThrowIfCancellationRequested();
            batch.Step(Observe, finished);
        }

        return passes;

        void Observe(DenoisingStep step)
        {
            int index = indices[step.Canvas];
            passes[index] = step.ForwardPasses;
            observer?.Invoke(index, step);
        }
    }

    /// <summary>A batch of canvases that come and go, each denoised as it would be alone. Use one batch at a time.</summary>
    public SamplerBatch StartBatch() => new(_runs);

    /// <summary>Denoises <paramref name="canvas"/> step by step, as the result is enumerated; no step if nothing is noisy.</summary>
    /// <inheritdoc cref="Run(Canvas, SamplerOptions, CancellationToken, Action{DenoisingStep}?)"/>
    /// <returns>The steps, in order.</returns>
    public IEnumerable<DenoisingStep> Steps(Canvas canvas, SamplerOptions options, CancellationToken cancellation = default)
    {
        DenoisingRun run = _runs.Begin(canvas, options);
        run.IsWatched = true;
        bool isOver = false; // once returned, the run may belong to another canvas
        return Enumerate();

        IEnumerable<DenoisingStep> Enumerate()
        {
            while (!isOver && run.Step(cancellation))
            {
                yield return run.Report();
            }

            if (!isOver)
            {
                isOver = true;
                _runs.Return(run);
            }
        }
    }

    /// <summary>Checks that the options, the canvas and the network fit together. Thread-safe.</summary>
    /// <exception cref="CinnabarException">They do not.</exception>
    internal void Check(Canvas canvas, SamplerOptions options) => _runs.Check(canvas, options);
}
